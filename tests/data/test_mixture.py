"""The truth of points, against closed forms and an independent computation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import multivariate_normal

from gantool import Mixture

coordinates = st.floats(-50, 50, allow_nan=False, width=64)


def mixture(m: int = 3, std: float = 0.5) -> Mixture:
    rng = np.random.default_rng(m)
    return Mixture(rng.uniform(-3, 3, (m, 2)), std=std, weights=rng.uniform(0.1, 1, m))


@settings(derandomize=True, deadline=None, max_examples=50)
@given(arrays(np.float64, st.tuples(st.integers(1, 6), st.just(2)), elements=coordinates))
def test_the_density_is_that_of_weighted_normals(points: np.ndarray) -> None:
    truth = mixture(std=2.0)
    density = sum(
        share * multivariate_normal(center, truth.std**2).pdf(points)
        for share, center in zip(truth.shares, truth.centers, strict=True)
    )
    there = np.atleast_1d(density) > 1e-250  # below that the plain sum is none any more
    assert np.exp(truth.log_density(points))[there] == pytest.approx(np.atleast_1d(density)[there])
    assert np.isfinite(truth.log_density(points)).all()


def test_the_density_of_one_gaussian_is_the_textbooks() -> None:
    truth = Mixture(np.array([[1.0, 2.0]]), std=0.1)
    at_center, one_std_off = truth.log_density(np.array([[1.0, 2.0], [1.1, 2.0]]))
    assert at_center == pytest.approx(-np.log(2 * np.pi * 0.01))
    assert at_center - one_std_off == pytest.approx(0.5)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(arrays(np.float64, st.tuples(st.integers(1, 6), st.just(2)), elements=coordinates))
def test_the_nearest_center_is_found(points: np.ndarray) -> None:
    truth = mixture(m=5)
    numbers, distances = truth.nearest(points)
    for point, number, distance in zip(points, numbers, distances, strict=True):
        each = [np.hypot(*(point - center)) for center in truth.centers]
        assert distance == pytest.approx(min(each))
        assert each[number] == pytest.approx(min(each))


def test_many_points_are_taken_in_parts_with_the_same_answers() -> None:
    truth = mixture()
    points, _ = truth.sample(25_000, np.random.default_rng(0))
    few = truth.log_density(points[-7:])
    assert (truth.log_density(points)[-7:] == few).all()
    assert (truth.nearest(points)[0][-7:] == truth.nearest(points[-7:])[0]).all()


def test_samples_have_the_moments_and_shares_of_the_formula() -> None:
    truth = mixture(m=4, std=0.01)
    points, chosen = truth.sample(200_000, np.random.default_rng(1))
    assert np.bincount(chosen) / len(chosen) == pytest.approx(truth.shares, abs=0.005)
    off = points - truth.centers[chosen]
    assert off.mean(0) == pytest.approx([0, 0], abs=1e-4)
    assert np.cov(off.T) == pytest.approx(np.eye(2) * 1e-4, abs=2e-6)
    assert np.abs(points).max() < truth.reach == np.abs(truth.centers).max() + 0.05


def test_modes_are_gaussians_that_lie_apart() -> None:
    at = np.array([[0.0, 0.0], [0.61, 0.0]])
    assert Mixture(at, std=0.1).has_modes
    assert not Mixture(at, std=0.11).has_modes  # their neighborhoods of three deviations meet
    assert not Mixture(at[:1], std=0.1).has_modes


@pytest.mark.parametrize(
    "wrong",
    [
        {"centers": np.zeros((0, 2))},
        {"centers": np.zeros((2, 3))},
        {"std": 0.0},
        {"std": float("nan")},
        {"labels": np.array([0, 1])},
        {"classes": ("a",)},
        {"labels": np.array([0, 2]), "classes": ("a", "b")},
        {"labels": np.array([0]), "classes": ("a", "b")},
        {"weights": np.array([1.0, 0.0])},
        {"weights": np.array([1.0, np.nan])},
        {"weights": np.ones(3)},
    ],
)
def test_parts_that_do_not_fit_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Mixture(**{"centers": np.eye(2), "std": 1.0, **wrong})
