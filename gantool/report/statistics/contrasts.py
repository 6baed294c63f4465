"""Contrasts of variants, as families whose false claims are bounded together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from gantool.report.statistics.summaries import (
    CONFIDENCE,
    exponential,
    mean_and_deviation,
    quantile,
    share_of,
    welch_freedom,
)

_Floats = npt.NDArray[np.float64]
_ROUNDING = 1e-12  # of differences of equal values, against the values
Better = Literal["lower", "higher"]
Verdict = Literal[
    "better", "worse", "equal", "not distinguishable", "one run says nothing of the spread"
]
Method = Literal["none", "Welch's t", "paired t", "exact permutation"]
# A side has its values by what repetitions are paired by: a seed, or those of run and split.
Side = Mapping[Any, float]
Sides = tuple[Side, Side]


class Contrast(BaseModel):
    """A against B in one number.

    Attributes:
        difference: mean of A minus mean of B.
        p: of the test that both means are equal, corrected for the family; None where a side has
            one value.
        low: lower end of the difference's interval, None where there is none. The intervals of a
            family hold together with 95% confidence.
        high: its upper end.
        ratio: geometric mean of A over that of B, where that is what was tested.
        ratio_low: lower end of its interval, as `low`.
        ratio_high: its upper end.
        method: the test.
        wins: share of all pairs (a, b) in which A is better, ties counting half.
        wins_low: lower end of the 95% confidence interval of the probability behind `wins`; None
            where there is none.
        wins_high: its upper end.
        n_a: repetitions of A.
        n_b: repetitions of B.
        family: the contrasts that it is corrected for.
        matters: the smallest difference that matters, where it is known.
        detectable: where nothing was shown, the true difference that so many repetitions would have
            shown with a chance of 80%; the true ratio, above 1, where that was tested.
        runs: where nothing was shown, the repetitions of each side that would show the observed
            difference, or ratio, with a chance of 80%; None for more than 1,000.
        verdict: in words, from A's side.
    """

    difference: float
    p: float | None
    low: float | None
    high: float | None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    method: Method
    wins: float
    wins_low: float | None
    wins_high: float | None
    n_a: int
    n_b: int
    family: int = 1
    matters: float | None = None
    detectable: float | None = None
    runs: int | None = None
    verdict: Verdict

    @property
    def told(self) -> tuple[str, float, float | None, float | None]:
        """The ratio or difference, whichever was tested: its name, value, and interval's ends."""
        if self.ratio is not None:
            return "ratio", self.ratio, self.ratio_low, self.ratio_high
        return "difference", self.difference, self.low, self.high

    @property
    def small(self) -> bool:
        """Whether the difference is, by its interval, less than what matters."""
        if self.matters is None or self.low is None or self.high is None:
            return False
        return -self.matters < self.low and self.high < self.matters


def contrast(
    a: Side,
    b: Side,
    *,
    better: Better,
    paired: bool = False,
    ratios: bool = False,
    family: int = 1,
) -> Contrast | None:
    """A against B, one of `family` contrasts that are made anyway (Bonferroni).

    As `contrasts` has it; None if a side has no finite value.
    """
    return contrasts([(a, b)], better=better, paired=paired, ratios=ratios, family=family)[0]


