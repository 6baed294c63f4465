"""Columns of metrics.jsonl, whole and condensed, against a plain reading of the same lines."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gantool.report.series import condensed, read_series

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(min_value=-(10**400), max_value=10**400),
    st.text(max_size=3),
    st.lists(st.integers(), max_size=2),
)
LINES = st.lists(
    st.dictionaries(st.sampled_from(["step", "loss_d", "kl"]), VALUES | st.integers(1, 9)),
    max_size=8,
)


def as_number(value: Any) -> float:
    """The value as a reader takes it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value) if math.isfinite(value) else math.nan
    except OverflowError:
        return math.nan


@given(lines=LINES)
@settings(max_examples=60, deadline=None)
def test_columns_have_the_numbers_of_the_lines_that_name_a_step(
    tmp_path_factory: Any, lines: list[dict[str, Any]]
) -> None:
    file = tmp_path_factory.mktemp("lines") / "metrics.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    counted = [line for line in lines if as_number(line.get("step")) > 0]
    found = read_series(file)
    assert set(found) == {key for line in counted for key in line}
    for key, column in found.items():
        expected = [as_number(line.get(key)) for line in counted]
        np.testing.assert_array_equal(column, np.array(expected, dtype=float))


def long(steps: int) -> dict[str, Any]:
    count = np.arange(1.0, steps + 1)
    sparse = np.where(count % 16 == 0, count, np.nan)
    return {"step": count, "images": 16 * count, "seconds": count**2, "loss_d": count, "r1": sparse}


def test_a_long_run_has_means_of_stretches_that_end_at_the_steps_wanted() -> None:
    found = condensed(long(5000), ends=(777, 2500, 2501, 5000))
    steps = found["step"]
    assert 250 <= len(steps) <= 310
    assert {777, 2500, 2501, 5000} <= set(steps)
    np.testing.assert_array_equal(found["images"], 16 * steps)
    np.testing.assert_array_equal(found["seconds"], steps**2)
    before = np.concatenate([[0.0], steps[:-1]])
    np.testing.assert_allclose(found["loss_d"], (before + 1 + steps) / 2)  # the mean of a range
    inside = np.isfinite(found["r1"])
    np.testing.assert_allclose(found["r1"][inside][1:-1], found["loss_d"][inside][1:-1])


def test_a_step_without_a_line_ends_a_stretch_at_the_next_one() -> None:
    series = {key: column[::7] for key, column in long(7000).items()}  # steps 1, 8, 15, ...
    assert 3004 in condensed(series, ends=(3000,))["step"]


def test_a_short_run_stays_as_it_is() -> None:
    series = long(300)
    assert condensed(series, ends=(5,)) is series
    assert condensed({}, ends=(5,)) == {}


def test_thousands_of_wanted_steps_leave_stretches(tmp_path: Path) -> None:
    assert len(condensed(long(4000), ends=range(1, 4001))["step"]) == 4000
