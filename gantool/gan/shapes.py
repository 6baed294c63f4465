"""The shapes of the data, which networks are derived from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Self

from gantool.config import parse_size
from gantool.data.prepared import Prepared
from gantool.errors import ConfigError
from gantool.plugins.spec import Kind


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes of the data, which networks are derived from.

    Attributes:
        size: (height, width) of an image in pixels; (0, 0) for points.
        channels: 1, 3, or 4 (RGB with alpha); 0 for points.
        classes: number of labels; 0 where there are none.
        kind: images, or points in the plane.
        scale: the length, in the data's own units, that is 1 for a model of points.
        shares: the share of each class in the training data; None where they are equal.
        pack: samples that lie behind each other in one, as a discriminator of packs sees them.
    """

    size: tuple[int, int]
    channels: int
    classes: int
    kind: Kind = "images"
    scale: float = 1.0
    shares: tuple[float, ...] | None = None
    pack: int = 1

    @classmethod
    def of_points(
        cls, classes: int = 0, *, scale: float = 1.0, shares: tuple[float, ...] | None = None
    ) -> Self:
        """The shapes of points in the plane."""
        return cls((0, 0), 0, classes=classes, kind="points", scale=scale, shares=shares)

    @classmethod
    def of(cls, data: Prepared) -> Self:
        """Those of prepared data."""
        return cls(
            data.size,
            data.channels,
            classes=len(data.classes),
            kind=data.kind,
            scale=data.scale,
            shares=data.shares,
        )

    @classmethod
    def recorded(cls, data: Mapping[str, Any]) -> Self:
        """Those of a run's record, from the part that is on data.

        A record without shares is of a run that asked for all classes alike.

        Raises:
            KeyError, TypeError, ValueError: it does not say.
        """
        classes = len(data.get("classes", ()))
        shares = tuple(map(float, data.get("shares") or ())) or None
        total = sum(shares or ())
        if shares and (len(shares) != classes or min(shares) < 0 or not math.isclose(total, 1)):
            raise ValueError(f"{shares} are no shares of {classes} classes")
        if data.get("kind") == "points":
            return cls.of_points(classes, scale=float(data["scale"]), shares=shares)
        size, channels = parse_size(data["image_size"]), int(data["channels"])
        return cls(size, channels, classes=classes, shares=shares)

    @property
    def height(self) -> int:
        """The height of an image in pixels; 0 for points."""
        return self.size[0]

    @property
    def width(self) -> int:
        """The width of an image in pixels; 0 for points."""
        return self.size[1]

    @property
    def image_size(self) -> int:
        """The side of a square image in pixels, for a model that can draw no other.

        Raises:
            ConfigError: height and width differ.
        """
        if self.height != self.width:
            raise ConfigError(
                f"this model draws square images only, not {self.height} x {self.width}.",
                f"Give --image-size {max(self.size)}; --fit says how images come to that shape.",
            )
        return self.height

    def packed(self, pack: int) -> Self:
        """Those of so many samples in one: images have all their channels, points all their values.

        Packs of 1 are these shapes.
        """
        return replace(self, channels=self.channels * pack, pack=pack)

    @property
    def sample(self) -> tuple[int, ...]:
        """The shape of one sample: (channels, height, width) of an image, (2,) of a point."""
        if self.kind == "points":
            return (2 * self.pack,)
        return (self.channels, *self.size)

    @property
    def values(self) -> int:
        """Values a sample has: channels * height * width of an image, 2 of a point."""
        return math.prod(self.sample)


def sides(length: int) -> list[int]:
    """The sides of the feature maps along one dimension, largest first.

    Each is half of the one before, rounded up, until 4 or less is left. 64 gives 64, 32, 16, 8, 4;
    28 gives 28, 14, 7, 4; 48 gives 48, 24, 12, 6, 3.
    """
    result = [length]
    while result[-1] > 4:
        result.append((result[-1] + 1) // 2)
    return result


def maps(size: tuple[int, int]) -> list[tuple[int, int]]:
    """The (height, width) of the feature maps, largest first.

    Both sides are halved until the shorter is done; it then stays while the longer goes on. 16 x 64
    gives 16 x 64, 8 x 32, 4 x 16, 4 x 8, 4 x 4.
    """
    height, width = map(sides, size)
    return [(h or height[-1], w or width[-1]) for h, w in zip_longest(height, width, fillvalue=0)]


def between(larger: tuple[int, int], smaller: tuple[int, int]) -> dict[str, Any]:
    """Kernel, stride and padding of a layer between two feature maps, along each dimension.

    A side that is halved has stride 2 and a kernel of 4, or of 3 where it is odd; one that stays
    has stride 1 and a kernel of 3.
    """
    sizes = list(zip(larger, smaller, strict=True))
    return {
        "kernel_size": tuple(4 if a > b and a % 2 == 0 else 3 for a, b in sizes),
        "stride": tuple(2 if a > b else 1 for a, b in sizes),
        "padding": 1,
    }
