"""Differences that so many runs can show, and runs that show such a difference."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

POWER = 0.8
MOST_RUNS = 1000
_POINTS = 60  # of the distribution of a sample variance
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WelchTest:
    """Welch's two-sided test of the means of n and m normal values.

    Attributes:
        error: the true standard error of the difference of means.
        bounds: what the difference must exceed to be seen, each as likely as the others: it depends
            on the variances that the samples happen to have.
    """

    error: float
    bounds: _Floats

    @classmethod
    def of(cls, deviations: tuple[float, float], n: int, m: int, *, level: float) -> WelchTest:
        """The test at a significance level, where the true deviations are these."""
        u, v = (
            (deviation**2 * _variances(count - 1) / count)[shape]
            for deviation, count, shape in (
                (deviations[0], n, np.s_[:, None]),
                (deviations[1], m, np.s_[None, :]),
            )
        )
        share = u / (u + v)
        freedom = 1 / (share**2 / (n - 1) + (1 - share) ** 2 / (m - 1))
        bounds = stats.t.ppf(1 - level / 2, freedom) * np.sqrt(u + v)
        return cls(math.sqrt(deviations[0] ** 2 / n + deviations[1] ** 2 / m), bounds)

    def power(self, difference: float) -> float:
        """The chance that a true difference is seen on its own side."""
        return float(stats.norm.sf((self.bounds - abs(difference)) / self.error).mean())


def _variances(freedom: int) -> _Floats:
    """Sample variances over the true one, each as likely as the others."""
    shares = (np.arange(_POINTS) + 0.5) / _POINTS
    found: _Floats = stats.chi2.ppf(shares, freedom) / freedom
    return found


def detectable(deviations: tuple[float, float], n: int, m: int, *, level: float) -> float:
    """The true difference that n and m runs would show with a chance of 80%."""
    test = WelchTest.of(deviations, n, m, level=level)
    most = float(test.bounds.max()) + 3 * test.error
    return float(optimize.brentq(lambda d: test.power(d) - POWER, 0, most))


def runs_for(difference: float, deviations: tuple[float, float], *, level: float) -> int | None:
    """The runs of each side that would show a difference with a chance of 80%.

    None where more than `MOST_RUNS` would be needed.
    """

    def enough(n: int) -> bool:
        return WelchTest.of(deviations, n, n, level=level).power(difference) >= POWER

    if difference == 0 or not enough(MOST_RUNS):
        return None
    low, high = 1, MOST_RUNS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
