"""The options that a score goes along with, by ranks over runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from gantool.report.statistics.contrasts import holm

LEAST_RUNS = 10  # below that nothing is said
LEAST_OF_A_VALUE = 3  # runs that two values need at least to be told apart
LEAST_NUMBERS = 5  # different ones that a rank correlation needs


class Explained(BaseModel):
    """The share of a score's ranks that goes along with an option.

    Attributes:
        options: its name; several where they change together, so that nothing tells them apart.
        n: the runs that have the score.
        values: the number of different values.
        share: the share of the ranks' variance that lies between the values, less what chance
            would put there (Kruskal and Wallis' H as an adjusted eta squared); of numbers that
            hardly repeat the square of `correlation`. None where there are too few runs to say.
        correlation: Spearman's, of a numeric option with the score itself.
        p: that of the test behind the share, corrected by Holm for the options of the score.
    """

    options: list[str]
    n: int
    values: int
    share: float | None = None
    correlation: float | None = None
    p: float | None = None


def explained(
    options: Mapping[str, Sequence[Any]], scores: Sequence[float | None]
) -> list[Explained]:
    """Every option that varies over the runs with a score, the one that explains most first.

    Args:
        options: its value in each run, by its name.
        scores: that of each run, None where it has none.
    """
    having = [i for i, score in enumerate(scores) if score is not None]
    ranked = np.array([scores[i] for i in having], dtype=np.float64)
    together: dict[tuple[int, ...], list[str]] = {}
    for name, values in options.items():
        together.setdefault(_partition([values[i] for i in having]), []).append(name)
    found = [
        _explained(names, parts, numbers=_numbers(options[names[0]], having), scores=ranked)
        for parts, names in together.items()
        if len(set(parts)) > 1
    ]
    told = [one for one in found if one.p is not None]
    for one, p in zip(told, holm([one.p or 0.0 for one in told], len(told)), strict=True):
        one.p = p
    return sorted(found, key=lambda one: -1.0 if one.share is None else one.share, reverse=True)


def _partition(values: Sequence[Any]) -> tuple[int, ...]:
    """The number of each value, in order of their first appearance."""
    numbers: dict[str, int] = {}
    return tuple(numbers.setdefault(str(value), len(numbers)) for value in values)


def _numbers(values: Sequence[Any], having: Sequence[int]) -> npt.NDArray[np.float64] | None:
    """The values of a numeric option, or None."""
    chosen = [values[i] for i in having]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in chosen):
        return np.array(chosen, dtype=np.float64)
    return None


def _explained(
    names: list[str],
    parts: tuple[int, ...],
    *,
    numbers: npt.NDArray[np.float64] | None,
    scores: npt.NDArray[np.float64],
) -> Explained:
    from scipy import stats  # slow to import, and one run needs none of it

    counts = np.bincount(parts)
    found = Explained(options=names, n=len(parts), values=len(counts))
    if len(parts) < LEAST_RUNS or len(np.unique(scores)) == 1:
        return found
    repeated = int((counts >= LEAST_OF_A_VALUE).sum()) > 1
    if numbers is not None and (repeated or len(counts) >= LEAST_NUMBERS):
        correlated = stats.spearmanr(numbers, scores)
        found.correlation = float(correlated.statistic)
        found.share, found.p = found.correlation**2, float(correlated.pvalue)
    if repeated:
        sides = [scores[np.equal(parts, part)] for part in range(len(counts))]
        test = stats.kruskal(*sides)
        share = (float(test.statistic) - len(counts) + 1) / (len(parts) - len(counts))
        found.share, found.p = min(1.0, max(0.0, share)), float(test.pvalue)
    if found.p is not None and not math.isfinite(found.p):
        found.share = found.correlation = found.p = None
    return found
