"""The input and the output of a metric."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gantool.data.prepared import ImageSplit, Prepared
from gantool.display import OnScoring
from gantool.evaluation.extractors import Extractor
from gantool.evaluation.kept import read_or_recall
from gantool.runs.folder import RunFolder

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
        pixels: uint8 [N, H, W, C].
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


@dataclass(frozen=True, slots=True)
class Measured:
    """One score of one set of images.

    Attributes:
        value: the score itself.
        error: its standard error, where there is one.
        detail: further findings (a value for each class, the chosen sigma ...), for JSON.
        protocol: the way of measuring, which must agree before two values may be compared.
        warning: a caution for readers, before they trust it.
    """

    value: float
    error: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)
    warning: str = ""


def binomial_error(share: float, n: int) -> float | None:
    """Standard error of a share of n; None for 0 and 1, where it says nothing."""
    return math.sqrt(share * (1 - share) / n) if 0 < share < 1 else None


class Evaluation:
    """The real images that samples are measured against, and the network whose features do it.

    Args:
        data: the images of the run, all splits.
        extractor: the feature extractor, or the reason why there is none.
        folder: the run's folder.
        conditional: whether the model takes labels.
        progress: told which images are being read, how many are, and how many will be.
    """

    def __init__(
        self,
        data: Prepared,
        extractor: Extractor | NotComputedError,
        folder: RunFolder,
        *,
        conditional: bool,
        progress: OnScoring = lambda images, done, total: None,
    ) -> None:
        self.data = data
        self.folder = folder
        self.conditional = conditional
        self.progress = progress
        self._extractor = extractor
        self._read: dict[tuple[str, int], tuple[Tensor, Tensor | None]] = {}

    @property
    def extractor(self) -> Extractor:
        """The feature extractor.

        Raises:
            NotComputedError: there is none, and why.
        """
        if isinstance(self._extractor, NotComputedError):
            raise self._extractor
        return self._extractor

    def real(self, split: str, n: int = MOST_REAL) -> ImageSet:
        """Up to n images of a split, in an order that is the same for every run on this data.

        Raises:
            NotComputedError: the split is empty.
        """
        images: ImageSplit = self.data.splits[split]
        if not len(images):
            raise NotComputedError(
                f"{self.data.name} has no {split} images.", "More images fill that split."
            )
        chosen = np.random.default_rng(_ORDER_SEED).permutation(len(images))[:n]
        return ImageSet(
            split,
            images.images[chosen],
            labels=None if images.labels is None else images.labels[chosen],
        )

    def noise(self, n: int) -> ImageSet:
        """Draw n images of uniform noise; where the data has classes, each asks for one in turn."""
        shape = (n, self.data.image_size, self.data.image_size, self.data.channels)
        pixels = np.random.default_rng(_ORDER_SEED).integers(0, 256, shape, dtype=np.uint8)
        return ImageSet(
            "noise",
            pixels,
            labels=np.arange(n) % len(self.data.classes) if self.data.classes else None,
        )

    def features(self, images: ImageSet) -> Tensor:
        """The extractor's features, float32 [N, D] on the CPU, read once for each set.

        Raises:
            NotComputedError: there is no extractor, or the features are not finite.
        """
        features = self._reading(images)[0]
        if not torch.isfinite(features).all():
            raise NotComputedError("the features of these images are not finite.")
        return features

    def classes_read(self, images: ImageSet) -> npt.NDArray[np.int64]:
        """The class that the extractor's classifier reads in each image, int64 [N, ...].

        Of a stack of digits it reads a class in each channel.

        Raises:
            NotApplicableError: there is no extractor (those that know a data set's classes are
                shipped with it), or it knows other classes than this data has, or none.
        """
        if isinstance(self._extractor, NotComputedError):
            raise NotApplicableError
        logits = self._reading(images)[1]
        if logits is None:
            raise NotApplicableError
        return logits.argmax(-1).numpy()

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
