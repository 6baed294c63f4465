"""Decoded images in one array: NumPy's .npy and .npz, and HDF5."""

from __future__ import annotations

import abc
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from gantool.data.readers.archive import LARGEST
from gantool.data.readers.labels import complete, spell_label
from gantool.data.readers.pictures import OwnImages, Recent, library, readable
from gantool.data.source import UnreadableImageError
from gantool.errors import ConfigError
from gantool.runs.zips import check_size, check_sizes

IMAGE_ARRAYS = ("images", "image", "imgs", "x", "data", "arr_0")
LABEL_ARRAYS = ("y", "arr_1")  # beside the usual names of columns
_CHANNELS = (1, 3, 4)
_BLOCK_BYTES = 1 << 25  # bytes of images that are read at a time
_BLOCKS = 8
_AS = "Save it as uint8 from 0 to 255, [N, height, width] or [N, height, width, channels]."


class ImageArrays(OwnImages):
    """Decoded images, in an array of one file.

    The array is [N, height, width], or has 1, 3 or 4 channels at the end, or behind N if not at the
    end; of uint8, or of floating-point numbers that all lie in [0, 1] or in [-1, 1].
    """

    def __init__(self, files: Sequence[Path]) -> None:
        super().__init__(files)
        self._blocks = Recent(self._read_block, most=_BLOCKS)

    @abc.abstractmethod
    def names(self) -> list[str]:
        """The names of the arrays in the file, which is opened."""

    @abc.abstractmethod
    def array(self, name: str) -> Any:
        """An array, of which slices can be read."""

    def open(self) -> None:
        """Check the images, and read the labels.

        Raises:
            ConfigError: the file is damaged, or an array is not as it must be.
            GantoolError: h5py is needed and not installed.
        """
        with readable(self.files[0]):
            names = self.names()
            name = self._choose(names)
            self._images = self.array(name)
            self._check(tuple(self._images.shape), np.dtype(self._images.dtype))
            names.remove(name)
            column = self.find_column(names, title=self.subject, usual=LABEL_ARRAYS)
            if column is not None:
                self.classify(self._labels(np.asarray(self.array(column)), column))

    def image(self, number: int) -> Image.Image:
        """One image, mode L, RGB or RGBA."""
        try:
            pixels = self._blocks(number // self._length)[number % self._length]
        except Exception as error:  # a damaged block makes the library raise anything
            raise UnreadableImageError(" ".join(str(error).split())) from None
        if self._channels_first:
            pixels = np.moveaxis(pixels, 0, 2)
        if pixels.dtype != np.uint8:
            scaled = (pixels.astype(np.float64) - self._low) / (self._high - self._low)
            pixels = (255 * scaled).round().astype(np.uint8)
        if pixels.ndim == 3 and pixels.shape[2] == 1:
            pixels = pixels[:, :, 0]
        return Image.fromarray(np.ascontiguousarray(pixels))

    def name_of(self, number: int) -> str:
        """The file, and the image's place in it, counted from 0."""
        return f"{self.titles[0]}: image {number}"

    def close(self) -> None:
        """Let go of what was read."""
        self._blocks.clear()
        self._images = None

    def _choose(self, names: Sequence[str]) -> str:
        """The name of the array of the images: a usual one, or the only one."""
        found = next((name for name in IMAGE_ARRAYS if name in names), None)
        if found is None and len(names) == 1:
            found = names[0]
        if found is None:
            raise ConfigError(
                f"{self.subject} holds the arrays {', '.join(names) or '(none)'}; which of them "
                "has the images is not clear.",
                f"Name it {IMAGE_ARRAYS[0]!r}, and that of the labels 'labels'.",
            )
        return found

    def _read_block(self, block: int) -> npt.NDArray[Any]:
        start = block * self._length
        return np.asarray(self._images[start : start + self._length])

    def _check(self, shape: tuple[int, ...], kind: np.dtype[Any]) -> None:
        """Take an array for images, if it is one."""
        spelled = f"{kind} [{', '.join(map(str, shape))}]"
        fault = ""
        if kind != np.uint8 and kind.kind != "f":
            fault = "is not of type uint8"
        elif len(shape) not in (3, 4) or not all(shape):
            fault = "has not the shape of images"
        elif len(shape) == 4 and not {shape[1], shape[3]} & set(_CHANNELS):
            fault = f"has {shape[3]} channels, not 1, 3 or 4"
        if fault:
            raise ConfigError(f"{self.subject}: the array of its images, {spelled}, {fault}.", _AS)
        self.count = shape[0]
        self._channels_first = (
            len(shape) == 4 and shape[3] not in _CHANNELS and shape[1] in _CHANNELS
        )
        rows = (getattr(self._images, "chunks", None) or (1,))[0]
        rows_bytes = rows * int(np.prod(shape[1:])) * kind.itemsize
        if rows_bytes > LARGEST:
            raise ConfigError(
                f"{self.subject}: {rows_bytes / 1e6:,.0f} MB must be read for one image "
                f"({rows} of {spelled}).",
                "Write it in chunks of fewer images.",
            )
        self._length = rows * max(1, _BLOCK_BYTES // rows_bytes)
        self._low, self._high = self._range(kind)

    def _range(self, kind: np.dtype[Any]) -> tuple[float, float]:
        """The values that are black and white.

        Bytes of which any exceeds 1 are taken at once; of other numbers all must be seen.
        """
        low, high = np.inf, -np.inf
        for block in range(-(-self.count // self._length)):
            values = self._blocks(block)
            low, high = np.minimum(low, values.min()), np.maximum(high, values.max())
            if kind == np.uint8 and high > 1:
                return 0, 255
        if kind != np.uint8 and 0 <= low < high <= 1:
            return 0, 1
        if kind != np.uint8 and -1 <= low < 0 < high <= 1:
            return -1, 1
        raise ConfigError(
            f"{self.subject}: its images are {kind} from {low:g} to {high:g}, so that black and "
            "white are not clear.",
            _AS,
        )

    def _labels(self, values: npt.NDArray[Any], column: str) -> list[str]:
        subject = f"{self.subject}: {column}"
        if values.shape not in ((self.count,), (self.count, 1)):
            raise ConfigError(
                f"{subject} is {values.dtype} [{', '.join(map(str, values.shape))}], and there are "
                f"{self.count} images.",
                "Give one label for each image.",
            )
        labels = [spell_label(value, subject=subject) for value in values.ravel()]
        return complete(labels, self.name_of, subject=subject)


class NumpyFile(ImageArrays):
    """The array of a .npy file, which is read as it is needed; it has no labels."""

    def names(self) -> list[str]:
        """A name for the only array."""
        return [IMAGE_ARRAYS[0]]

    def array(self, name: str) -> Any:
        """The array, memory-mapped."""
        return np.lib.format.open_memmap(self.files[0], mode="r")


class NumpyArchive(ImageArrays):
    """The arrays of a .npz file, which are read into memory; nothing is unpickled."""

    def names(self) -> list[str]:
        """The names of the arrays."""
        with zipfile.ZipFile(self.files[0]) as opened:
            check_sizes(self.files[0], opened.infolist())
        self._arrays = np.load(self.files[0], allow_pickle=False)
        return list(self._arrays.files)

    def array(self, name: str) -> Any:
        """An array, whole."""
        return self._arrays[name]


class Hdf5File(ImageArrays):
    """Datasets of an HDF5 file, as StudioGAN writes; images are read as they are needed."""

    def __init__(self, files: Sequence[Path]) -> None:
        super().__init__(files)
        self._opened: Any = None

    def names(self) -> list[str]:
        """The names of the datasets that are in the file itself, at its root."""
        h5py = library("h5py", file=self.files[0])
        self._opened = h5py.File(self.files[0], "r")
        return [
            name
            for name in self._opened
            if isinstance(self._opened.get(name, getlink=True), h5py.HardLink)
            and isinstance(self._opened[name], h5py.Dataset)
        ]

    def array(self, name: str) -> Any:
        """A dataset, of which nothing is read yet."""
        dataset = self._opened[name]
        if dataset.is_virtual or dataset.external:
            raise ConfigError(
                f"{self.subject}: {name!r} is kept in other files.", "Copy them into one file."
            )
        check_size(self.files[0], dataset.nbytes)
        return dataset

    def close(self) -> None:
        """Close the file."""
        super().close()
        if self._opened is not None:
            self._opened.close()
