"""Data that is ready to train on: prepared images, memory-mapped, or points in the plane."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from gantool.config import parse_size, spell_size
from gantool.data.parts import Originals, first_of_equals
from gantool.data.points.mixture import Mixture
from gantool.data.rows import read_rows
from gantool.data.source import SPLITS
from gantool.data.splits import anew
from gantool.errors import ConfigError, GantoolError
from gantool.plugins.spec import Kind

if TYPE_CHECKING:
    import torch

FORMAT = 3
_FEWER_SEED = 0
_LEFT_OUT = -1  # in place of a split
_EQUAL = 1e-12  # shares that differ by less differ by rounding


class Split(Protocol):
    """The samples of one split, of whatever kind.

    Attributes:
        values: the samples as they are shown and scored: images uint8 [N, height, width, channels],
            or points in the plane float32 [N, 2], in the data's own units.
        labels: int64 [N], or None.
    """

    @property
    def values(self) -> npt.NDArray[Any]:
        """All samples."""

    @property
    def labels(self) -> npt.NDArray[np.int64] | None:
        """The label of each."""

    def __len__(self) -> int: ...

    def tensor(self, chosen: npt.NDArray[np.int64], device: torch.device) -> torch.Tensor:
        """The chosen samples as a model sees them, float32 in [-1, 1], on a device."""

    def take(self, chosen: npt.NDArray[np.int64]) -> Split:
        """The chosen samples, each at most once, as a split of its own that lies in memory."""


def on_device(values: npt.NDArray[Any], device: torch.device) -> torch.Tensor:
    """An array as a tensor of its type on a device; to CUDA it is copied while the host goes on."""
    import torch

    tensor = torch.from_numpy(values)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


@dataclass(frozen=True, slots=True)
class ImageSplit:
    """The images of one split.

    Attributes:
        images: uint8 [N, height, width, channels], memory-mapped, read-only.
        labels: int64 [N], or None.
        factors: int64 [N, F], what each image is made of, or None.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64] | None
    factors: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def values(self) -> npt.NDArray[np.uint8]:
        """The images."""
        return self.images

    def tensor(self, chosen: npt.NDArray[np.int64], device: torch.device) -> torch.Tensor:
        """The chosen images, float32 [n, C, H, W] in [-1, 1], channels-last in memory."""
        images = on_device(self.images[chosen], device).permute(0, 3, 1, 2).float()
        # A number CUDA would multiply by its reciprocal, which rounds otherwise than the CPU.
        return images.div_(images.new_full((), 127.5)).sub_(1)

    def part(self, rows: slice) -> ImageSplit:
        """The images of some neighboring rows, none of which is read yet."""
        labels, factors = (
            None if kept is None else kept[rows] for kept in (self.labels, self.factors)
        )
        return ImageSplit(self.images[rows], labels, factors)

    def take(self, chosen: npt.NDArray[np.int64]) -> ImageSplit:
        """The chosen images and their labels, read into memory.

        Raises:
            GantoolError: the cache cannot be read.
        """
        labels, factors = (
            None if kept is None else kept[chosen] for kept in (self.labels, self.factors)
        )
        return ImageSplit(read_rows(self.images, chosen), labels, factors)


class Duplicates(NamedTuple):
    """Images whose pixels are equal."""

    groups: int
    images: int


