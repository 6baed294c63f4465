"""The interface of a data set, before its images are prepared."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gantool.errors import GantoolError

if TYPE_CHECKING:
    from PIL.Image import Image

Indices = npt.NDArray[np.int64]
SPLITS = ("train", "validation", "test")


def in_mode(image: Image, mode: str) -> Image:
    """The image in a Pillow mode: itself, not a copy, where it has that mode."""
    return image if image.mode == mode else image.convert(mode)


class UnreadableImageError(Exception):
    """One image cannot be decoded; it is counted, named and left out."""


class MissingDataError(GantoolError):
    """The data set is neither at hand nor can it be downloaded: exit code 1."""


class Source(abc.ABC):
    """A data set: numbered images, perhaps labelled, in three fixed splits.

    Construction is cheap. `open` makes `splits`, `labels` and `classes` available; only then are
    images read.

    Attributes:
        splits: for each of "train", "validation" and "test" the numbers of its images, int64.
        labels: int64 [all images], or None.
        classes: the name of each label; empty where there are no labels.
        factors: int64 [all images, F], what each image is made of; None where nobody knows.
        factor_values: the name of each of the F factors, and how many values it has.
        image_size: side in pixels that images will have once they are prepared, known when `open`
            is called: a source that makes its images makes them of this size.
        warnings: sentences on the data that the user should be told; filled by `open`.
    """

    splits: dict[str, Indices]
    labels: Indices | None = None
    classes: Sequence[str] = ()
    factors: Indices | None = None
    factor_values: Mapping[str, int] = {}
    image_size: int

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.warnings: list[str] = []

    @abc.abstractmethod
    def present(self) -> bool:
        """Whether the images are on this machine; does not import torch."""

    @abc.abstractmethod
    def key(self) -> str:
        """A cheap identity of the content, equal for equal content.

        The cache of prepared images is named after it.

        Raises:
            GantoolError: the images are not there and cannot be had.
        """

    @abc.abstractmethod
    def open(self) -> None:
        """Read what is needed to number, split and label the images."""

    @abc.abstractmethod
    def image(self, number: int) -> Image:
        """Decode one image, 8 bits a channel, mode L or RGB.

        Several threads call it at once.

        Raises:
            UnreadableImageError: the file is damaged or not an image.
        """

    def is_gray(self) -> bool:
        """Whether every image is grey; decides the number of channels where nothing else does."""
        return False

    def name_of(self, number: int) -> str:
        """The name of an image in messages."""
        return f"image {number}"

    def close(self) -> None:  # noqa: B027  (most sources hold nothing)
        """Let go of temporary files."""
