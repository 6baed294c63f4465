"""The input and the output of a metric."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gantool.data.pixels import composited
from gantool.data.points.mixture import Mixture
from gantool.data.prepared import Prepared
from gantool.display import OnScoring
from gantool.evaluation.extractors import Extractor
from gantool.evaluation.kept import References, measure_or_recall, read_or_recall
from gantool.runs.folder import FINDING, RunFolder

T = TypeVar("T")
_PACKAGES = ("gantool", "torch", "torch-fidelity")  # whose versions what is kept depends on
# Real images of a split that scores look at: this bounds time and memory on large data sets.
MOST_REAL = 10_000
# The same for every evaluation, so that all runs are measured against the same real images.
_ORDER_SEED = 2018


class NotComputedError(Exception):
    """A score that belongs here cannot be had; the run does not fail for it.

    Args:
        reason: the reason, as a sentence.
        remedy: a sentence on what the user can do.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(f"{reason} {remedy}".strip())


class NotApplicableError(Exception):
    """A score says nothing of such a run or such data; it is left out without a word."""


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Images that a metric looks at, in random order.

    Attributes:
        origin: "samples", "train", "validation", "test" or "noise".
        pixels: uint8 [N, H, W, C], grey or RGB; what has alpha is on white.
        labels: int64 [N], the class of a real image or the one that a sample was asked for; None
            where there is none.
    """

    origin: str
    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def flat(self, n: int | None = None) -> Tensor:
        """The first n images (all if None) as vectors, float64 [n, H * W * C] in [0, 1]."""
        return torch.tensor(
            self.pixels[:n].reshape(-1, self.pixels[0].size), dtype=torch.float64
        ).div_(255)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A picture of what a score found; the run keeps it, and its page shows it.

    Attributes:
        name: of its file: lower-case letters, digits and hyphens, ending in `.png`.
        caption: a sentence or two.
        png: the file's content, opaque: pages are light or dark.
    """

    name: str
    caption: str
    png: bytes

    def __post_init__(self) -> None:
        if not FINDING.fullmatch(self.name):
            raise ValueError(f"a picture's name is {FINDING.pattern}, not {self.name!r}")


@dataclass(frozen=True, slots=True)
class PointSet:
    """Points in the plane that a metric looks at, in random order.

    Attributes:
        origin: "samples", "train", "validation", "test" or "noise".
        points: float32 [N, 2], in the data's own units.
        labels: int64 [N], the class of a real point or the one that a sample was asked for; None
            where there is none.
    """

    origin: str
    points: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.points)


# An ImageSet or a PointSet, whichever the data's kind asks for.
SampleSet: TypeAlias = Any
_SETS = {"images": ImageSet, "points": PointSet}


def sample_set(kind: str, origin: str, values: npt.NDArray[Any], labels: Any = None) -> SampleSet:
    """The values of samples of a kind as the set that metrics take: those with alpha on white."""
    if kind == "images" and values.shape[-1] == 4:
        values = composited(values, 255)
    return _SETS[kind](origin, values, labels)


@dataclass(frozen=True, slots=True)
class Measured:
    """One score of one set of images.

    Attributes:
        value: the score itself.
        error: its standard error, where there is one.
        detail: further findings (a value for each class, the chosen sigma ...), for JSON.
        protocol: the way of measuring, which must agree before two values may be compared.
        warning: a caution for readers, before they trust it.
        pictures: of samples, for the run folder.
    """

    value: float
    error: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)
    warning: str = ""
    pictures: Sequence[Finding] = ()


def binomial_error(share: float, n: int) -> float | None:
    """Standard error of a share of n; None for 0 and 1, where it says nothing."""
    return math.sqrt(share * (1 - share) / n) if 0 < share < 1 else None


