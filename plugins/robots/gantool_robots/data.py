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
            ConfigError: the image size is not one that the drawings serve.
            MissingDataError: robohash is not installed.
            GantoolError: its drawings are others.
        """
        if not SMALLEST <= self.image_size <= self.largest:
            raise ConfigError(
                f"{self.kit.name} can be had from {SMALLEST} to {self.largest} pixels a side, "
                f"not {self.image_size}.",
                "Give another --image-size.",
            )
        self._layers = load_layers(self.kit, self.image_size)
        self.factors = draw(self.kit, sum(self.sizes))
        self.factor_values = self.kit.values
        self.splits = splits.consecutive(*self.sizes)

    def image(self, number: int) -> Image.Image:
        """One picture, mode RGB, of the size that was asked for."""
        assert self.factors is not None
        return Image.fromarray(
            compose(self._layers, self.factors[number : number + 1], image_size=self.image_size)[0]
        )


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
