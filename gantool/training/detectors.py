"""Watchers that say in plain words, while it happens, that a run goes wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from gantool.data.points.mixture import Mixture

Samples = npt.NDArray[Any]
Labels = npt.NDArray[np.int64]
Measure = Callable[[Samples, Labels | None], float]
_SIDE = 64


@dataclass(frozen=True, slots=True)
class Alarm:
    """A change that a detector noticed.

    Attributes:
        kind: "collapse", "divergence" or "recovery".
        detector: name of the watcher.
        message: its meaning, for a person.
    """

    kind: str
    detector: str
    message: str


class SaturationDetector:
    """D tells real from fake with near certainty for a long time, so that G learns nothing.

    The detector looks at the mean of D(x) - D(G(z)), probabilities, over the last `window` steps;
    for raw outputs it is silent.
    """

    name = "discriminator-saturated"

    def __init__(self, probabilities: bool, window: int = 200, threshold: float = 0.98) -> None:
        self.probabilities = probabilities
        self.threshold = threshold
        self.gaps: deque[float] = deque(maxlen=window)
        self.alarmed = False

    @property
    def state(self) -> dict[str, Any]:
        """All that it remembers of the steps before."""
        return {"gaps": list(self.gaps), "alarmed": self.alarmed}

    @state.setter
    def state(self, state: Mapping[str, Any]) -> None:
        self.gaps.extend(state["gaps"])
        self.alarmed = state["alarmed"]

    def step(self, metrics: Mapping[str, Any]) -> Alarm | None:
        """Take a step's metrics; an alarm when saturation begins or ends."""
        real, fake = metrics.get("d_real"), metrics.get("d_fake")
        if not self.probabilities or real is None or fake is None:
            return None
        self.gaps.append(real - fake)
        if len(self.gaps) < (self.gaps.maxlen or 0):
            return None
        gap = sum(self.gaps) / len(self.gaps)
        if not self.alarmed and gap > self.threshold:
            self.alarmed = True
            return Alarm(
                "collapse",
                self.name,
                message="the discriminator is almost always right (mean D(x) - D(G(z)) is "
                f"{gap:.3f} over {len(self.gaps)} steps), so the generator hardly learns; "
                "try --penalty r1, a lower --discriminator-lr or --seed",
            )
        if self.alarmed and gap < 0.9 * self.threshold:
            self.alarmed = False
            return Alarm("recovery", self.name, message="the discriminator is no longer saturated")
        return None


class VarietyDetector:
    """The samples of a grid vary too little, though their latents differ.

    The detector compares a measure of the samples' distances with that of as many real images. A
    generator may well begin with samples that are alike: it is an alarm only once they have
    differed, or late in the run.

    Args:
        name: the detector's name in events.
        measure: takes images uint8 [N, H, W, C] or points [N, 2], and labels int64 [N] or None;
            returns how much they vary, at least 0.
        meaning: the meaning of a low measure, for a person.
        threshold: the share of the real images' measure below which it is an alarm; above twice
            that it is over.
        remedy: what a user may try.
        real: as many real images as a sample grid has cells.
        labels: their labels, for a conditional model, which is measured within each label; else
            None.
        late: the share of the run from which on low variety is an alarm in any case.
    """

    def __init__(
        self,
        name: str,
        measure: Measure,
        meaning: str,
        remedy: str,
        threshold: float,
        real: Samples,
        labels: Labels | None,
        late: float = 0.3,
    ) -> None:
        self.name = name
        self.measure = measure
        self.meaning = meaning
        self.remedy = remedy
        self.threshold = threshold
        self.real = measure(real, labels)
        self.late = late
        self.differed = False
        self.alarmed = False

    @property
    def state(self) -> dict[str, Any]:
        """All that it remembers of the sample grids before."""
        return {"differed": self.differed, "alarmed": self.alarmed}

    @state.setter
    def state(self, state: Mapping[str, Any]) -> None:
        self.differed, self.alarmed = state["differed"], state["alarmed"]

    def samples(self, samples: Samples, labels: Labels | None, *, share: float) -> Alarm | None:
        """Take images uint8 [N, H, W, C] or points [N, 2], drawn at this share of the run.

        There is an alarm when the state changes.
        """
        if not self.real:
            return None
        ratio = self.measure(samples, labels) / self.real
        self.differed = self.differed or ratio > 2 * self.threshold
        if not self.alarmed and ratio < self.threshold and (self.differed or share >= self.late):
            self.alarmed = True
            return Alarm(
                "collapse",
                self.name,
                message=f"{self.meaning} ({ratio:.2f} of that of real ones); try {self.remedy}",
            )
        if self.alarmed and ratio > 2 * self.threshold:
            self.alarmed = False
            return Alarm("recovery", self.name, message="the samples differ from each other again")
        return None