class Evaluation:
    """The real data that samples are measured against, and the network whose features do it.

    Args:
        data: the data of the run, all splits.
        extractor: the feature extractor, or the reason why there is none.
        folder: the run's folder.
        conditional: whether the model takes labels.
        shares: the share of samples that ask for each class; None where they ask for all alike.
        mirrored: whether the run mirrors its training images.
        judge: the split that stands where scores ask for "test": another one where a generator is
            chosen.
        progress: told which images are being read, how many are, and how many will be.
    """

    def __init__(
        self,
        data: Prepared,
        extractor: Extractor | NotComputedError,
        folder: RunFolder,
        *,
        conditional: bool,
        shares: Sequence[float] | None = None,
        mirrored: bool = False,
        judge: str = "test",
        progress: OnScoring = lambda images, done, total: None,
    ) -> None:
        self.data = data
        self.folder = folder
        self.conditional = conditional
        self.shares = shares
        self.mirrored = mirrored
        self.judge = judge
        self.progress = progress
        self._extractor = extractor
        self._read: dict[tuple[str, int], tuple[Tensor, Tensor | None]] = {}
        self._made: dict[str, Any] = {}

    @property
    def extractor(self) -> Extractor:
        """The feature extractor.

        Raises:
            NotComputedError: there is none, and why.
        """
        if isinstance(self._extractor, NotComputedError):
            raise self._extractor
        return self._extractor

    @property
    def truth(self) -> Mixture:
        """The formula that points are drawn from.

        Raises:
            NotApplicableError: the data is none of points.
        """
        if self.data.truth is None:
            raise NotApplicableError
        return self.data.truth

    def real(self, split: str, n: int = MOST_REAL) -> SampleSet:
        """Up to n real samples of a split, in an order that is the same for every run on this data.

        Raises:
            NotComputedError: the split is empty.
        """
        split = self.judge if split == "test" else split
        data = self.data.splits[split]
        if not len(data):
            raise NotComputedError(
                f"{self.data.name} has no {split} images.", "More images fill that split."
            )
        chosen = np.random.default_rng(_ORDER_SEED).permutation(len(data))[:n]
        labels = None if data.labels is None else data.labels[chosen]
        return sample_set(self.data.kind, split, data.values[chosen], labels)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Make something that is of use to several scores, or to noise as well, once.

        Args:
            name: one for each such thing.
            make: called the first time.
        """
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    @property
    def about(self) -> dict[str, Any]:
        """All that findings in real images and in noise depend on, beside the way of measuring."""
        extractor = None if isinstance(self._extractor, NotComputedError) else self._extractor
        return {
            "fingerprint": self.data.fingerprint,
            "shape": [*self.data.size, self.data.channels],
            "splits": {name: len(split) for name, split in self.data.splits.items()},
            "classes": self.data.classes,
            "extractor": extractor and [extractor.name, extractor.sha256, extractor.device.type],
            "conditional": self.conditional,
            "shares": None if self.shares is None else list(map(float, self.shares)),
            "mirrored": self.mirrored,
            **({} if self.data.split_seed is None else {"split_seed": self.data.split_seed}),
            **({} if self.judge == "test" else {"judge": self.judge}),
        }

    def recall(
        self,
        name: str,
        make: Callable[[], References],
        *,
        measure: Callable[..., Any],
        about: Mapping[str, Any],
    ) -> References:
        """Find something in real images or noise; it is kept on disk where the data is of images.

        Args:
            name: for the file.
            make: finds it, where nothing is kept.
            measure: the function that does; where its file is another one, it is found anew.
            about: all else that it depends on, but what `about` has, as JSON has it.
        """
        if self.data.folder is None:
            return make()
        file = Path(inspect.getfile(measure))
        whole = {
            **self.about,
            **about,
            "file": hashlib.sha256(file.read_bytes()).hexdigest(),
            "versions": {package: version(package) for package in _PACKAGES},
        }
        return measure_or_recall(name, whole, beside=self.data.folder, measure=make)

    def noise(self, n: int) -> SampleSet:
        """Draw n samples of noise; where the data has classes, they ask for them as samples do.

        Images have uniform values; points are uniform in the square that holds the data.
        """
        rng = np.random.default_rng(_ORDER_SEED)
        if self.data.kind == "points":
            values: npt.NDArray[Any] = rng.uniform(
                -self.data.scale, self.data.scale, (n, 2)
            ).astype(np.float32)
        else:
            shape = (n, *self.data.size, self.data.channels)
            values = rng.integers(0, 256, shape, dtype=np.uint8)
        return sample_set(self.data.kind, "noise", values, self._labels_of_noise(n, rng))

    def _labels_of_noise(self, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64] | None:
        classes = len(self.data.classes)
        if not classes:
            return None
        if self.shares is None:
            return np.arange(n) % classes
        return rng.choice(classes, size=n, p=self.shares)

    def features(self, images: ImageSet) -> Tensor:
        """The extractor's features, float32 [N, D] on the CPU, read once for each set.

        Raises:
            NotComputedError: there is no extractor, or the features are not finite.
        """
        features = self._reading(images)[0]
        if not torch.isfinite(features).all():
            raise NotComputedError("the features of these images are not finite.")
        return features

    def classes_read(self, samples: SampleSet) -> npt.NDArray[np.int64]:
        """The class that is read in each sample, int64 [N, ...].

        In an image the extractor's classifier reads it, in a stack of digits one in each channel. A
        point's is that of the nearest center.

        Raises:
            NotApplicableError: the classifier knows other classes than this data has, or none; or
                points have none.
            NotComputedError: there is no extractor.
        """
        if isinstance(samples, PointSet):
            labels = self.truth.labels
            if labels is None:
                raise NotApplicableError
            return labels[self.truth.nearest(samples.points)[0]]
        return self.logits(samples).argmax(-1).numpy()

    def logits(self, images: ImageSet) -> Tensor:
        """The answers of the extractor's classifier, float32 [N, ..., classes] on the CPU.

        Raises:
            NotApplicableError: there is no extractor (those that know a data set's classes are
                shipped with it), or it knows other classes than this data has, or none.
        """
        if isinstance(self._extractor, NotComputedError):
            raise NotApplicableError
        logits = self._reading(images)[1]
        if logits is None:
            raise NotApplicableError
        return logits

    def _reading(self, images: ImageSet) -> tuple[Tensor, Tensor | None]:
        key = (images.origin, len(images))
        if key not in self._read:
            extractor, progress = self.extractor, partial(self.progress, images.origin)
            beside = self.data.folder
            if beside is None or images.origin == "samples" or not extractor.kept:
                self._read[key] = extractor.read(images.pixels, progress)
            else:
                self._read[key] = read_or_recall(
                    extractor, images.pixels, beside=beside, progress=progress
                )
        return self._read[key]
