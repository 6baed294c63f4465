"""Best of a budget: the score that the best of k random settings is expected to reach.

The method is that of Lucic et al. 2018, section 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np


@dataclass(frozen=True, slots=True)
class BestOfCurve:
    """The best of k trials, for k = 1 ... n.

    Attributes:
        expected: the expected best.
        low: the 5% quantile of the best.
        high: its 95% quantile.
    """

    expected: list[float]
    low: list[float]
    high: list[float]


def best_of(values: Sequence[float], better: Literal["lower", "higher"]) -> BestOfCurve:
    """The curve over all subsets of k of the n settings that were tried, each equally likely.

    No resampling is needed: the best of k is the i-th best of all with probability
    C(n - i, k - 1) / C(n, k).
    """
    order = np.sort(np.asarray(values, dtype=np.float64))
    if better == "higher":
        order = order[::-1]
    n = len(order)
    expected, low, high = [], [], []
    for k in range(1, n + 1):
        # C(n - i, k - 1) / C(n, k) for i = 1 ... n, each from the one before it.
        rank = np.arange(1, n)
        chance = np.cumprod([k / n, *((n - rank - k + 1).clip(0) / (n - rank))])
        expected.append(float(chance @ order))
        below = np.cumsum(chance)
        quantiles = [float(order[min(n - 1, int(np.searchsorted(below, q)))]) for q in (0.05, 0.95)]
        low.append(min(quantiles))
        high.append(max(quantiles))
    return BestOfCurve(expected, low, high=high)


def plot_best_of_budget(curves: Mapping[str, BestOfCurve], score: str, *, file: Path) -> None:
    """Write the curves, one for each model and data set, as a PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    from gantool.report.figures import save

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for name, curve in curves.items():
        trials = range(1, len(curve.expected) + 1)
        (line,) = axes.plot(trials, curve.expected, marker=".", label=name)
        axes.fill_between(
            trials, curve.low, curve.high, color=line.get_color(), alpha=0.15, linewidth=0
        )
    axes.set_xlabel("settings tried")
    axes.set_ylabel(f"best {score}")
    axes.legend(frameon=False)
    axes.grid(alpha=0.25)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    save(figure, file)
