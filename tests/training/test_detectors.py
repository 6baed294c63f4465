from __future__ import annotations

import json

import numpy as np
import pytest

from gantool.data.points.plane import grid
from gantool.training.detectors import (
    SaturationDetector,
    VarietyDetector,
    mean_distance,
    nearest_distance,
    variety_detectors,
)

RNG = np.random.default_rng(0)
VARIED = RNG.integers(0, 256, (32, 8, 8, 1), dtype=np.uint8)
ALIKE = np.repeat(VARIED[:1], 32, axis=0)


def alike_detector(real: np.ndarray, labels: np.ndarray | None) -> VarietyDetector:
    return variety_detectors(real, labels)[0]


def test_nearest_distance_by_brute_force() -> None:
    labels = np.arange(32) % 3
    flat = VARIED.reshape(32, -1).astype(float)
    for given in (None, labels):
        nearest = [
            min(
                np.linalg.norm(flat[a] - flat[b])
                for b in range(32)
                if a != b and (given is None or given[a] == given[b])
            )
            for a in range(32)
        ]
        assert nearest_distance(VARIED, given) == pytest.approx(np.median(nearest))
    assert nearest_distance(VARIED[:1], None) == 0


def test_a_few_kinds_of_samples_are_a_collapse_that_the_mean_does_not_see() -> None:
    five_kinds = VARIED[np.arange(32) % 5].copy()
    five_kinds[:, 0, 0] = np.random.default_rng(1).integers(0, 40, (32, 1))  # twins, not copies
    alike, few = variety_detectors(VARIED, None)
    assert alike.samples(five_kinds, None, share=0.5) is None
    found = few.samples(five_kinds, None, share=0.5)
    assert found is not None
    assert (found.kind, found.detector) == ("collapse", "few-modes")
    assert few.samples(VARIED, None, share=0.6) is not None  # and over


@pytest.mark.parametrize("labelled", [False, True])
def test_points_are_of_a_few_kinds_where_they_are_near_few_modes(labelled: bool) -> None:
    """However narrow or wide they lie around the modes, and whatever label each was drawn for."""
    truth = grid()
    real, modes = truth.sample(500, np.random.default_rng(0))
    labels = modes if labelled else None
    few_centers = truth.centers[modes % 6]
    wide = real + np.random.default_rng(1).normal(size=real.shape)
    for samples, expected in ((truth.centers[modes], []), (wide, []), (few_centers, ["few-modes"])):
        detectors = variety_detectors(real, labels, truth=truth)
        found = [d.samples(samples, labels, share=0.5) for d in detectors]
        assert [alarm.detector for alarm in found if alarm] == expected
    one = np.repeat(truth.centers[:1], 500, axis=0)
    alarms = [
        d.samples(one, labels, share=0.5) for d in variety_detectors(real, labels, truth=truth)
    ]
    assert all(alarms)


@pytest.mark.parametrize("has_discriminator", [True, False])
def test_no_penalty_is_recommended_without_a_discriminator(has_discriminator: bool) -> None:
    for detector in variety_detectors(VARIED, None, has_discriminator=has_discriminator):
        found = detector.samples(ALIKE, None, share=0.5)
        assert found is not None
        assert ("--penalty" in found.message) is has_discriminator
        assert "a lower --lr" in found.message


def test_saturation_is_silent_without_answers() -> None:
    detector = SaturationDetector(probabilities=True, window=2)
    nothing = {"d_real": None, "d_fake": None}
    assert all(detector.step(nothing) is None for _ in range(5))
    assert detector.step({"d_real": 1.0, "d_fake": 0.0}) is None
    assert detector.step({"d_real": 1.0, "d_fake": 0.0}) is not None


def test_mean_distance_by_brute_force() -> None:
    labels = np.arange(32) % 3
    flat = VARIED.reshape(32, -1).astype(float)
    pairs = [(a, b) for a in range(32) for b in range(32) if a != b]
    every = np.mean([np.linalg.norm(flat[a] - flat[b]) for a, b in pairs])
    within = np.mean(
        [np.linalg.norm(flat[a] - flat[b]) for a, b in pairs if labels[a] == labels[b]]
    )
    assert mean_distance(VARIED, None) == pytest.approx(every)
    assert mean_distance(VARIED, labels) == pytest.approx(within)
    assert mean_distance(VARIED[:1], None) == 0


