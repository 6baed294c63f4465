"""The shapes of the data, which networks are derived from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes of the data, which networks are derived from.

    Attributes:
        image_size: side in pixels; 0 for points.
        channels: 1 or 3; 0 for points.
        classes: number of labels; 0 where there are none.
        kind: images, or points in the plane.
    """

    image_size: int
    channels: int
    classes: int
    kind: Literal["images", "points"] = "images"

    @classmethod
    def of_points(cls, classes: int = 0) -> Self:
        """The shapes of points in the plane."""
        return cls(0, 0, classes=classes, kind="points")

    @property
    def sample(self) -> tuple[int, ...]:
        """The shape of one sample: (channels, height, width) of an image, (2,) of a point."""
        if self.kind == "points":
            return (2,)
        return (self.channels, self.image_size, self.image_size)

    @property
    def values(self) -> int:
        """Values a sample has: channels * image_size^2 of an image, 2 of a point."""
        return math.prod(self.sample)
