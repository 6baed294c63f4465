"""Intervals and contrasts against scipy's own tests and against sums by hand."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gantool.report.statistics import contrast, summarise

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


def test_below_ten_the_interval_is_students() -> None:
    values = [2.3, 1.9, 2.8, 3.3, 2.0]
    found = summarise(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_from_ten_on_it_is_the_bootstraps() -> None:
    values = np.random.default_rng(0).exponential(size=30).tolist()
    found, again = summarise(values), summarise(values)
    assert found is not None
    assert found == again  # the seed is fixed
    assert found.method == "bootstrap (BCa)"
    # BCa by hand (Efron 1987): percentiles shifted by the median's bias and by the jackknife's
    # skewness.
    rng, normal = np.random.default_rng(1), NormalDist()
    sample = np.array(values)
    means = np.sort([rng.choice(sample, 30).mean() for _ in range(50_000)])
    bias = normal.inv_cdf((means < sample.mean()).mean())
    jackknife = np.array([np.delete(sample, i).mean() for i in range(30)])
    deviations = jackknife.mean() - jackknife
    acceleration = (deviations**3).sum() / (6 * (deviations**2).sum() ** 1.5)
    shifted = [
        normal.cdf(
            bias + (bias + normal.inv_cdf(q)) / (1 - acceleration * (bias + normal.inv_cdf(q)))
        )
        for q in (0.025, 0.975)
    ]
    assert (found.low, found.high) == pytest.approx(np.quantile(means, shifted), abs=0.02)
    assert found.high - found.mean > found.mean - found.low  # skewed data, skewed interval


def test_equal_values_have_an_interval_without_width() -> None:
    for n in (3, 12):
        found = summarise([2.0] * n)
        assert found is not None
        assert (found.low, found.high, found.deviation) == (2, 2, 0)


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
    assert there.low is not None
    assert back.high is not None
    assert there.low == pytest.approx(-back.high)


@given(st.lists(FINITE, min_size=1, max_size=9))
def test_the_mean_lies_in_its_interval(values: list[float]) -> None:
    found = summarise(values)
    assert found is not None
    if found.low is not None and found.high is not None:
        assert found.low <= found.mean <= found.high
