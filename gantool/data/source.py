"""The interface of a data set, before its images are prepared."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

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
        splits: for each of "train", "validation" and "test" the numbers of its images, int64; None
            where each image's pixels shall decide, 90 / 5 / 5, so that equal images share a split.
        count: the number of images, where `splits` is None.
        apart: whether a copy of this object, made by pickle, can read the images in another
            process, which is quicker where decoding takes the time.
        labels: int64 [all images], or None.
        classes: the name of each label; empty where there are no labels.
        factors: int64 [all images, F], what each image is made of; None where nobody knows.
        factor_values: the name of each of the F factors, and how many values it has.
        size: (height, width) in pixels that images will have once they are prepared, known when
            `open` is called: a source that makes its images makes them of this size.
        channels: that were asked for, 1, 3 or 4; None where the images decide; known as early.
        label_column: name of the column, key or array that the user takes labels from; None where
            the usual ones count. It is known before `key` is called, and part of that.
        warnings: sentences on the data that the user should be told; filled by `open`.
    """

    splits: dict[str, Indices] | None = None
    count: int = 0
    apart: ClassVar[bool] = False
    labels: Indices | None = None
    classes: Sequence[str] = ()
    factors: Indices | None = None
    factor_values: Mapping[str, int] = {}
    size: tuple[int, int]
    channels: int | None
    label_column: str | None = None

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
        """One image, in any of Pillow's modes; it may still be encoded.

        Several threads call it at once.

        Raises:
            UnreadableImageError: the file is damaged or not an image.
        """

    def name_of(self, number: int) -> str:
        """The name of an image in messages."""
        return f"image {number}"

    def close(self) -> None:  # noqa: B027  (most sources hold nothing)
        """Let go of temporary files."""
