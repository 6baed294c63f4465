"""Where dots, means and intervals stand in the pictures of scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gantool.report.compare import compare
from gantool.report.load import read_runs
from gantool.report.strips import strip_groups
from gantool.runs.folder import RunFolder
from gantool.runs.records import Score
from tests.made_runs import make_run


def strip_of(
    where: Path, scores: dict[str, list[float]], *, metric: str = "frechet-distance", **score: Any
) -> dict[str, Any]:
    """The strip of a metric, from a variant's values by its name."""
    for model, values in scores.items():
        for seed, value in enumerate(values):
            path = make_run(where / f"{model}{seed}", model=model, seed=seed)
            RunFolder(path).add_scores([Score(step=100, metric=metric, value=value, **score)])
    (group,) = strip_groups(compare(read_runs([where]).runs))
    (strip,) = group["strips"]
    return dict(strip)


def test_distances_that_lie_far_apart_stand_on_a_logarithmic_axis(tmp_path: Path) -> None:
    strip = strip_of(
        tmp_path, {"a": [1.0, 1.0], "b": [10.0, 10.0], "c": [100.0, 100.0]}, real=1.0, ratio=True
    )
    assert strip["axis"].logarithmic
    a, b, c = (row["mean"] for row in strip["rows"])
    assert b - a == pytest.approx(c - b, abs=0.02)
    assert 0 < a == strip["real_at"] < c < 100


def test_an_interval_ends_where_the_axis_does(tmp_path: Path) -> None:
    strip = strip_of(tmp_path, {"a": [1.0, 1.1], "b": [20.0, 90.0]}, real=-0.1)
    assert strip["axis"].logarithmic
    assert strip["real_at"] is None
    assert strip["rows"][1]["interval"] == (0.0, 100.0)  # from below 0, which has no logarithm


def test_ratios_have_an_interval_on_that_axis(tmp_path: Path) -> None:
    strip = strip_of(tmp_path, {"a": [1.0, 1.1], "b": [80.0, 82.0]}, ratio=True)
    left, width = strip["rows"][1]["interval"]
    places = [place for place, _ in strip["rows"][1]["dots"]]
    assert 0 < left < min(places)
    assert max(places) < left + width
    assert strip["rows"][1]["mean"] == pytest.approx(left + width / 2, abs=0.02)


@pytest.mark.parametrize(
    ("values", "better"), [([1.0, 4.0], "lower"), ([0.0, 9.0], "lower"), ([0.01, 0.9], "higher")]
)
def test_other_axes_are_plain(tmp_path: Path, values: list[float], better: str) -> None:
    scores = {"a": values[:1], "b": [sum(values) / 2], "c": values[1:]}
    strip = strip_of(tmp_path, scores, better=better)
    assert not strip["axis"].logarithmic
    places = sorted(row["mean"] for row in strip["rows"])
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.02)
