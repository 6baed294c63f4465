"""Points in the plane: sets whose truth is a formula, and their preparation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gantool.data.points.mixture import Mixture
from gantool.data.prepared import Prepared, Split, on_device
from gantool.data.source import SPLITS

if TYPE_CHECKING:
    import torch

_Floats = npt.NDArray[np.float64]
_Complex = npt.NDArray[np.complex128]
POINTS = 100_000  # of the training split, as in the published tables
_HELD_OUT = 10_000  # of each other split
_SEED = 2014
_ALONG = 100  # Gaussians along each arm of a curve


@dataclass(frozen=True, slots=True)
class PointSplit:
    """The points of one split.

    Attributes:
        values: float32 [N, 2], in the data's own units.
        labels: int64 [N], or None.
        scale: the length that is 1 for a model.
    """

    values: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64] | None
    scale: float = 1.0

    def __len__(self) -> int:
        return len(self.values)

    def tensor(self, chosen: npt.NDArray[np.int64], device: torch.device) -> torch.Tensor:
        """The chosen points as a model sees them: float32 [n, 2], nearly all in [-1, 1]."""
        return on_device(self.values[chosen], device).div_(self.scale)

    def take(self, chosen: npt.NDArray[np.int64]) -> PointSplit:
        """The chosen points and their labels."""
        labels = None if self.labels is None else self.labels[chosen]
        return PointSplit(self.values[chosen], labels, scale=self.scale)


def prepare_points(
    truth: Mixture, name: str, *, points: int | None = None, split_seed: int | None = None
) -> Prepared:
    """Draw a data set from its truth, the same on every machine.

    Args:
        truth: the formula.
        name: the run's name for the data.
        points: how many train; 100,000 if None. The other splits have 10,000 each.
        split_seed: of other points than those that everyone has; or None.
    """
    splits: dict[str, Split] = {}
    digest = hashlib.sha256(f"points {truth.reach!r} {list(truth.classes)}".encode())
    sizes = (POINTS if points is None else points, _HELD_OUT, _HELD_OUT)
    for number, (split, n) in enumerate(zip(SPLITS, sizes, strict=True)):
        seeds = [_SEED, number] if split_seed is None else [_SEED, number, split_seed]
        drawn, chosen = truth.sample(n, np.random.default_rng(seeds))
        values = drawn.astype(np.float32)
        labels = None if truth.labels is None else truth.labels[chosen]
        splits[split] = PointSplit(values, labels, scale=truth.reach)
        digest.update(values.tobytes() + (b"" if labels is None else labels.tobytes()))
    return Prepared(
        name=name,
        fingerprint=digest.hexdigest(),
        size=(0, 0),
        channels=0,
        classes=tuple(truth.classes),
        unreadable=0,
        splits=splits,
        kind="points",
        truth=truth,
        scale=truth.reach,
        split_seed=split_seed,
    )


def ring() -> Mixture:
    """Eight Gaussians on the unit circle, standard deviation 0.01; a class each."""
    angles = 2 * np.pi * np.arange(8) / 8
    return _modes(np.stack([np.cos(angles), np.sin(angles)], axis=1), std=0.01)


def grid() -> Mixture:
    """25 Gaussians at (-4, -2, 0, 2, 4)^2, standard deviation 0.05; a class each."""
    side = np.arange(-4.0, 5.0, 2.0)
    return _modes(np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2), 0.05)


def gaussian() -> Mixture:
    """One standard normal, without labels."""
    return Mixture(np.zeros((1, 2)), std=1.0)


def spiral() -> Mixture:
    """Two arms of a spiral, each one turn and a half from radius 0.2 to 1, 0.02 thick."""

    def arm(t: _Floats, number: int) -> _Complex:
        # Equal shares of the arm's length, nearly: the radius grows with the square root.
        radius = np.sqrt(0.04 + 0.96 * t)
        angle = 3 * np.pi * (radius - 0.2) / 0.8 + np.pi * number
        along: _Complex = radius * np.exp(1j * angle)
        return along

    return _curves(arm, std=0.02, along=3 * _ALONG)


def moons() -> Mixture:
    """Two half circles of radius 1 that reach into each other, 0.05 thick."""

    def moon(t: _Floats, number: int) -> _Complex:
        upper: _Complex = np.exp(1j * np.pi * t) - 0.5 - 0.25j
        return -upper if number else upper

    return _curves(moon, std=0.05)


def circles() -> Mixture:
    """Two circles around the origin, of radius 1 and 0.5, 0.03 thick."""

    def circle(t: _Floats, number: int) -> _Complex:
        around: _Complex = np.exp(2j * np.pi * t)
        return around / 2 if number else around

    return _curves(circle, std=0.03, along=2 * _ALONG)


def _modes(centers: _Floats, std: float) -> Mixture:
    """Gaussians that are a class each, named by their number."""
    return Mixture(
        centers,
        std=std,
        labels=np.arange(len(centers)),
        classes=tuple(str(number) for number in range(len(centers))),
    )


def _curves(
    curve: Callable[[_Floats, int], _Complex],
    *,
    std: float,
    along: int = _ALONG,
) -> Mixture:
    """Two curves, a class each: x + iy at t in (0, 1) and a number, 0 or 1."""
    t = (np.arange(along) + 0.5) / along
    both = np.concatenate([curve(t, number) for number in (0, 1)])
    return Mixture(
        np.stack([both.real, both.imag], axis=1),
        std=std,
        labels=np.repeat([0, 1], along),
        classes=("first", "second"),
    )