_NONE_EQUAL = Duplicates(0, 0)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A data set ready to train on.

    Attributes:
        name: the data set's name, or the folder's.
        fingerprint: SHA-256 of pixels (or points), labels and splits: equal for equal training
            data, wherever it came from.
        size: (height, width) in pixels; (0, 0) for points.
        channels: 1, 3 or 4 (RGB with alpha); 0 for points.
        classes: the name of each label; empty where there are no labels.
        unreadable: the number of files that could not be decoded and are left out.
        splits: "train", "validation" and "test".
        notes: sentences that the user should be told.
        kind: images, or points in the plane.
        truth: the formula that points are drawn from; None for images.
        scale: the length that is 1 for a model of points.
        factor_values: the name of each factor, and how many values it has; empty where the splits
            have no factors.
        folder: of the preparation; None for points.
        duplicates: groups of images with equal pixels, and the images in them; in `duplicates.json`
            in the folder each group's names, in `names.json` those of all images, in order.
        split_seed: of splits other than the data's own, whose fingerprint stays; None for its own.
    """

    name: str
    fingerprint: str
    size: tuple[int, int]
    channels: int
    classes: tuple[str, ...]
    unreadable: int
    splits: dict[str, Split]
    notes: tuple[str, ...] = ()
    kind: Kind = "images"
    truth: Mixture | None = None
    scale: float = 1.0
    factor_values: dict[str, int] = field(default_factory=dict)
    folder: Path | None = None
    duplicates: Duplicates = _NONE_EQUAL
    split_seed: int | None = None

    @property
    def train(self) -> Split:
        """The samples that training sees."""
        return self.splits["train"]

    def with_fewer(self, images: int) -> Prepared:
        """The same data with some of the training images, drawn at random, always the same.

        Of labelled data each class keeps its share, to the nearest image (largest remainder).

        Raises:
            ConfigError: there are not so many.
        """
        there = len(self.train)
        if images > there:
            raise ConfigError(
                f"--train-images {images:,}: {self.name} has {there:,} images to train on.",
                "Give fewer, or leave it out.",
            )
        order, labels = np.random.default_rng(_FEWER_SEED).permutation(there), self.train.labels
        about = f"{self.fingerprint} {images}"
        if labels is None:
            chosen = order[:images]
        else:
            about += " of each class its share"
            wanted, rest = np.divmod(np.bincount(labels) * images, there)
            wanted[np.argsort(-rest, kind="stable")[: images - wanted.sum()]] += 1
            by_class = (order[labels[order] == i][:n] for i, n in enumerate(wanted))
            chosen = np.concatenate(list(by_class))
        digest = hashlib.sha256(about.encode()).hexdigest()
        splits = {**self.splits, "train": self.train.take(np.sort(chosen))}
        return replace(self, fingerprint=digest, splits=splits)

    def describe(self) -> dict[str, Any]:
        """The data as the record of a run names it."""
        measures: dict[str, Any] = {"scale": self.scale}
        if self.kind == "images":
            measures = {"image_size": spell_size(self.size), "channels": self.channels}
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "splits": {split: len(samples) for split, samples in self.splits.items()},
            **({} if self.split_seed is None else {"split_seed": self.split_seed}),
            "kind": self.kind,
            **measures,
            "classes": list(self.classes),
            "unreadable": self.unreadable,
        }

    @property
    def shares(self) -> tuple[float, ...] | None:
        """The share of each class in the training split; None where all are equal, or none is.

        Of points from a formula it is the formula's, which their counts only estimate.
        """
        labels, classes = self.train.labels, len(self.classes)
        if labels is None or not classes:
            return None
        weights = None
        if self.truth is not None and self.truth.labels is not None:
            labels, weights = self.truth.labels, self.truth.shares
        counts = np.bincount(labels, weights=weights, minlength=classes)
        shares = counts / counts.sum()
        return None if np.ptp(shares) < _EQUAL else tuple(shares.tolist())


def is_whole(folder: Path) -> bool:
    """Whether a folder holds a finished preparation."""
    about = _about(folder)
    if about is None:
        return False
    try:
        return (folder / "images.u8").stat().st_size == int(np.prod(_shape(about), dtype=np.int64))
    except (OSError, KeyError, TypeError, ValueError):
        return False


def _about(folder: Path) -> dict[str, Any] | None:
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return about if isinstance(about, dict) and about.get("format") == FORMAT else None


def _shape(about: dict[str, Any]) -> tuple[int, int, int, int]:
    return (sum(about["splits"].values()), *parse_size(about["image_size"]), about["channels"])


def open_prepared(
    folder: Path, name: str, *, split_seed: int | None = None, unique_test: bool = False
) -> Prepared:
    """Open a finished preparation; no image is read yet unless it is split another time.

    Args:
        folder: of the preparation.
        name: the run's name for the data.
        split_seed: of splits other than the data's own, which then lie in memory; or None.
        unique_test: leave out of such a test split all but one of images with equal pixels.

    Raises:
        GantoolError: it is not there.
    """
    about = _about(folder)
    if about is None:
        raise GantoolError(
            f"the prepared images in {folder} were removed.", "Run the same command again."
        )
    images = np.memmap(folder / "images.u8", dtype=np.uint8, mode="r", shape=_shape(about))
    labels, factors = (_saved(folder / file) for file in ("labels.npy", "factors.npy"))
    whole = ImageSplit(images, labels, factors)
    sizes = [about["splits"][split] for split in SPLITS]
    ends = np.cumsum(sizes)
    splits: dict[str, Split] = {
        split: whole.part(slice(end - size, end))
        for split, size, end in zip(SPLITS, sizes, ends.tolist(), strict=True)
    }
    if split_seed is not None:
        digests = Originals.load(folder / "originals.npz").digests
        codes = anew(digests, np.repeat(np.arange(len(SPLITS)), sizes), labels, seed=split_seed)
        if unique_test:
            codes[(codes == SPLITS.index("test")) & ~first_of_equals(digests)] = _LEFT_OUT
        splits = {split: whole.take(np.flatnonzero(codes == i)) for i, split in enumerate(SPLITS)}
    return Prepared(
        name=name,
        fingerprint=about["fingerprint"],
        size=parse_size(about["image_size"]),
        channels=about["channels"],
        classes=tuple(about["classes"]),
        unreadable=about["unreadable"],
        splits=splits,
        notes=tuple(about["notes"]),
        factor_values=about["factor_values"],
        folder=folder,
        duplicates=Duplicates(*about["duplicates"]),
        split_seed=split_seed,
    )


def _saved(file: Path) -> npt.NDArray[np.int64] | None:
    return np.load(file, allow_pickle=False) if file.exists() else None