def test_samples_that_become_alike_are_a_collapse_and_then_a_recovery() -> None:
    detector = alike_detector(VARIED, None)
    assert detector.samples(VARIED, None, share=0.1) is None
    found = detector.samples(ALIKE, None, share=0.2)
    assert found is not None
    assert (found.kind, found.detector) == ("collapse", "samples-alike")
    assert detector.samples(ALIKE, None, share=0.3) is None  # said once
    recovered = detector.samples(VARIED, None, share=0.4)
    assert recovered is not None
    assert recovered.kind == "recovery"


@pytest.mark.parametrize(("number", "bound"), [(0, 0.2), (1, 0.35)])
def test_the_bounds_are_those_that_the_documents_name(number: int, bound: float) -> None:
    """Points that are k times as far apart have k times the distance."""
    real = np.random.default_rng(3).normal(size=(32, 2))
    detector = variety_detectors(real, None)[number]
    kinds = []
    for k in (bound + 0.01, bound - 0.01, 2 * bound - 0.01, 2 * bound + 0.01):
        alarm = detector.samples(k * real, None, share=0.5)
        kinds.append(alarm and alarm.kind)
    assert kinds == [None, "collapse", None, "recovery"]


def test_saturation_is_what_the_documents_say() -> None:
    """A mean gap above 0.98 over 200 steps; over when it is below 0.88."""
    detector = SaturationDetector(probabilities=True)
    found = [detector.step({"d_real": 0.995, "d_fake": 0.0}) for _ in range(201)]
    assert [i for i, alarm in enumerate(found, 1) if alarm] == [200]
    calm = [detector.step({"d_real": 0.89, "d_fake": 0.0}) for _ in range(300)]
    assert not any(calm)
    assert any(detector.step({"d_real": 0.87, "d_fake": 0.0}) for _ in range(300))


def test_a_slow_beginning_is_no_collapse_but_a_late_one_is() -> None:
    detector = alike_detector(VARIED, None)
    assert detector.samples(ALIKE, None, share=0.1) is None
    assert detector.samples(ALIKE, None, share=0.29) is None
    assert detector.samples(ALIKE, None, share=0.3) is not None


def test_each_class_alike_within_itself_is_a_collapse() -> None:
    labels = np.arange(32) % 4
    per_class = VARIED[labels]
    detector = alike_detector(VARIED, np.random.default_rng(2).integers(0, 4, 32))
    assert detector.samples(VARIED, labels, share=0.2) is None
    assert detector.samples(per_class, labels, share=0.3) is not None


def test_a_sure_discriminator_is_said_once_and_recovers() -> None:
    detector = SaturationDetector(probabilities=True, window=10)
    sure, unsure = {"d_real": 0.999, "d_fake": 0.001}, {"d_real": 0.6, "d_fake": 0.4}
    found = [detector.step(sure) for _ in range(30)]
    assert [i for i, f in enumerate(found) if f] == [9]
    found = [detector.step(unsure) for _ in range(10)]
    assert [f.kind for f in found if f] == ["recovery"]


def test_a_detector_goes_on_from_its_state() -> None:
    sure, unsure = {"d_real": 0.999, "d_fake": 0.001}, {"d_real": 0.6, "d_fake": 0.4}
    steps = [*[sure] * 15, *[unsure] * 6, *[sure] * 15]
    whole = SaturationDetector(probabilities=True, window=10)
    expected = [whole.step(metrics) for metrics in steps]
    for stop in range(len(steps)):
        first, second = (SaturationDetector(probabilities=True, window=10) for _ in range(2))
        found = [first.step(metrics) for metrics in steps[:stop]]
        second.state = json.loads(json.dumps(first.state))
        assert found + [second.step(metrics) for metrics in steps[stop:]] == expected


def test_short_spells_and_raw_outputs_are_no_saturation() -> None:
    detector = SaturationDetector(probabilities=True, window=10)
    for i in range(100):
        assert detector.step({"d_real": 0.99 if i % 5 else 0.5, "d_fake": 0.001}) is None
    raw = SaturationDetector(probabilities=False, window=10)
    assert not any(raw.step({"d_real": 50.0, "d_fake": -50.0}) for _ in range(50))
    partial = SaturationDetector(probabilities=True, window=2)
    assert not any(partial.step({"d_real": None, "d_fake": 0.0}) for _ in range(5))
