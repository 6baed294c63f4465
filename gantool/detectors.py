"""Watchers that say in plain words, while it happens, that a run goes wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_SIDE = 64


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detector found.

    Attributes:
        kind: "collapse", "divergence" or "recovery".
        detector: which watcher.
        message: what it means, for a person.
    """

    kind: str
    detector: str
    message: str


class SaturationDetector:
    """D tells real from fake with near certainty for a long time, so that G learns nothing.

    Looks at the mean of D(x) - D(G(z)), probabilities, over the last `window` steps; for raw outputs it is silent.
    """

    name = "discriminator-saturated"

    def __init__(self, probabilities: bool, window: int = 200, threshold: float = 0.98) -> None:
        self.probabilities = probabilities
        self.threshold = threshold
        self.gaps: deque[float] = deque(maxlen=window)
        self.alarmed = False

    def step(self, figures: Mapping[str, Any]) -> Finding | None:
        """Take a step's figures; a finding when saturation begins or ends."""
        real, fake = figures.get("d_real"), figures.get("d_fake")
        if not self.probabilities or real is None or fake is None:
            return None
        self.gaps.append(real - fake)
        if len(self.gaps) < (self.gaps.maxlen or 0):
            return None
        gap = sum(self.gaps) / len(self.gaps)
        if not self.alarmed and gap > self.threshold:
            self.alarmed = True
            return Finding(
                "collapse",
                self.name,
                f"the discriminator is almost always right (mean D(x) - D(G(z)) is {gap:.3f} over {len(self.gaps)} "
                "steps), so the generator hardly learns; try --penalty r1, a lower --discriminator-lr or --seed",
            )
        if self.alarmed and gap < 0.9 * self.threshold:
            self.alarmed = False
            return Finding("recovery", self.name, "the discriminator is no longer saturated")
        return None


class SamenessDetector:
    """The samples of a sheet are all alike, though their latents differ.

    Compares the mean distance between samples of one label with that between real images of one label. A generator may
    well begin with samples that are alike: it is an alarm only once they have differed, or late in the run.
    """

    name = "samples-alike"

    def __init__(
        self,
        real: npt.NDArray[np.uint8],
        real_labels: npt.NDArray[np.int64] | None,
        threshold: float = 0.2,
        late: float = 0.3,
    ) -> None:
        self.real = mean_distance(real, real_labels)
        self.threshold = threshold
        self.late = late
        self.differed = False
        self.alarmed = False

    def sheet(
        self, samples: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64] | None, share: float
    ) -> Finding | None:
        """Take images uint8 [N, H, W, C], drawn at this share of the run; a finding when the state changes."""
        if not self.real:
            return None
        ratio = mean_distance(samples, labels) / self.real
        self.differed = self.differed or ratio > 2 * self.threshold
        if not self.alarmed and ratio < self.threshold and (self.differed or share >= self.late):
            self.alarmed = True
            return Finding(
                "collapse",
                self.name,
                f"the samples are nearly all alike: they differ {ratio:.2f} times as much as real images do; "
                "try another --seed, --penalty r1 or a lower --lr",
            )
        if self.alarmed and ratio > 2 * self.threshold:
            self.alarmed = False
            return Finding("recovery", self.name, "the samples differ from each other again")
        return None


def mean_distance(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64] | None) -> float:
    """Mean Euclidean distance between images [N, H, W, C] of one label, over all pairs; all of one label if None.

    Of images larger than 64 pixels, every other pixel (or every third ...) counts, so that memory stays bounded.
    """
    coarse = images[:, :: -(-images.shape[1] // _SIDE), :: -(-images.shape[2] // _SIDE)]
    flat = coarse.reshape(len(images), -1).astype(np.float64)
    squares = np.einsum("ij,ij->i", flat, flat)
    distances = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * flat @ flat.T, 0))
    together = np.ones_like(distances, dtype=bool) if labels is None else labels[:, None] == labels[None]
    together &= ~np.eye(len(images), dtype=bool)
    return float(distances[together].mean()) if together.any() else 0.0