def contrasts(
    sides: Sequence[Sides],
    *,
    better: Better,
    paired: bool = False,
    ratios: bool = False,
    matters: float | None = None,
    corrected: bool = True,
    family: int = 0,
    prospects: bool = False,
    shown: Sequence[bool] | None = None,
) -> list[Contrast | None]:
    """A family of contrasts, each of two mappings from seed to value.

    Tests are Welch's t; with `paired`, Student's t of the differences at the seeds that both have;
    where no value of a side differs from another, the exact permutation test. Verdicts follow from
    Holm's step-down p-values (1979), which bound the chance of any false claim in the family by 5%;
    intervals are Bonferroni's, each with a confidence of 1 - 0.05 / m, and hold together with 95%.

    With `ratios` the tests are of logarithms, so that verdicts are of ratios of geometric means: a
    distance that is ten times as large scatters ten times as much, and of few runs the difference
    is then lost in the spread of the larger side. Where a value is not above 0 they are as without.

    Args:
        sides: A and B of each.
        better: the better direction.
        paired: whether seeds pair the values.
        ratios: whether ratios are what is tested.
        matters: the smallest difference that matters; an interval within it says "equal".
        corrected: whether the family is corrected for at all.
        family: the contrasts in the family, where these are only some of them.
        prospects: whether to say where nothing was shown what could have been.
        shown: whether each is wanted; the others only count for the correction. All unless given.

    Returns:
        A contrast for each; None where a side has no finite value, or it is not wanted.
    """
    if not sides:
        return []
    tests = [_test(a, b, paired=paired) for a, b in sides]
    ratios = ratios and all(test is None or min(test.x.min(), test.y.min()) > 0 for test in tests)
    if ratios:
        tests = [None if test is None else _with_log(test, paired=paired) for test in tests]
    tested = [test for test in tests if test is not None and test.method != "none"]
    family = max(family, len(tested), 1) if corrected else 1
    level = (1 - CONFIDENCE) / family
    deciding = [test.deciding for test in tested]
    ps = _p_values(deciding)
    reaches = _reaches(tested, level)
    deciding_reaches = _reaches(deciding, level) if ratios else reaches
    judged = zip(holm(ps, family) if corrected else ps, reaches, deciding_reaches, strict=True)
    found: list[Contrast | None] = []
    for test, wanted in zip(tests, shown or [True] * len(tests), strict=True):
        known = test is not None and test.method != "none"
        p, reach, deciding_reach = next(judged) if known else (None, None, None)
        if test is None or not wanted:
            found.append(None)
            continue
        made = _contrast(
            test, p, reach, deciding_reach, family=family, better=better, matters=matters
        )
        found.append(_with_prospects(made, test.deciding) if prospects else made)
    return found


def _p_values(tests: Sequence[_Test]) -> list[float]:
    """Two-sided."""
    from scipy import stats  # slow to import, and one run needs no quantile

    errors = np.array([test.error for test in tests])
    freedom = np.array([test.freedom for test in tests])
    shifts = np.array([abs(test.difference) for test in tests])
    with np.errstate(divide="ignore", invalid="ignore"):
        students = 2 * stats.t.sf(shifts / errors, freedom)
    exact = np.array([test.exact for test in tests])
    found: list[float] = np.where(errors > 0, students, exact).tolist()
    return found


def _reaches(tests: Sequence[_Test], level: float) -> list[float]:
    """Half of each interval, at an error of `level`; not finite where there is none."""
    from scipy import stats

    errors = np.array([test.error for test in tests])
    freedom = np.array([test.freedom for test in tests])
    found: list[float] = (stats.t.ppf(1 - level / 2, freedom) * errors).tolist()
    return found


@dataclass(frozen=True, slots=True)
class _Test:
    x: _Floats
    y: _Floats
    difference: float
    error: float
    freedom: float
    exact: float  # p of the permutation test, for a side without spread
    method: Method
    log: _Test | None = None  # of the logarithms, where ratios are told apart

    @property
    def deciding(self) -> _Test:
        """The test that the verdict follows from."""
        return self.log or self


def _test(a: Side, b: Side, *, paired: bool) -> _Test | None:
    a, b = (
        {seed: value for seed, value in side.items() if math.isfinite(value)} for side in (a, b)
    )
    if paired:
        shared = sorted(a.keys() & b.keys())
        a, b = ({seed: side[seed] for seed in shared} for side in (a, b))
    if not a or not b:
        return None
    return _of_values(np.array(list(a.values())), np.array(list(b.values())), paired=paired)


def _with_log(test: _Test, *, paired: bool) -> _Test:
    return replace(test, log=_of_values(np.log(test.x), np.log(test.y), paired=paired))


def _of_values(x: _Floats, y: _Floats, *, paired: bool) -> _Test:
    difference = mean_and_deviation(x.tolist())[0] - mean_and_deviation(y.tolist())[0]
    if min(len(x), len(y)) < 2:
        return _Test(x, y, difference, math.nan, math.nan, math.nan, "none")
    error, freedom = _paired(x, y) if paired else _welch(x, y)
    if error == 0:
        exact = _permuted(x, y, paired)
        return _Test(x, y, difference, 0.0, math.nan, exact, "exact permutation")
    student: Method = "paired t" if paired else "Welch's t"
    return _Test(x, y, difference, error, freedom, math.nan, student)


def _welch(x: _Floats, y: _Floats) -> tuple[float, float]:
    n, m = len(x), len(y)
    u, v = ((mean_and_deviation(side.tolist())[1] or 0.0) ** 2 / len(side) for side in (x, y))
    return math.sqrt(u + v), welch_freedom(u, n, v=v, m=m) if u + v else math.nan


def _paired(x: _Floats, y: _Floats) -> tuple[float, float]:
    """The error of the mean difference, 0 where all are equal but for rounding, and freedom."""
    differences, n = x - y, len(x)
    if np.ptp(differences) <= _ROUNDING * max(np.abs(x).max(), np.abs(y).max()):
        return 0.0, n - 1
    return float(differences.std(ddof=1)) / math.sqrt(n), n - 1


