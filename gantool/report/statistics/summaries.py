"""Repetitions of one number, and shares of repetitions."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel

CONFIDENCE = 0.95


class Summary(BaseModel):
    """Repetitions of one number.

    Attributes:
        n: the number of them.
        mean: of them.
        deviation: their sample standard deviation (n - 1), None for one.
        low: lower end of the 95% confidence interval of the mean, of the geometric one where ratios
            are told apart; None for one repetition, or where all are equal.
        high: its upper end.
        method: the making of the interval.
        values: the repetitions themselves.
    """

    n: int
    mean: float
    deviation: float | None
    low: float | None
    high: float | None
    method: Literal["none", "Student's t", "Student's t of logarithms"]
    values: list[float]

    @property
    def center(self) -> float:
        """The mean that the interval is of, by which variants are ranked: geometric of ratios."""
        if self.method != "Student's t of logarithms":
            return self.mean
        return math.exp(math.fsum(math.log(value) for value in self.values) / self.n)


class Share(BaseModel):
    """k of n, with the 95% interval of Clopper and Pearson (1934) for the share behind it."""

    k: int
    n: int
    low: float
    high: float


def summarise(values: Sequence[float], *, ratios: bool = False) -> Summary | None:
    """Mean and spread of the finite values; None if there are none.

    The interval is Student's t at every n, and none for one value or equal ones. Of a skewed
    distribution, or one with a failure now and then, no interval of a mean from few values keeps
    its promise.

    With `ratios`, and all values above 0, it is the geometric mean's, that of the logarithms: of
    distances that scatter by a factor the plain one would reach below 0.
    """
    finite = [float(value) for value in values if math.isfinite(value)]
    if not finite:
        return None
    n, mean, deviation = len(finite), *mean_and_deviation(finite)
    found = Summary(
        n=n, mean=mean, deviation=deviation, low=None, high=None, method="none", values=finite
    )
    if not deviation:
        return found
    if ratios and min(finite) > 0:
        log_mean, log_deviation = mean_and_deviation([math.log(value) for value in finite])
        ends = _interval(log_mean, log_deviation or 0.0, n)
        low, high = map(exponential, ends)
        return found.model_copy(
            update={"low": low, "high": high, "method": "Student's t of logarithms"}
        )
    low, high = _interval(mean, deviation, n)
    return found.model_copy(update={"low": low, "high": high, "method": "Student's t"})


def _interval(mean: float, deviation: float, n: int) -> tuple[float, float]:
    reach = quantile(n - 1) * deviation / math.sqrt(n)
    return mean - reach, mean + reach


def exponential(logarithm: float) -> float:
    """E to a power; the largest number there is where that is larger still."""
    try:
        return math.exp(logarithm)
    except OverflowError:
        return sys.float_info.max


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation, which is None of one value.

    Of equal values they are that value and 0, which rounding would make something near it: a tiny
    spread, before which any difference is large.
    """
    if min(values) == max(values):
        return values[0], 0.0 if len(values) > 1 else None
    return math.fsum(values) / len(values), float(np.std(values, ddof=1))


def share_of(k: int, n: int) -> Share:
    """A share with its interval, exact at any n; n is at least 1 and k in [0, n]."""
    if k in (0, n):  # in closed form; scipy is slow to import, and one run needs none of it
        end = ((1 - CONFIDENCE) / 2) ** (1 / n)
        return Share(k=k, n=n, low=end if k else 0.0, high=1.0 if k else 1 - end)
    from scipy import stats

    found = stats.binomtest(k, n).proportion_ci(CONFIDENCE, method="exact")
    return Share(k=k, n=n, low=float(found.low), high=float(found.high))


def quantile(freedom: float, confidence: float = CONFIDENCE) -> float:
    """Reach of a two-sided interval of Student's t, in standard errors."""
    from scipy import special

    return float(special.stdtrit(freedom, (1 + confidence) / 2))


def welch_freedom(u: float, n: float, *, v: float, m: float) -> float:
    """Welch's degrees of freedom, from the variances u and v of means of n and m values.

    One of the variances is positive.
    """
    share = u / (u + v)  # not u**2 and v**2, which vanish where the spread is tiny
    return 1 / (share**2 / (n - 1) + (1 - share) ** 2 / (m - 1))
