"""Statistics of a few repetitions: means, intervals, contrasts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

CONFIDENCE = 0.95
_BOOTSTRAP_FROM = 10  # below, the bootstrap's intervals cover too little
_RESAMPLES = 9999
_SEED = 0

_Floats = npt.NDArray[np.float64]
Method = Literal["none", "Student's t", "bootstrap (BCa)", "Welch's t", "paired t"]


class Summary(BaseModel):
    """Repetitions of one number.

    Attributes:
        n: the number of them.
        mean: of them.
        deviation: their sample standard deviation (n - 1), None for one.
        low: lower end of the 95% confidence interval of the mean, None for one repetition.
        high: its upper end.
        method: the making of the interval.
        values: the repetitions themselves.
    """

    n: int
    mean: float
    deviation: float | None
    low: float | None
    high: float | None
    method: Method
    values: list[float]


class Contrast(BaseModel):
    """A against B in one number.

    Attributes:
        difference: mean of A minus mean of B.
        low: lower end of its 95% confidence interval, None where a side has one value.
        high: its upper end.
        method: the making of the interval.
        wins: share of all pairs (a, b) in which A is better, ties counting half.
        n_a: repetitions of A.
        n_b: repetitions of B.
        verdict: in words, from A's side.
    """

    difference: float
    low: float | None
    high: float | None
    method: Method
    wins: float
    n_a: int
    n_b: int
    verdict: Literal["better", "worse", "not distinguishable", "one run says nothing of the spread"]


def summarise(values: Sequence[float]) -> Summary | None:
    """Mean and spread of the finite values; None if there are none.

    The interval is Student's t below 10 values, the bias-corrected and accelerated bootstrap (9,999
    resamples, fixed seed) from 10 on, and none for one value.
    """
    finite = [float(value) for value in values if math.isfinite(value)]
    if not finite:
        return None
    n, mean = len(finite), math.fsum(finite) / len(finite)
    if n == 1:
        return Summary(
            n=1, mean=mean, deviation=None, low=None, high=None, method="none", values=finite
        )
    deviation = float(np.std(finite, ddof=1))
    if n < _BOOTSTRAP_FROM or deviation == 0:
        reach = _quantile(n - 1) * deviation / math.sqrt(n)
        low, high, method = mean - reach, mean + reach, "Student's t"
    else:
        from scipy import stats  # slow to import, and one run needs no quantile

        found = stats.bootstrap(
            (finite,),
            np.mean,
            confidence_level=CONFIDENCE,
            n_resamples=_RESAMPLES,
            method="BCa",
            rng=_SEED,
        ).confidence_interval
        low, high, method = float(found.low), float(found.high), "bootstrap (BCa)"
    return Summary(
        n=n, mean=mean, deviation=deviation, low=low, high=high, method=method, values=finite
    )


def contrast(
    a: Mapping[int, float],
    b: Mapping[int, float],
    *,
    better: Literal["lower", "higher"],
    paired: bool = False,
) -> Contrast | None:
    """A against B, each a mapping from seed to value; None if one of them has no finite value.

    Welch's t interval of the difference of means; with `paired`, Student's t of the differences at
    the seeds that both have.
    """
    a, b = (
        {seed: value for seed, value in side.items() if math.isfinite(value)} for side in (a, b)
    )
    if paired:
        shared = sorted(a.keys() & b.keys())
        a, b = ({seed: side[seed] for seed in shared} for side in (a, b))
    if not a or not b:
        return None
    x, y = np.array(list(a.values())), np.array(list(b.values()))
    difference = float(x.mean() - y.mean())
    low, high, method = _paired(x - y) if paired else _welch(x, y)
    return Contrast(
        difference=difference,
        low=low,
        high=high,
        method=method,
        wins=_wins(x, y, better=better),
        n_a=len(x),
        n_b=len(y),
        verdict=_verdict(low, high, better=better),
    )


def _quantile(freedom: float) -> float:
    from scipy import stats

    return float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom))


def _welch(x: _Floats, y: _Floats) -> tuple[float | None, float | None, Method]:
    if min(len(x), len(y)) < 2:
        return None, None, "none"
    difference = float(x.mean() - y.mean())
    u, v = x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)
    if u + v == 0:
        return difference, difference, "Welch's t"
    share = u / (u + v)  # not u**2 and v**2, which vanish where the spread is tiny
    freedom = 1 / (share**2 / (len(x) - 1) + (1 - share) ** 2 / (len(y) - 1))
    reach = _quantile(freedom) * math.sqrt(u + v)
    return difference - reach, difference + reach, "Welch's t"


def _paired(differences: _Floats) -> tuple[float | None, float | None, Method]:
    summary = summarise(differences.tolist()) if len(differences) > 1 else None
    if summary is None or summary.deviation is None:
        return None, None, "none"
    reach = _quantile(summary.n - 1) * summary.deviation / math.sqrt(summary.n)
    return summary.mean - reach, summary.mean + reach, "paired t"


def _wins(x: _Floats, y: _Floats, *, better: str) -> float:
    ahead = x[:, None] < y if better == "lower" else x[:, None] > y
    return float(ahead.mean() + 0.5 * (x[:, None] == y).mean())


def _verdict(
    low: float | None, high: float | None, *, better: str
) -> Literal["better", "worse", "not distinguishable", "one run says nothing of the spread"]:
    if low is None or high is None:
        return "one run says nothing of the spread"
    if low <= 0 <= high:
        return "not distinguishable"
    return "better" if (high < 0) == (better == "lower") else "worse"
