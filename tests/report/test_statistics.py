"""Intervals and contrasts against scipy's own tests and against sums by hand."""

from __future__ import annotations

import itertools
import math
import sys
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from simulate_comparisons import against_baseline, coverage, simulate

from gantool.report.statistics import (
    agreement,
    chances_of_first,
    contrast,
    contrasts,
    share_of,
    summarise,
)
from gantool.report.statistics.power import WelchTest, detectable, runs_for

FINITE = st.floats(-1e6, 1e6)


def seeded(*values: float) -> dict[int, float]:
    return dict(enumerate(values))


def test_one_value_has_no_spread() -> None:
    found = summarise([3.5])
    assert found is not None
    assert (found.n, found.mean, found.deviation, found.low, found.high) == (
        1,
        3.5,
        None,
        None,
        None,
    )
    assert found.method == "none"


def test_two_values_by_hand() -> None:
    """t(0.975, 1 degree of freedom) = 12.7062."""
    found = summarise([1.0, 3.0])
    assert found is not None
    assert found.deviation == pytest.approx(math.sqrt(2))
    assert found.low == pytest.approx(2 - 12.7062, abs=1e-4)
    assert found.high == pytest.approx(2 + 12.7062, abs=1e-4)
    assert found.method == "Student's t"


@pytest.mark.parametrize("n", [2, 5, 9, 10, 30])
def test_the_interval_is_students_at_every_n(n: int) -> None:
    values = np.random.default_rng(n).exponential(size=n).tolist()
    found = summarise(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.method == "Student's t"


def test_the_interval_of_ratios_is_that_of_the_geometric_mean() -> None:
    values = [190.0, 300.0, 970.0]
    found = summarise(values, ratios=True)
    expected = stats.ttest_1samp(np.log(values), 0).confidence_interval(0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((np.exp(expected.low), np.exp(expected.high)))
    assert found.method == "Student's t of logarithms"
    assert found.mean == pytest.approx(1460 / 3)
    assert found.center == pytest.approx(stats.gmean(values))
    assert summarise([-1.0, 2.0], ratios=True) == summarise([-1.0, 2.0])
    assert summarise([3.0], ratios=True) == summarise([3.0])


def test_the_interval_of_ratios_beyond_all_numbers_ends_at_the_largest() -> None:
    found = summarise([1e-300, 0.5], ratios=True)
    assert found is not None
    assert (found.low, found.high) == (0.0, sys.float_info.max)
    (contrast,) = contrasts([({1: 1e-300, 2: 0.5}, {1: 1.0, 2: 2.0})], better="lower", ratios=True)
    assert contrast is not None
    assert contrast.ratio_high == sys.float_info.max


@pytest.mark.parametrize(("k", "n"), [(0, 5), (1, 5), (3, 10), (10, 10)])
def test_a_share_has_the_exact_interval(k: int, n: int) -> None:
    """Its ends are where the binomial tails are 2.5% (Clopper and Pearson 1934)."""
    found = share_of(k, n)
    assert (found.k, found.n) == (k, n)
    if k > 0:
        assert stats.binom.sf(k - 1, n, found.low) == pytest.approx(0.025)
    else:
        assert found.low == 0
    if k < n:
        assert stats.binom.cdf(k, n, found.high) == pytest.approx(0.025)
    else:
        assert found.high == 1


def test_equal_values_have_no_interval() -> None:
    for n in (3, 12):
        found = summarise([2.0] * n)
        assert found is not None
        assert (found.low, found.high, found.deviation) == (None, None, 0)


def test_what_is_not_finite_is_left_out() -> None:
    found = summarise([1.0, math.nan, 3.0, math.inf])
    assert found is not None
    assert found.values == [1, 3]
    assert summarise([math.nan]) is None
    assert summarise([]) is None


def test_a_contrast_is_welchs() -> None:
    a, b = seeded(5.1, 4.9, 5.6), seeded(6.0, 6.9, 5.5, 6.2)
    found = contrast(a, b, better="lower")
    expected = stats.ttest_ind(
        list(a.values()), list(b.values()), equal_var=False
    ).confidence_interval(0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.difference == pytest.approx(5.2 - 6.15)
    assert (found.n_a, found.n_b, found.method) == (3, 4, "Welch's t")


def test_ratios_are_welchs_of_the_logarithms() -> None:
    a, b = seeded(5.1, 4.9, 5.6), seeded(36.0, 49.9, 25.5, 46.2)
    found = contrast(a, b, better="lower", ratios=True)
    logs = [[math.log(value) for value in side.values()] for side in (a, b)]
    expected = stats.ttest_ind(*logs, equal_var=False)
    interval = expected.confidence_interval(0.95)
    plain = contrast(a, b, better="lower")
    assert found is not None
    assert plain is not None
    assert found.p == pytest.approx(expected.pvalue)
    geometric = [stats.gmean(list(side.values())) for side in (a, b)]
    assert found.ratio == pytest.approx(geometric[0] / geometric[1])
    ends = (found.ratio_low, found.ratio_high)
    assert ends == pytest.approx((math.exp(interval.low), math.exp(interval.high)))
    assert (found.difference, found.low) == (plain.difference, plain.low)
    assert plain.ratio is None
    assert found.verdict == "better"


def test_ratios_of_pairs_are_students_of_the_logarithms() -> None:
    a, b = seeded(1.0, 2.0, 4.0), seeded(1.9, 4.4, 7.5)
    found = contrast(a, b, better="lower", ratios=True, paired=True)
    assert found is not None
    expected = stats.ttest_rel(np.log([1.0, 2.0, 4.0]), np.log([1.9, 4.4, 7.5]))
    assert (found.p, found.method) == (pytest.approx(expected.pvalue), "paired t")


def test_values_that_are_not_paired_need_no_logarithm() -> None:
    a, b = {0: 1.0, 1: 2.0, 2: 0.0}, {0: 1.9, 1: 4.4, 3: -1.0}
    found = contrast(a, b, better="lower", ratios=True, paired=True)
    assert found is not None
    assert found.ratio == pytest.approx(math.sqrt(2 / (1.9 * 4.4)))


@pytest.mark.parametrize("value", [0.0, -0.2])
def test_where_a_value_is_not_above_0_no_side_has_a_ratio(value: float) -> None:
    sides = [(seeded(1.0, 2.0), seeded(3.0, value)), (seeded(1.0, 2.0), seeded(3.0, 5.0))]
    assert contrasts(sides, better="lower", ratios=True) == contrasts(sides, better="lower")


def test_a_ratio_that_shows_nothing_says_what_would_have() -> None:
    x, y = seeded(1.0, 2.0, 3.0), seeded(1.5, 2.5, 3.6)
    (found,) = contrasts([(x, y)], better="lower", prospects=True, ratios=True)
    logs = [np.log(list(side.values())) for side in (x, y)]
    deviations = (float(logs[0].std(ddof=1)), float(logs[1].std(ddof=1)))
    assert found is not None
    assert found.detectable == pytest.approx(math.exp(detectable(deviations, 3, 3, level=0.05)))
    assert found.runs == runs_for(logs[0].mean() - logs[1].mean(), deviations, level=0.05)


def test_a_paired_contrast_uses_the_seeds_that_both_have() -> None:
    a, b = {0: 1.0, 1: 2.0, 2: 4.0, 7: 100.0}, {0: 1.5, 1: 2.4, 2: 4.9, 8: -50.0}
    found = contrast(a, b, better="lower", paired=True)
    expected = stats.ttest_rel([1, 2, 4], [1.5, 2.4, 4.9]).confidence_interval(0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.n_a, found.n_b, found.method) == (3, 3, "paired t")
    assert contrast({0: 1.0}, {1: 2.0}, better="lower", paired=True) is None


@pytest.mark.parametrize(
    ("a", "b", "better", "verdict"),
    [
        ((1.0, 1.1, 0.9), (5.0, 5.1, 4.9), "lower", "better"),
        ((1.0, 1.1, 0.9), (5.0, 5.1, 4.9), "higher", "worse"),
        ((5.0, 5.1, 4.9), (1.0, 1.1, 0.9), "lower", "worse"),
        ((1.0, 2.0, 3.0), (1.5, 2.5, 3.5), "lower", "not distinguishable"),
        ((1.0,), (5.0, 5.1), "lower", "one run says nothing of the spread"),
        ((2.0, 2.0), (2.0, 2.0), "lower", "not distinguishable"),
    ],
)
def test_verdicts(a: tuple[float, ...], b: tuple[float, ...], better: str, verdict: str) -> None:
    found = contrast(seeded(*a), seeded(*b), better=better)  # type: ignore[arg-type]
    assert found is not None
    assert found.verdict == verdict


def test_wins_are_the_share_of_all_pairs_and_ties_count_half() -> None:
    a, b = (1.0, 2.0, 2.0), (2.0, 3.0)
    pairs = [1.0 if x < y else 0.5 if x == y else 0.0 for x in a for y in b]
    found = contrast(seeded(*a), seeded(*b), better="lower")
    assert found is not None
    assert found.wins == pytest.approx(sum(pairs) / 6)
    mann_whitney = stats.mannwhitneyu(b, a).statistic / 6
    assert found.wins == pytest.approx(mann_whitney)


@pytest.mark.parametrize("turned", [False, True])
def test_equal_takes_both_ends_of_the_interval(turned: bool) -> None:
    a, b = seeded(1.0, 2.0, 3.0, 4.0), seeded(1.5, 2.0, 3.5, 4.0)
    sides = (b, a) if turned else (a, b)
    found = contrast(*sides, better="lower")
    assert found is not None and found.low is not None and found.high is not None
    near, far = sorted((abs(found.low), abs(found.high)))
    assert near < far
    for matters, equal in ((near / 2, False), ((near + far) / 2, False), (2 * far, True)):
        (judged,) = contrasts([sides], better="lower", matters=matters)
        assert judged is not None and (judged.verdict == "equal") is equal


def test_a_side_without_values_gives_no_contrast() -> None:
    assert contrast({}, seeded(1.0), better="lower") is None
    assert contrast(seeded(math.nan), seeded(1.0), better="lower") is None


@given(st.lists(FINITE, min_size=2, max_size=9), st.lists(FINITE, min_size=2, max_size=9))
def test_a_contrast_turned_round_is_its_mirror(a: list[float], b: list[float]) -> None:
    there, back = (
        contrast(seeded(*a), seeded(*b), better="lower"),
        contrast(seeded(*b), seeded(*a), better="lower"),
    )
    assert there is not None
    assert back is not None
    assert there.difference == pytest.approx(-back.difference)
    assert there.wins == pytest.approx(1 - back.wins)
    if there.method == "exact permutation":  # no side has any spread
        assert (there.low, back.high) == (None, None)
    else:
        assert there.low is not None
        assert back.high is not None
        assert there.low == pytest.approx(-back.high)


@given(st.lists(FINITE, min_size=1, max_size=9))
def test_the_mean_lies_in_its_interval(values: list[float]) -> None:
    found = summarise(values)
    assert found is not None
    if found.low is not None and found.high is not None:
        assert found.low <= found.mean <= found.high


def family(seed: int = 0, count: int = 5, n: int = 4) -> list[tuple[dict[int, float], ...]]:
    """All pairs of some variants whose means differ."""
    rng = np.random.default_rng(seed)
    sides = [seeded(*(rng.normal(size=n) + 1.5 * i)) for i in range(count)]
    return [(a, b) for i, a in enumerate(sides) for b in sides[i + 1 :]]


def test_a_familys_p_values_are_holms() -> None:
    """Step-down by its definition: the i-th least p times the hypotheses that are left."""
    sides = family()
    raw = [
        stats.ttest_ind(list(a.values()), list(b.values()), equal_var=False).pvalue
        for a, b in sides
    ]
    expected = {}
    for rank, p in enumerate(sorted(raw)):
        expected[p] = min(
            1.0, max((len(raw) - i) * q for i, q in enumerate(sorted(raw)[: rank + 1]))
        )
    found = contrasts(sides, better="lower")  # type: ignore[arg-type]
    assert [one.p for one in found if one] == pytest.approx([expected[p] for p in raw])
    assert {one.family for one in found if one} == {10}
    for one in found:
        assert one is not None
        assert (one.verdict in ("better", "worse")) == (one.p is not None and one.p <= 0.05)


def test_a_familys_intervals_are_bonferronis() -> None:
    sides = family()
    for (a, b), found in zip(sides, contrasts(sides, better="lower"), strict=True):  # type: ignore[arg-type]
        expected = stats.ttest_ind(
            list(a.values()), list(b.values()), equal_var=False
        ).confidence_interval(1 - 0.05 / 10)
        assert found is not None
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_without_correction_each_contrast_stands_alone() -> None:
    sides = family()
    alone = [contrast(a, b, better="lower") for a, b in sides]
    assert contrasts(sides, better="lower", corrected=False) == alone  # type: ignore[arg-type]
    (one,) = contrasts(sides[:1], better="lower", family=10)  # type: ignore[arg-type]
    assert one is not None
    assert alone[0] is not None
    assert one.p == pytest.approx(min(1.0, 10 * (alone[0].p or 0)))


def test_what_has_no_interval_does_not_count_in_the_family() -> None:
    pair = (seeded(1.0, 2.0, 2.5), seeded(4.0, 4.5, 5.0))
    first, second, third = contrasts(
        [pair, (seeded(1.0), seeded(2.0, 3.0)), ({}, seeded(1.0))], better="lower"
    )
    assert first is not None
    assert first.family == 1
    assert second is not None
    assert (second.p, second.low, second.verdict) == (
        None,
        None,
        "one run says nothing of the spread",
    )
    assert third is None


@pytest.mark.parametrize(
    ("n", "m", "verdict"),
    [
        (3, 3, "not distinguishable"),
        (4, 4, "better"),
        (2, 4, "not distinguishable"),
        (2, 5, "better"),
    ],
)
def test_sides_without_spread_are_permuted(n: int, m: int, verdict: str) -> None:
    """Eight modes in all runs against seven in all: of all arrangements, those as far apart."""
    found = contrast(seeded(*[8.0] * n), seeded(*[7.0] * m), better="higher")
    pooled = np.array([8.0] * n + [7.0] * m)
    apart = [
        abs(pooled[list(chosen)].mean() - np.delete(pooled, list(chosen)).mean())
        for chosen in itertools.combinations(range(n + m), n)
    ]
    expected = np.mean(np.array(apart) >= 1 - 1e-9)
    assert found is not None
    assert found.p == pytest.approx(expected)
    assert (found.method, found.verdict, found.low) == ("exact permutation", verdict, None)


@pytest.mark.parametrize("n", [2, 3, 7, 10])
@pytest.mark.parametrize("value", [0.002, 0.003, 0.998])
def test_rounding_is_no_spread(value: float, n: int) -> None:
    """The variance of equal values is often something like 1e-37 to NumPy, and not 0."""
    same = contrast(seeded(*[value] * n), seeded(*[value] * 4), better="lower")
    assert same is not None
    assert (same.method, same.p, same.difference) == ("exact permutation", 1, 0)
    other = contrast(seeded(*[value] * n), seeded(*[0.5] * 3), better="lower")
    assert other is not None
    assert other.method == "exact permutation"
    summary = summarise([value] * n)
    assert summary is not None
    assert (summary.mean, summary.deviation) == (value, 0)
    shifted = contrast(
        {seed: 0.1 * seed + value for seed in range(n)},
        {seed: 0.1 * seed for seed in range(n)},
        better="lower",
        paired=True,
    )
    assert shifted is not None
    assert (shifted.method, shifted.p) == ("exact permutation", pytest.approx(2 / 2**n))


def test_equal_is_an_interval_within_the_smallest_difference_that_matters() -> None:
    a, b = seeded(1.0, 1.1, 1.2, 1.05), seeded(1.02, 1.12, 1.15, 1.07)
    wide, narrow = (contrasts([(a, b)], better="lower", matters=least)[0] for least in (0.5, 0.05))
    assert wide is not None
    assert narrow is not None
    assert wide.verdict == "equal"
    assert narrow.verdict == "not distinguishable"
    apart = contrasts(
        [(seeded(1.0, 1.01, 1.02), seeded(1.2, 1.21, 1.22))], better="lower", matters=0.5
    )[0]
    assert apart is not None
    assert (apart.verdict, apart.small) == ("better", True)


def test_the_chance_to_win_is_brunner_and_munzels() -> None:
    """On the plain scale the distance from 1/2 in standard errors is scipy's statistic."""
    x, y = [1.0, 4.0, 2.0, 5.5, 3.0], [2.5, 6.0, 4.5, 7.0]
    found = contrast(seeded(*x), seeded(*y), better="lower")
    assert found is not None
    assert found.wins_low is not None
    assert found.wins_high is not None
    scipys = stats.brunnermunzel(x, y)
    # The interval is symmetric on the logit's scale, and its half width there is t times the error.
    logits = [math.log(p / (1 - p)) for p in (found.wins_low, found.wins, found.wins_high)]
    assert logits[2] - logits[1] == pytest.approx(logits[1] - logits[0])
    error = (found.wins - 0.5) / float(scipys.statistic)
    freedom = _freedom(x, y)
    reach = stats.t.ppf(0.975, freedom) * error / (found.wins * (1 - found.wins))
    assert logits[2] - logits[1] == pytest.approx(reach)
    assert 2 * stats.t.sf(abs(scipys.statistic), freedom) == pytest.approx(scipys.pvalue)


def _freedom(x: list[float], y: list[float]) -> float:
    """Brunner and Munzel's, from ranks among all and within the sides."""
    ranks = stats.rankdata([*x, *y])
    n, m = len(x), len(y)
    u = np.var(ranks[:n] - stats.rankdata(x), ddof=1) * n
    v = np.var(ranks[n:] - stats.rankdata(y), ddof=1) * m
    u, v = u * n / n, v * m / m
    return float((u + v) ** 2 / (u**2 / (n - 1) + v**2 / (m - 1)))


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_sides_apart_win_as_many_pairs_in_a_row(n: int) -> None:
    found = contrast(seeded(*range(n)), seeded(*range(100, 101 + n)), better="lower")
    expected = stats.binomtest(n, n).proportion_ci(0.95)
    assert found is not None
    assert (found.wins, found.wins_low, found.wins_high) == pytest.approx((1, expected.low, 1))
    turned = contrast(seeded(*range(n)), seeded(*range(100, 101 + n)), better="higher")
    assert turned is not None
    assert (turned.wins, turned.wins_low, turned.wins_high) == pytest.approx(
        (0, 0, 1 - expected.low)
    )


@pytest.mark.parametrize(("effect", "n"), [(1.0, 17), (0.5, 64), (0.2, 394), (2.0, 6)])
def test_runs_for_an_effect_are_those_of_the_textbook(effect: float, n: int) -> None:
    """Cohen 1988, table 2.4.1: two samples of equal spread, two-sided 5%, power 80%."""
    assert runs_for(effect, (1.0, 1.0), level=0.05) == n
    assert WelchTest.of((1.0, 1.0), n, n, level=0.05).power(effect) >= 0.8
    assert WelchTest.of((1.0, 1.0), n - 1, n - 1, level=0.05).power(effect) < 0.8


def test_no_number_of_runs_shows_no_difference() -> None:
    assert runs_for(0.0, (1.0, 1.0), level=0.05) is None
    assert runs_for(1e-4, (1.0, 1.0), level=0.05) is None


@pytest.mark.parametrize(("deviations", "n", "m"), [((1.0, 1.0), 3, 3), ((0.2, 3.0), 5, 8)])
def test_the_detectable_difference_is_detected_in_four_of_five(
    deviations: tuple[float, float], n: int, m: int
) -> None:
    least = detectable(deviations, n, m, level=0.05)
    rng = np.random.default_rng(0)
    x = rng.normal(least, deviations[0], (20_000, n))
    y = rng.normal(0, deviations[1], (20_000, m))
    seen = stats.ttest_ind(x, y, axis=1, equal_var=False).pvalue < 0.05
    assert seen.mean() == pytest.approx(0.8, abs=0.01)


def test_a_contrast_that_shows_nothing_says_what_would_have() -> None:
    x, y = seeded(1.0, 2.0, 3.0), seeded(1.5, 2.5, 3.6)
    (found,) = contrasts([(x, y)], better="lower", prospects=True)
    deviations = (float(np.std([1, 2, 3], ddof=1)), float(np.std([1.5, 2.5, 3.6], ddof=1)))
    assert found is not None
    assert found.detectable == pytest.approx(detectable(deviations, 3, 3, level=0.05))
    assert found.runs == runs_for(2 - 2.5333333, deviations, level=0.05)


def test_the_chance_of_the_first_place_in_closed_form() -> None:
    """Of two means with many runs each it is the normal integral of their difference."""
    rng = np.random.default_rng(0)
    x, y = (summarise((rng.normal(size=400) + shift).tolist()) for shift in (0.0, 0.1))
    assert x is not None
    assert y is not None
    found = chances_of_first([x, y], better="lower")
    assert x.deviation is not None
    assert y.deviation is not None
    error = math.hypot(x.deviation, y.deviation) / 20
    assert found == pytest.approx(
        [NormalDist().cdf((y.mean - x.mean) / error), NormalDist().cdf((x.mean - y.mean) / error)],
        abs=0.003,
    )
    assert found is not None
    assert chances_of_first([x, y], better="higher") == pytest.approx(found[::-1], abs=1e-5)


def test_equals_share_the_first_place() -> None:
    same = summarise([1.0, 2.0, 4.0])
    assert same is not None
    assert chances_of_first([same] * 4, better="lower") == pytest.approx([0.25] * 4)
    single = summarise([1.0])
    assert single is not None
    assert chances_of_first([same, single], better="lower") is None


def test_a_large_distance_that_scatters_has_no_chance_of_being_the_least() -> None:
    small, large = summarise([1.3, 1.4, 1.5]), summarise([190.0, 300.0, 970.0])
    assert small is not None
    assert large is not None
    plain = chances_of_first([small, large], better="lower")
    ratios = chances_of_first([small, large], better="lower", ratios=True)
    assert plain is not None
    assert ratios is not None
    assert plain[1] > 0.05 > 0.01 > ratios[1]
    logs = [summarise(np.log(side.values).tolist()) for side in (small, large)]
    assert ratios == chances_of_first([log for log in logs if log], better="lower")
    below = summarise([-0.01, 1.4, 1.5])  # has no logarithm
    assert below is not None
    assert chances_of_first([below, large], better="lower", ratios=True) == chances_of_first(
        [below, large], better="lower"
    )


def test_agreement_counts_pairs() -> None:
    """Kendall 1938: of the six pairs of 1234 and 1243 one is turned."""
    assert agreement([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(4 / 6)
    assert agreement([1, 2, 3], [5, 5, 5]) is None
    assert agreement([1], [1]) is None


@pytest.mark.slow
@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("variants", [2, 6, 12])
def test_equal_variants_are_called_different_in_a_twentieth_of_tables(
    variants: int, n: int, skewed: bool
) -> None:
    found = simulate(variants, n, skewed=skewed, tables=2000, seed=variants * n)
    assert found.false_tables <= 0.06


@pytest.mark.slow
@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize("spread", [0.1, 0.3])
@pytest.mark.parametrize("n", [3, 10])
def test_ratios_of_equals_are_called_different_in_a_twentieth_of_tables(
    n: int, spread: float, skewed: bool
) -> None:
    found = against_baseline(n, spread=spread, factor=5, skewed=skewed, tables=2000, seed=n)
    assert found.false[1] <= 0.06
    assert found.held >= 0.94


def test_three_runs_show_a_large_ratio_that_their_difference_does_not() -> None:
    found = against_baseline(3, spread=0.3, factor=10, skewed=True, tables=50, seed=0)
    assert found.power[0] < 0.3
    assert found.power[1] > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 5, 9, 10, 20])
def test_intervals_cover_what_they_say_on_normal_scores(n: int) -> None:
    assert 0.94 <= coverage(n, rounds=20_000, seed=n) <= 0.97


def test_contrasts_that_are_not_wanted_count_for_the_correction_all_the_same() -> None:
    sides = [
        (seeded(1.0, 2.0, 3.0), seeded(2.0, 4.0, 7.0)),
        (seeded(1.0, 2.0, 3.0), seeded(9.0, 9.5, 9.1)),
        (seeded(1.0, 2.0, 3.0), seeded(1.5)),
        (seeded(5.0, 6.0, 7.0), seeded(9.0, 9.5, 9.1)),
    ]
    every = contrasts(sides, better="lower")
    some = contrasts(sides, better="lower", shown=[True, False, False, True])
    assert some == [every[0], None, None, every[3]]
    assert every[0] != contrasts(sides[:1], better="lower")[0]
