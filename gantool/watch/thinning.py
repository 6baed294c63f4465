"""Curves of any length as a few hundred points, of which a page is sent what is new."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST = 600  # points
_MOST_COLUMNS = 60
_generations = itertools.count(1)

Mark = tuple[int, int, int]  # a series' generation, points and lines


@dataclass(slots=True)
class _Point:
    """The sums and numbers of the known values in equally many steps."""

    bucket: int
    sums: dict[str, tuple[float, int]]

    def add(self, other: Mapping[str, tuple[float, int]]) -> None:
        for key, (value, count) in other.items():
            before = self.sums.get(key, (0.0, 0))
            self.sums[key] = (before[0] + value, before[1] + count)


class ThinnedSeries:
    """Columns of metrics.jsonl, each point the mean over equally many steps.

    There are at most `MOST` points: where they would be more, neighbors become one.
    """

    def __init__(self) -> None:
        self.width = 1  # steps a point
        self._points: list[_Point] = []
        self._keys: dict[str, None] = {}
        self._lines = 0
        self._generation = next(_generations)

    def add(self, line: Mapping[str, Any]) -> None:
        """Take a step's metrics; a line without a step, or of one before the last, is none."""
        step = line.get("step")
        if type(step) is not int or step < 1:
            return
        bucket = (step - 1) // self.width
        if self._points and bucket < self._points[-1].bucket:
            return
        for key in line:
            if len(self._keys) < _MOST_COLUMNS:
                self._keys.setdefault(key)
        known = {key: number(line.get(key)) for key in self._keys}
        sums = {key: (value, 1) for key, value in known.items() if value is not None}
        if self._points and self._points[-1].bucket == bucket:
            self._points[-1].add(sums)
        else:
            self._points.append(_Point(bucket, sums))
        self._lines += 1
        if len(self._points) > MOST:
            self._merge()

    def _merge(self) -> None:
        self.width *= 2
        self._generation = next(_generations)
        merged: list[_Point] = []
        for point in self._points:
            bucket = point.bucket // 2
            if merged and merged[-1].bucket == bucket:
                merged[-1].add(point.sums)
            else:
                merged.append(_Point(bucket, point.sums))
        self._points = merged

    def since(self, mark: Mark | None) -> tuple[Mark, dict[str, Any] | None]:
        """The mark of now, and what a reader needs who had everything at an earlier mark.

        That is `from`, the point from which on they change, and `columns` from there on, with None
        where a value is not known; None where nothing is new. The last point may change until its
        steps are all there.
        """
        now = (self._generation, len(self._points), self._lines)
        if mark == now:
            return now, None
        first = max(0, mark[1] - 1) if mark is not None and mark[0] == now[0] else 0
        new = self._points[first:]
        columns = {key: [_mean(point.sums.get(key)) for point in new] for key in self._keys}
        return now, {"from": first, "columns": columns}


def _mean(sums: tuple[float, int] | None) -> float | None:
    return None if sums is None else number(float(f"{sums[0] / sums[1]:.7g}"))


def number(value: Any) -> float | None:
    """A finite number; None for anything else."""
    if type(value) is float:
        return value if math.isfinite(value) else None
    if type(value) is int:
        return float(value) if abs(value) < 1 << 1000 else None
    return None
