"""The data sets `robots` and `cats`."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from PIL import Image

from gantool import ConfigError, GantoolError, Source
from gantool.data import splits
from gantool_robots.truth import CATS, ROBOTS, Kit, compose, draw, load_layers, package

SPLITS = (40_000, 5_000, 5_000)
SMALLEST = 16


class _Composed(Source):
    """Different pictures of a kit.

    Attributes:
        kit: what they are composed of.
        largest: pixels a side of its drawings.
        sizes: numbers of pictures that train, validate and test.
    """

    apart: ClassVar[bool] = True
    kit: ClassVar[Kit]
    largest: ClassVar[int]
    sizes: ClassVar[tuple[int, int, int]] = SPLITS

    def present(self) -> bool:
        """Whether robohash and its drawings are installed."""
        try:
            return (package() / "sets" / self.kit.folder).is_dir()
        except GantoolError:
            return False

    def key(self) -> str:
        """The checksum that the drawings must have; `open` verifies it."""
        return f"{self.kit.name} 1 {self.sizes} {self.kit.sha256}"

    def open(self) -> None:
        """Read the drawings and choose the pictures.

        Raises:
            ConfigError: the drawings do not serve such a size, or alpha.
            MissingDataError: robohash is not installed.
            GantoolError: its drawings are others.
        """
        side, width = self.size
        if side != width:
            raise ConfigError(
                f"{self.kit.name} are composed square, not {side} x {width}.",
                "Give --image-size one side.",
            )
        if not SMALLEST <= side <= self.largest:
            raise ConfigError(
                f"{self.kit.name} can be had from {SMALLEST} to {self.largest} pixels a side, "
                f"not {side}.",
                "Give another --image-size.",
            )
        if self.channels == 4:
            raise ConfigError(
                f"{self.kit.name} are composed on white: they have no alpha.",
                "Leave --channels out.",
            )
        self._layers = load_layers(self.kit, side)
        self.factors = draw(self.kit, sum(self.sizes))
        self.factor_values = self.kit.values
        self.splits = splits.consecutive(*self.sizes)

    def image(self, number: int) -> Image.Image:
        """One picture, mode RGB, of the size that was asked for."""
        assert self.factors is not None
        factors = self.factors[number : number + 1]
        return Image.fromarray(compose(self._layers, factors, image_size=self.size[0])[0])


class Robots(_Composed):
    """Robots by color, body, face, mouth, eyes and accessory; a robot's class is its color."""

    kit = ROBOTS
    largest = 300
    classes = ROBOTS.colors

    def open(self) -> None:
        """Read the drawings and choose the robots."""
        super().open()
        assert self.factors is not None
        self.labels = np.ascontiguousarray(self.factors[:, 0])


class Cats(_Composed):
    """Cats by body, fur, eyes, mouth and accessory, without classes."""

    kit = CATS
    largest = 1024
