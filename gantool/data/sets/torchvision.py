"""The data sets that torchvision can download, or that the user has put in place by hand."""

from __future__ import annotations

import abc
import contextlib
import gzip
import hashlib
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gantool.data import splits
from gantool.data.pixels import open_image
from gantool.data.source import MissingDataError, Source
from gantool.errors import GantoolError


class TorchvisionSource(Source):
    """A data set of torchvision's, below the data folder in torchvision's own layout."""

    name: str
    wanted: str

    @abc.abstractmethod
    def _files(self) -> list[Path]:
        """The files in place, or an empty list unless all are there."""

    @abc.abstractmethod
    def _download(self) -> None:
        """Let torchvision fetch the files."""

    def present(self) -> bool:
        """Whether every file is in the data folder."""
        return bool(self._files())

    def key(self) -> str:
        """A hash of the files' names, sizes and times of change.

        Files that are missing are downloaded.

        Raises:
            MissingDataError: the files are not there and cannot be downloaded.
        """
        if not self._files():
            self._fetch()
        digest = hashlib.sha256(self.name.encode())
        for file in self._files():
            status = file.stat()
            digest.update(f"{file.name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def _fetch(self) -> None:
        print(f"Downloading {self.name} into {self.data_dir} ...", file=sys.stderr)
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with contextlib.redirect_stdout(sys.stderr):
                self._download()
        except Exception as error:  # torchvision passes on whatever its HTTP clients raise
            cause = " ".join(str(error).split()) or type(error).__name__
        else:
            if self._files():
                return
            cause = "the download is incomplete"
        raise MissingDataError(
            f"data set {self.name} is not in {self.data_dir} and cannot be downloaded: {cause}",
            f"Put {self.wanted}, or name the folder that has them with --data-dir.\n"
            "What works without a download: `--data mnist5k` (embedded), "
            "or `--data FOLDER` with images of your own.",
        )


class _Idx(TorchvisionSource):
    """MNIST and its look-alikes.

    Each has 70,000 grey images of 28 x 28 in four IDX files, gzipped or not.
    """

    folder: str
    first_labels: bytes
    stems = (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    )

    @property
    def wanted(self) -> str:  # type: ignore[override]
        """The files that the user should provide, and their place."""
        place = self.data_dir / self.folder / "raw"
        return f"{', '.join(self.stems)} (each plain or .gz) into {place}"

    def _files(self) -> list[Path]:
        for place in (
            self.data_dir / self.folder / "raw",
            self.data_dir / self.name,
            self.data_dir,
        ):
            found = [path for stem in self.stems for path in _plain_or_gzipped(place, stem)]
            if len(found) == len(self.stems):
                return found
        return []

    def _download(self) -> None:
        self._torchvision_class()(root=str(self.data_dir), download=True)

    def _torchvision_class(self) -> Any:
        import torchvision.datasets

        return getattr(torchvision.datasets, self.folder)

    def open(self) -> None:
        """Read all images into memory (55 MB).

        Raises:
            GantoolError: a file is damaged, or the files are another data set's.
        """
        with tempfile.TemporaryDirectory() as temporary:
            raw = Path(temporary, self.folder, "raw")
            raw.mkdir(parents=True)
            try:
                for stem, file in zip(self.stems, self._files(), strict=True):
                    _unpack(file, raw / stem)
                parts = [
                    self._torchvision_class()(root=temporary, train=train)
                    for train in (True, False)
                ]
            except (
                OSError,
                EOFError,
                ValueError,
                RuntimeError,
                AssertionError,
                zlib.error,
            ) as error:
                place = self._files()[0].parent
                raise GantoolError(
                    f"data set {self.name}: its files in {place} are damaged: {error}",
                    "Remove them and fetch them again.",
                ) from None
            self._pixels = np.concatenate([part.data.numpy() for part in parts])
            self.labels = np.concatenate([part.targets.numpy() for part in parts]).astype(np.int64)
            self.classes = tuple(str(name).split(" - ")[-1] for name in parts[0].classes)
        self._check_identity(self.labels[:8].astype(np.uint8).tobytes())
        test = len(parts[1].data)
        train = len(parts[0].data) - 10_000
        if train < 1:
            raise GantoolError(
                f"data set {self.name}: 60,000 training images are expected, not {train + 10_000}."
            )
        self.splits = splits.consecutive(train, 10_000, test)

    def _check_identity(self, first_labels: bytes) -> None:
        # The three sets share their files' names: a wrong folder would train on clothes called
        # digits.
        for other in (Mnist, FashionMnist):
            if not isinstance(self, other) and first_labels == other.first_labels:
                place = self._files()[0].parent
                raise GantoolError(
                    f"the files in {place} are of {other.name}, not of {self.name}.",
                    f"Give --data {other.name}, or another --data-dir.",
                )

    def image(self, number: int) -> Image.Image:
        """One image, mode L, 28 x 28."""
        return Image.fromarray(self._pixels[number])

    def is_gray(self) -> bool:
        """All are grey."""
        return True


class Mnist(_Idx):
    """Handwritten digits (LeCun et al. 1998)."""

    name, folder, first_labels = "mnist", "MNIST", bytes([5, 0, 4, 1, 9, 2, 1, 3])


class FashionMnist(_Idx):
    """Clothes (Xiao et al. 2017)."""

    name, folder, first_labels = "fashion-mnist", "FashionMNIST", bytes([9, 0, 0, 3, 0, 2, 7, 2])


class KMnist(_Idx):
    """Cursive Japanese (Clanuwat et al. 2018)."""

    name, folder, first_labels = "kmnist", "KMNIST", b""


class Cifar10(TorchvisionSource):
    """60,000 colour images of 32 x 32 in ten classes (Krizhevsky 2009)."""

    name = "cifar10"
    archive = "cifar-10-python.tar.gz"

    @property
    def wanted(self) -> str:  # type: ignore[override]
        """The files that the user should provide, and their place."""
        return (
            f"{self.archive}, or the folder cifar-10-batches-py that it holds, into {self.data_dir}"
        )

    def _files(self) -> list[Path]:
        folder = self.data_dir / "cifar-10-batches-py"
        files = [
            folder / name
            for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")
        ]
        if all(file.is_file() for file in files):
            return files
        archive = self.data_dir / self.archive
        return [archive] if archive.is_file() else []

    def _download(self) -> None:
        self._torchvision(self.data_dir, train=True, download=True)

    def _torchvision(self, root: Path, **options: Any) -> Any:
        import torchvision.datasets

        return torchvision.datasets.CIFAR10(root=str(root), **options)

    def open(self) -> None:
        """Read all images into memory (184 MB).

        Torchvision verifies the checksums of all files before it reads one.

        Raises:
            GantoolError: a file is damaged.
        """
        files = self._files()
        with contextlib.ExitStack() as stack:
            root = self.data_dir
            try:
                if files == [self.data_dir / self.archive]:
                    root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                    shutil.unpack_archive(files[0], root, filter="data")
                parts = [self._torchvision(root, train=train) for train in (True, False)]
            except (
                OSError,
                EOFError,
                RuntimeError,
                ValueError,
                shutil.ReadError,
                zlib.error,
            ) as error:
                raise GantoolError(
                    f"data set cifar10: {files[0]} is damaged: {str(error).splitlines()[0]}",
                    "Remove it and fetch it again.",
                ) from None
        self._pixels = np.concatenate([part.data for part in parts])
        self.labels = np.concatenate([np.asarray(part.targets, dtype=np.int64) for part in parts])
        self.classes = tuple(parts[0].classes)
        self.splits = splits.consecutive(45_000, 5_000, 10_000)

    def image(self, number: int) -> Image.Image:
        """One image, mode RGB, 32 x 32."""
        return Image.fromarray(self._pixels[number])


class CelebA(TorchvisionSource):
    """202,599 aligned faces (Liu et al. 2015), in the authors' own splits, unlabelled."""

    name = "celeba"
    tables = (
        "list_eval_partition.txt",
        "identity_CelebA.txt",
        "list_bbox_celeba.txt",
        "list_landmarks_align_celeba.txt",
        "list_attr_celeba.txt",
    )

    @property
    def wanted(self) -> str:  # type: ignore[override]
        """The files that the user should provide, and their place."""
        place = self.data_dir / "celeba"
        return f"the unpacked folder img_align_celeba and {', '.join(self.tables)} into {place}"

    def _files(self) -> list[Path]:
        folder = self.data_dir / "celeba"
        files = [folder / name for name in self.tables]
        pictures = folder / "img_align_celeba"
        return (
            [*files, pictures]
            if all(file.is_file() for file in files) and pictures.is_dir()
            else []
        )

    def _download(self) -> None:
        self._torchvision("all", download=True)

    def _torchvision(self, split: str, **options: Any) -> Any:
        import torchvision.datasets

        return torchvision.datasets.CelebA(root=str(self.data_dir), split=split, **options)

    def open(self) -> None:
        """Read the authors' lists; torchvision verifies their checksums.

        Raises:
            GantoolError: a list is damaged.
        """
        try:
            parts = [self._torchvision(split).filename for split in ("train", "valid", "test")]
        except (OSError, RuntimeError, ValueError) as error:
            raise GantoolError(
                f"data set celeba: the lists in {self.data_dir / 'celeba'} are damaged: {error}",
                "Fetch them again.",
            ) from None
        self._names = [name for part in parts for name in part]
        self.splits = splits.consecutive(*map(len, parts))

    def image(self, number: int) -> Image.Image:
        """One face, 178 x 218, of which only the head is read."""
        return open_image(self.data_dir / "celeba" / "img_align_celeba" / self._names[number])

    def name_of(self, number: int) -> str:
        """The file's name."""
        return str(self._names[number])


def _plain_or_gzipped(place: Path, stem: str) -> Iterator[Path]:
    for path in (place / stem, place / f"{stem}.gz"):
        if path.is_file():
            yield path
            return


def _unpack(file: Path, target: Path) -> None:
    if file.suffix == ".gz":
        with gzip.open(file) as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    else:
        try:
            target.symlink_to(file.resolve())
        except OSError:  # Windows allows links to developers only
            shutil.copyfile(file, target)
