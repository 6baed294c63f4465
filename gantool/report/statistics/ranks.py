"""The chance of each variant to be the best, and how far scores agree on it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gantool.report.statistics.summaries import Summary, summarise

_POINTS = 400


def chances_of_first(
    summaries: Sequence[Summary], *, better: str, ratios: bool = False
) -> list[float] | None:
    """For each variant the probability that its mean is the best one.

    Each mean is taken as distributed around what was measured as Student's t has it (the posterior
    without prior knowledge), independent of the others: the integral of its density times the
    chances that all others lie behind. None where a variant has one run, or runs without spread.

    With `ratios` the means are geometric ones, where all values are above 0, as `contrasts` has it:
    else a distance that is large and scatters as much has a chance of being the least of all.
    """
    if ratios and all(min(summary.values) > 0 for summary in summaries):
        logs = [summarise([math.log(value) for value in summary.values]) for summary in summaries]
        summaries = [summary for summary in logs if summary is not None]
    if len(summaries) < 2 or not all(summary.deviation for summary in summaries):
        return None
    from scipy import stats  # slow to import, and one run needs no quantile

    sign = -1.0 if better == "lower" else 1.0
    means = np.array([sign * summary.mean for summary in summaries])
    errors = np.array([(s.deviation or 0.0) / math.sqrt(s.n) for s in summaries])
    freedom = np.array([s.n - 1 for s in summaries])
    found = []
    # The quantiles of each one are the points of its own integral.
    shares = (np.arange(_POINTS) + 0.5) / _POINTS
    for i, summary in enumerate(summaries):
        at = means[i] + errors[i] * stats.t.ppf(shares, summary.n - 1)
        others = [j for j in range(len(summaries)) if j != i]
        behind = stats.t.cdf((at[:, None] - means[others]) / errors[others], freedom[others])
        found.append(float(behind.prod(axis=1).mean()))
    total = math.fsum(found)
    return [chance / total for chance in found]


def agreement(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Kendall's tau-b of two rankings of the same variants; None where one ranks nothing."""
    if len(x) < 2:
        return None
    from scipy import stats

    tau = float(stats.kendalltau(x, y).statistic)
    return tau if math.isfinite(tau) else None