def _permuted(x: _Floats, y: _Floats, paired: bool) -> float:
    """Two-sided p of values without spread, or of differences without any.

    Of all arrangements as few are as far apart as these: this one, and where sides are as long as
    each other, or signs are turned, its mirror image.
    """
    n, m = len(x), len(y)
    if abs(x[0] - y[0]) <= _ROUNDING * max(abs(x[0]), abs(y[0])):
        return 1.0
    if paired:
        return 2 / (1 << n)
    return (1 + (n == m)) / math.comb(n + m, n)


def holm(ps: Sequence[float], family: int) -> list[float]:
    """The p values of some of a family's tests, corrected by Holm for them all."""
    found = [1.0] * len(ps)
    least = 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        least = max(least, min(1.0, (family - rank) * ps[i]))
        found[i] = least
    return found


def _contrast(
    test: _Test,
    p: float | None,
    reach: float | None,
    deciding_reach: float | None,
    *,
    family: int,
    better: Better,
    matters: float | None,
) -> Contrast:
    low, high = _ends(test.difference, reach)
    ratio, ratio_low, ratio_high = None, None, None
    if test.log is not None:
        ratio = exponential(test.log.difference)
        ratio_low, ratio_high = (
            None if end is None else exponential(end)
            for end in _ends(test.log.difference, deciding_reach)
        )
    wins, wins_low, wins_high = _wins(test.x, test.y, better=better)
    found = Contrast(
        difference=test.difference,
        p=p,
        low=low,
        high=high,
        ratio=ratio,
        ratio_low=ratio_low,
        ratio_high=ratio_high,
        method=test.deciding.method,
        wins=wins,
        wins_low=wins_low,
        wins_high=wins_high,
        n_a=len(test.x),
        n_b=len(test.y),
        family=family,
        matters=matters,
        verdict=_verdict(p, test.deciding.difference, better=better),
    )
    if found.verdict == "not distinguishable" and found.small:
        return found.model_copy(update={"verdict": "equal"})
    return found


def _ends(center: float, reach: float | None) -> tuple[float | None, float | None]:
    if reach is None or not math.isfinite(reach):
        return None, None
    return center - reach, center + reach


def _verdict(p: float | None, difference: float, *, better: Better) -> Verdict:
    if p is None:
        return "one run says nothing of the spread"
    if p > 1 - CONFIDENCE:
        return "not distinguishable"
    return "better" if (difference < 0) == (better == "lower") else "worse"


def _with_prospects(found: Contrast, test: _Test) -> Contrast:
    """With the difference that the test would have seen, and the runs for the one that there is."""
    if found.verdict != "not distinguishable" or test.method != "Welch's t":
        return found
    from gantool.report.statistics.power import detectable, runs_for

    level = (1 - CONFIDENCE) / found.family
    deviations = (float(test.x.std(ddof=1)), float(test.y.std(ddof=1)))
    shown = detectable(deviations, len(test.x), len(test.y), level=level)
    return found.model_copy(
        update={
            "detectable": shown if found.ratio is None else exponential(shown),
            "runs": runs_for(test.difference, deviations, level=level),
        }
    )


def _wins(x: _Floats, y: _Floats, *, better: str) -> tuple[float, float | None, float | None]:
    """P(A better than B), ties counting half, with its interval.

    The interval is that of Brunner and Munzel (2000) on the logit's scale. Where the sides do not
    overlap their variance is 0: all of min(n, m) disjoint, independent pairs are won then, of which
    the interval of Clopper and Pearson is exact.
    """
    from scipy import special

    if better == "lower":
        x, y = -x, -y
    ahead = (x[:, None] > y) + 0.5 * (x[:, None] == y)
    share = float(ahead.mean())
    n, m = ahead.shape
    if min(n, m) < 2:
        return share, None, None
    if share in (0.0, 1.0):
        won = share_of(round(share) * min(n, m), min(n, m))
        return share, won.low, won.high
    u, v = float(ahead.mean(axis=1).var(ddof=1)) / n, float(ahead.mean(axis=0).var(ddof=1)) / m
    if u + v == 0:
        return share, None, None
    logit = math.log(share / (1 - share))
    error = math.sqrt(u + v) / (share * (1 - share))
    reach = quantile(welch_freedom(u, n, v=v, m=m)) * error
    return share, float(special.expit(logit - reach)), float(special.expit(logit + reach))
