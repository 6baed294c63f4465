"""The shapes of the data, which networks are derived from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes of the data, which networks are derived from.

    Attributes:
        image_size: side in pixels.
        channels: 1 or 3.
        classes: number of labels; 0 where there are none.
        kind: the kind of the data; "images" so far.
    """

    image_size: int
    channels: int
    classes: int
    kind: Literal["images"] = "images"

    @property
    def pixels(self) -> int:
        """Values an image has: channels * image_size^2."""
        return self.channels * self.image_size**2