def variety_detectors(
    real: Samples,
    labels: Labels | None,
    *,
    has_discriminator: bool = True,
    truth: Mixture | None = None,
) -> list[VarietyDetector]:
    """The two that every run has: all samples alike, and samples of a few kinds only.

    Of points whose truth has modes these are the kinds, and samples of one label are not looked at
    alone: that they are all on one mode is right.
    """
    alike: Measure = mean_distance
    few: Measure = nearest_distance
    kinds = "most have a near twin, at a small distance"
    if truth is not None and truth.has_modes:
        alike = _whatever_label
        few = partial(_modes, truth)
        kinds = "they are near few of the modes"
    remedy = "a lower --lr, more data or another --seed"
    if has_discriminator:
        remedy = f"--penalty r1, {remedy}"
    return [
        VarietyDetector(
            "samples-alike",
            alike,
            meaning="the samples are nearly all alike: "
            "the mean distance between two of them is small",
            remedy=remedy,
            threshold=0.2,
            real=real,
            labels=labels,
        ),
        VarietyDetector(
            "few-modes",
            few,
            meaning=f"the samples are of a few kinds only: {kinds}",
            remedy=remedy,
            threshold=0.35,
            real=real,
            labels=labels,
        ),
    ]


def mean_distance(samples: Samples, labels: Labels | None) -> float:
    """Mean Euclidean distance between samples [N, ...] of one label, over all pairs.

    Without labels all count as of one.
    """
    distances = _distances(samples, labels)
    pairs = distances[np.isfinite(distances)]
    return float(pairs.mean()) if pairs.size else 0.0


def _whatever_label(samples: Samples, _: Labels | None) -> float:
    return mean_distance(samples, None)


def _modes(truth: Mixture, samples: Samples, _: Labels | None) -> float:
    """The number of modes that are the nearest one of a sample, however far away."""
    return float(len(np.unique(truth.nearest(samples)[0])))


def nearest_distance(samples: Samples, labels: Labels | None) -> float:
    """Median over the samples of the distance to the nearest other one of the same label."""
    nearest = _distances(samples, labels).min(axis=1)
    nearest = nearest[np.isfinite(nearest)]
    return float(np.median(nearest)) if nearest.size else 0.0


def _distances(samples: Samples, labels: Labels | None) -> npt.NDArray[np.float64]:
    """Euclidean distances [N, N]; infinite on the diagonal and between labels.

    Of images larger than 64 pixels, every other pixel (or every third ...) counts, so that memory
    stays bounded.
    """
    if samples.ndim == 4:
        rows, columns = (-(-side // _SIDE) for side in samples.shape[1:3])
        samples = samples[:, ::rows, ::columns]
    flat = samples.reshape(len(samples), -1).astype(np.float64)
    squares = np.einsum("ij,ij->i", flat, flat)
    distances: npt.NDArray[np.float64] = np.sqrt(
        np.maximum(squares[:, None] + squares[None] - 2 * flat @ flat.T, 0)
    )
    if labels is not None:
        distances[labels[:, None] != labels[None]] = np.inf
    np.fill_diagonal(distances, np.inf)
    return distances
