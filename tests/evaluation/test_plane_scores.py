"""Scores of points in the plane, against closed forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gantool.data.points import plane as sets
from gantool.data.points.mixture import Mixture
from gantool.data.points.plane import prepare_points
from gantool.evaluation.evaluate import _measure, wanted
from gantool.evaluation.metric import (
    Evaluation,
    Measured,
    NotApplicableError,
    NotComputedError,
    PointSet,
)
from gantool.evaluation.metrics import classes, plane
from gantool.plugins.registry import load_registry
from gantool.runs.folder import RunFolder

Measure = Callable[[PointSet, Evaluation], Mapping[str, Measured]]


def evaluation(truth: Mixture, *, conditional: bool = False) -> Evaluation:
    data = prepare_points(truth, "points", points=1000)
    nothing = NotComputedError("points have none")
    return Evaluation(data, nothing, RunFolder(Path("nowhere")), conditional=conditional)


RING, GRID = evaluation(sets.ring()), evaluation(sets.grid())


def samples(points: Any) -> PointSet:
    return PointSet("samples", np.asarray(points, dtype=np.float32))


def value(measure: Measure, points: Any, of: Evaluation = RING) -> dict[str, float]:
    return {name: found.value for name, found in measure(samples(points), of).items()}


def test_a_generator_of_one_mode_finds_one_and_its_divergence_is_that_of_eight() -> None:
    points = np.tile(sets.ring().centers[2], (100, 1))
    found = classes.modes(samples(points), RING)
    assert found["modes-covered"].value == 1
    assert found["modes-covered"].detail["found"] == [2]
    assert found["modes-kl"].value == pytest.approx(np.log(8))
    assert value(plane.high_quality, points) == {"high-quality": 1.0}


def test_the_centers_are_all_modes_in_equal_shares() -> None:
    found = value(classes.modes, sets.grid().centers, GRID)
    assert found == {"modes-covered": 25, "modes-kl": pytest.approx(0, abs=1e-12)}


def test_three_standard_deviations_are_the_border() -> None:
    center = sets.ring().centers[0]
    near, off = center + np.array([0.0299, 0]), center + np.array([0, 0.0301])
    assert value(plane.high_quality, [near, off, near, near]) == {"high-quality": 0.75}
    assert value(classes.modes, [off])["modes-covered"] == 0
    assert value(classes.modes, [off])["modes-kl"] == pytest.approx(np.log(8))  # the nearest counts
    assert value(classes.modes, [near])["modes-covered"] == 1


def test_the_divergence_is_from_the_truths_shares() -> None:
    truth = Mixture(np.array([[0.0, 0.0], [9.0, 0.0]]), std=1.0, weights=np.array([3.0, 1.0]))
    even = np.repeat(truth.centers, 5, axis=0)
    expected = 0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(0.5 / 0.25)
    assert value(classes.modes, even, evaluation(truth))["modes-kl"] == pytest.approx(expected)


def test_real_points_reach_what_the_formula_says() -> None:
    for of, m, std in ((RING, 8, 0.01), (GRID, 25, 0.05)):
        real = of.real("test")
        share = plane.high_quality(real, of)["high-quality"]
        assert share.value == pytest.approx(1 - np.exp(-4.5), abs=4 * (share.error or 0))
        log = plane.log_likelihood(real, of)["log-likelihood"]
        entropy = np.log(m) + np.log(2 * np.pi * std**2) + 1  # of Gaussians that lie apart
        assert log.value == pytest.approx(-entropy, abs=4 * (log.error or 0))
        modes = classes.modes(real, of)
        assert modes["modes-covered"].value == m
        assert modes["modes-kl"].value < 0.003


def test_the_log_likelihood_of_a_collapse_is_that_of_a_center() -> None:
    points = np.tile(sets.ring().centers[:1], (10, 1))
    expected = -np.log(8) - np.log(2 * np.pi * 1e-4)
    assert value(plane.log_likelihood, points)["log-likelihood"] == pytest.approx(expected)
    assert expected > value(plane.log_likelihood, RING.real("test").points)["log-likelihood"]


def test_the_sliced_distance_of_a_shift_is_its_length_over_a_right_angle() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 2))
    for shift in ([3.0, 0.0], [0.0, 3.0], [-1.8, 2.4]):
        # The mean of |cos| over all directions is 2 / pi.
        moved = plane.sliced_distance(points, points + shift)
        assert moved == pytest.approx(3 * 2 / np.pi, rel=1e-3)
    assert plane.sliced_distance(points, points[::-1]) == pytest.approx(0, abs=1e-12)


cloud = arrays(np.float64, st.tuples(st.integers(1, 9), st.just(2)), elements=st.floats(-9, 9))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(cloud, cloud)
def test_the_sliced_distance_is_the_mean_over_lines(a: np.ndarray, b: np.ndarray) -> None:
    distances = []
    for k in range(64):
        angle = (k + 0.5) * np.pi / 64
        onto = np.array([np.cos(angle), np.sin(angle)])
        # The area between the two distribution functions.
        at = np.sort(np.concatenate([a @ onto, b @ onto]))
        f, g = (np.searchsorted(np.sort(x @ onto), at[:-1], side="right") / len(x) for x in (a, b))
        distances.append(np.sum(np.abs(f - g) * np.diff(at)))
    found = plane.sliced_distance(a, b)
    assert found == pytest.approx(np.mean(distances), abs=1e-9)
    assert found == pytest.approx(plane.sliced_distance(b, a), abs=1e-9)


def test_as_many_test_points_as_samples_are_compared_with() -> None:
    of = evaluation(sets.circles())
    measured = plane.sliced_wasserstein(of.real("train", 700), of)["sliced-wasserstein"]
    assert measured.protocol["n_real"] == measured.protocol["n_fake"] == 700
    assert measured.protocol["split"] == "test"
    noise = plane.sliced_wasserstein(of.noise(700), of)["sliced-wasserstein"]
    assert 0 < 3 * measured.value < noise.value


def test_curves_have_no_modes_to_count() -> None:
    for name in ("spiral", "moons", "circles", "gaussian"):
        of = evaluation(getattr(sets, name)())
        with pytest.raises(NotApplicableError):
            classes.modes(of.real("test", 10), of)
        assert plane.high_quality(of.real("test"), of)["high-quality"].value > 0.97


def test_noise_fills_the_square_and_asks_for_every_class_in_turn() -> None:
    noise = GRID.noise(50_000)
    assert np.abs(noise.points).max() == pytest.approx(4.25, abs=1e-3)
    assert noise.points.mean(0) == pytest.approx([0, 0], abs=0.05)
    inside = 25 * np.pi * 0.15**2 / 8.5**2
    share = plane.high_quality(noise, GRID)["high-quality"]
    assert share.value == pytest.approx(inside, abs=4 * (share.error or 0))
    assert noise.labels is not None and (np.bincount(noise.labels) == 2000).all()


def test_a_point_is_of_the_class_of_its_nearest_center() -> None:
    moons = sets.moons()
    of = evaluation(moons, conditional=True)
    points = moons.centers[[0, 1, -1, -2]].astype(np.float32)
    asked = PointSet("samples", points, labels=np.array([0, 1, 1, 1]))
    measured = classes.label_fidelity(asked, of)["label-fidelity"]
    assert measured.value == 0.75
    assert measured.detail["by_class"] == {"first": 1.0, "second": pytest.approx(2 / 3)}
    assert classes.label_fidelity(of.real("test"), of)["label-fidelity"].value > 0.999
    with pytest.raises(NotApplicableError):
        classes.label_fidelity(asked, evaluation(moons))


def test_scores_of_points_stand_beside_real_points_and_noise() -> None:
    registry = load_registry()
    specs = wanted(registry, ("modes-covered", "modes-kl"), RING.data)
    one = samples(np.tile(sets.ring().centers[:1], (1000, 1)))
    covered, kl = _measure(specs, one, evaluation=RING, step=3, common={"kind": "points"})
    assert (covered.value, covered.real) == (1, 8)
    assert kl.real is not None and kl.noise is not None and kl.value is not None
    assert kl.real < kl.noise < kl.value
    assert covered.protocol["kind"] == "points"


def test_points_are_given_the_scores_of_points_and_no_others() -> None:
    registry = load_registry()
    names = {spec.name for spec in wanted(registry, (), RING.data)}
    assert {"modes-covered", "modes-kl", "high-quality", "log-likelihood"} < names
    assert {"sliced-wasserstein", "equilibrium"} < names
    assert not names & {"frechet-distance", "parzen", "memorised", "precision", "class-balance"}
