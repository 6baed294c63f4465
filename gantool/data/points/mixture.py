"""A truth that is a formula: a mixture of Gaussians in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.floating]
_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]
WITHIN = 3.0  # standard deviations around a center in which a point is of high quality
_REACH = 5.0  # standard deviations around the outermost centers beyond which hardly a point lies
_CHUNK = 10_000


@dataclass(frozen=True)
class Mixture:
    """Isotropic Gaussians of one standard deviation; a curve is one of many along it.

    Everything is in the data's own units.

    Attributes:
        centers: float64 [M, 2].
        std: standard deviation of each Gaussian, above 0.
        labels: int64 [M], the class of each Gaussian's points; None where they have none.
        classes: the name of each label.
        weights: float64 [M], the share of each Gaussian; all alike if None.

    Raises:
        ValueError: the parts do not fit each other.
    """

    centers: _Floats
    std: float
    labels: _Ints | None = None
    classes: Sequence[str] = ()
    weights: _Floats | None = None

    def __post_init__(self) -> None:
        m = len(self.centers)
        if self.centers.shape != (m, 2) or not m or not self.std > 0:
            raise ValueError("a mixture has centers [M, 2], and std is above 0")
        for part in (self.labels, self.weights):
            if part is not None and part.shape != (m,):
                raise ValueError(f"of {m} Gaussians each has one label and one weight")
        if self.weights is not None and not (min(self.weights) > 0 and sum(self.weights) > 0):
            raise ValueError("weights are above 0")
        if (self.labels is None) == bool(self.classes):
            raise ValueError("labels and classes go together")
        if self.labels is not None and not set(self.labels) <= set(range(len(self.classes))):
            raise ValueError("a label is the number of a class, from 0")

    @cached_property
    def shares(self) -> _Floats:
        """The probability of each Gaussian, float64 [M]."""
        weights = np.ones(len(self.centers)) if self.weights is None else self.weights
        shares: _Floats = weights / weights.sum()
        return shares

    @cached_property
    def reach(self) -> float:
        """Half the side of a square around the origin that holds all but a few in a million."""
        return float(np.abs(self.centers).max() + _REACH * self.std)

    @cached_property
    def has_modes(self) -> bool:
        """Whether the Gaussians are two or more and lie apart, so that each is a mode.

        The neighborhoods of high quality then do not meet.
        """
        from scipy.spatial.distance import pdist

        distances = pdist(self.centers)
        return bool(len(distances)) and bool(distances.min() > 2 * WITHIN * self.std)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[_Floats, _Ints]:
        """Draw points, float64 [n, 2], and the number of each one's Gaussian, int64 [n]."""
        chosen = rng.choice(len(self.centers), size=n, p=self.shares)
        return self.centers[chosen] + self.std * rng.standard_normal((n, 2)), chosen

    def log_density(self, points: Points) -> _Floats:
        """The logarithm of the density at points [N, 2], float64 [N], in nats."""
        from scipy.spatial.distance import cdist
        from scipy.special import logsumexp

        variance = self.std**2
        constant = np.log(self.shares) - np.log(2 * np.pi * variance)
        logs = np.empty(len(points))
        for start in range(0, len(points), _CHUNK):  # so that memory stays bounded
            squares = cdist(points[start : start + _CHUNK], self.centers, "sqeuclidean")
            logs[start : start + _CHUNK] = logsumexp(constant - squares / (2 * variance), axis=1)
        return logs

    def nearest(self, points: Points) -> tuple[_Ints, _Floats]:
        """The number of the nearest center, int64 [N], and its distance, float64 [N]."""
        from scipy.spatial import KDTree

        distances, numbers = KDTree(self.centers).query(np.asarray(points, dtype=np.float64))
        return numbers, distances
