"""Curves as a few hundred points, and the parts of them that a page is sent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantool.watch.thinning import MOST, ThinnedSeries, number


class Reader:
    """A page: it keeps the columns that it was sent."""

    def __init__(self) -> None:
        self.mark: Any = None
        self.columns: dict[str, list[float | None]] = {}

    def take(self, series: ThinnedSeries) -> int:
        """The number of points that were sent."""
        self.mark, part = series.since(self.mark)
        if part is None:
            return 0
        before = self.columns if part["from"] else {}
        self.columns = {
            key: [*(before.get(key) or [None] * part["from"])[: part["from"]], *values]
            for key, values in part["columns"].items()
        }
        return max(map(len, part["columns"].values()), default=0)


def test_short_curves_are_whole_and_grow_by_what_is_new() -> None:
    series, reader = ThinnedSeries(), Reader()
    for step in range(1, MOST + 1):
        series.add({"step": step, "loss_d": step / 7, "loss_g": None if step % 2 else 1.5})
        assert reader.take(series) == min(step, 2)  # the last point might have changed
    assert reader.columns["step"] == list(range(1, MOST + 1))
    assert reader.columns["loss_d"] == pytest.approx([s / 7 for s in range(1, MOST + 1)], rel=1e-6)
    assert reader.columns["loss_g"] == [None, 1.5] * (MOST // 2)
    assert reader.take(series) == 0


def test_long_curves_are_means_over_equally_many_steps() -> None:
    steps = 5000
    values = np.random.default_rng(0).standard_normal(steps)
    series, reader = ThinnedSeries(), Reader()
    for step in range(1, steps + 1):
        series.add({"step": step, "loss_d": float(values[step - 1])})
        if step % 37 == 0:
            reader.take(series)
    reader.take(series)
    assert series.width == 16
    parts = [values[i : i + 16] for i in range(0, steps, 16)]
    assert len(parts) <= MOST
    expected = [part.mean() for part in parts]
    assert reader.columns["loss_d"] == pytest.approx(expected, rel=1e-5, abs=1e-9)
    assert reader.columns["step"][0] == 8.5


@given(st.lists(st.tuples(st.integers(-2, 3000), st.booleans()), max_size=60))
def test_a_reader_who_hears_the_parts_has_the_whole(lines: list[tuple[int, bool]]) -> None:
    series, reader = ThinnedSeries(), Reader()
    for step, heard in lines:
        series.add({"step": step, f"term{step % 3}": 1.0})
        if heard:
            reader.take(series)
    reader.take(series)
    whole = Reader()
    whole.take(series)
    assert reader.columns == whole.columns


def test_what_is_no_number_is_not_known() -> None:
    assert [number(value) for value in (1, 2.5, -0.0)] == [1.0, 2.5, 0.0]
    for value in (None, True, "1", math.nan, math.inf, 10**400, [1]):
        assert number(value) is None
    series = ThinnedSeries()
    for step in (None, True, 0, -1, "1", 1.0):
        series.add({"step": step, "loss_d": 1.0})
    assert series.since(None)[1] == {"from": 0, "columns": {}}
    series.add({"step": 1, "x": 1e308})
    series.add({"step": 1, "x": 1e308})  # their sum is not finite
    _, part = series.since(None)
    assert part is not None
    assert part["columns"] == {"step": [1.0], "x": [None]}


def test_columns_are_bounded() -> None:
    series = ThinnedSeries()
    series.add({"step": 1, **{f"x{i}": 1.0 for i in range(1000)}})
    _, part = series.since(None)
    assert part is not None
    assert len(part["columns"]) <= 60
