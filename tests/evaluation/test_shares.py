"""Standard errors of shares, against what many fresh draws scatter by."""

import numpy as np
import pytest

from gantool.evaluation.metrics import plane
from gantool.evaluation.metrics.shares import (
    covered_error,
    kl_divergence,
    kl_error,
    shares_of,
)

N = 2_000
UNIFORM = np.full(10, 0.1)
UNEQUAL = np.array([0.3, 0.2, 0.15, 0.1, 0.08, 0.07, 0.05, 0.03, 0.015, 0.005])


def _draws(shares: np.ndarray, n: int, rounds: int = 2_000) -> np.ndarray:
    return np.random.default_rng(7).multinomial(n, shares, size=rounds) / n


@pytest.mark.parametrize("drawn", [UNIFORM, UNEQUAL])
def test_the_error_of_a_divergence_is_the_scatter_of_fresh_draws(drawn: np.ndarray) -> None:
    draws = _draws(drawn, N)
    scatter = np.std([kl_divergence(shares, UNIFORM) for shares in draws], ddof=1)

    found = np.mean([kl_error(shares, UNIFORM, N) for shares in draws[:200]])

    assert found == pytest.approx(scatter, rel=0.15 if drawn is UNIFORM else 0.05)


def test_at_equal_shares_the_first_order_vanishes_and_the_second_stays() -> None:
    assert kl_error(UNIFORM, UNIFORM, N) == pytest.approx(np.sqrt(9 / 2) / N)


def test_a_divergence_from_what_lacks_an_outcome_has_no_finite_error() -> None:
    lacking = np.array([0.5, 0.5, 0.0])

    assert kl_error(np.array([0.4, 0.4, 0.2]), lacking, N) == np.inf


@pytest.mark.parametrize("n", [20, 100, 400])
def test_the_error_of_outcomes_found_is_the_scatter_of_fresh_draws(n: int) -> None:
    draws = _draws(UNEQUAL, n, rounds=20_000)
    scatter = np.std((draws > 0).sum(1))

    assert covered_error(UNEQUAL, n) == pytest.approx(scatter, rel=0.03, abs=1e-3)


def test_outcomes_that_all_draws_have_or_lack_have_no_error() -> None:
    assert covered_error(np.array([0.5, 0.5, 0.0]), 10_000) == 0.0
    assert covered_error(np.array([1.0]), 1) == 0.0


def test_the_jackknifes_error_is_the_scatter_of_fresh_draws() -> None:
    rng = np.random.default_rng(3)

    def pair() -> tuple[np.ndarray, np.ndarray]:
        return rng.normal(0.5, 1, (400, 2)), rng.normal(0, 1, (400, 2))

    scatter = np.std([plane.sliced_distance(*pair()) for _ in range(150)], ddof=1)
    errors = [plane._jackknife_error(*pair()) or 0.0 for _ in range(20)]

    assert np.mean(errors) == pytest.approx(scatter, rel=0.2)


def test_shares_are_those_of_the_labels() -> None:
    assert shares_of(np.array([0, 0, 2, 2]), 3).tolist() == [0.5, 0.0, 0.5]
