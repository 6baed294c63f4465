"""The picture of each score: a dot a run, variants under each other."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from gantool.report.result import ComparisonResult, ScoreColumn, Variant
from gantool.report.statistics import Summary
from gantool.runs.records import SCORE_GROUPS

_MOST = 24  # variants
_WIDE = 5  # a factor between values from which on their axis is logarithmic, where less is better


def strip_groups(result: ComparisonResult) -> list[dict[str, Any]]:
    """The strips of scores in their groups; that of the score that ranks is open."""
    strips = _strips(result)
    found = []
    for group, heading in SCORE_GROUPS.items():
        # A group that a page of another version knows stands among further scores.
        own = [s for s in strips if _group_of(s["column"]) == group]
        ranks = any(strip["column"].id == result.sorted_by for strip in own)
        if own:
            found.append({"heading": heading, "strips": own, "open": ranks})
    return found


def _group_of(column: ScoreColumn) -> str:
    return column.group if column.group in SCORE_GROUPS else ""


def _strips(result: ComparisonResult) -> list[dict[str, Any]]:
    """For each score the places of runs, means and intervals between its ends, in percent."""
    strips = []
    for column in result.columns:
        having = [
            (number, variant, variant.scores[column.id])
            for number, variant in enumerate(result.variants)
            if column.id in variant.scores
        ]
        if not having:  # a run that another stands in for may be the only scored one
            continue
        shown = having[:_MOST]
        axis = _axis([summary for *_, summary in shown], column)
        strips.append(
            {
                "column": column,
                "axis": axis,
                "real": column.real,
                "real_at": axis.place(column.real) if axis.has(column.real) else None,
                "rows": [
                    {"number": number, **_strip_row(variant, summary, axis=axis)}
                    for number, variant, summary in shown
                ],
                "left_out": len(having) - len(shown),
            }
        )
    return strips


@dataclass(frozen=True, slots=True)
class _Axis:
    """The ends of a strip."""

    low: float
    high: float
    logarithmic: bool

    def has(self, value: float | None) -> TypeGuard[float]:
        """Whether there is a place for a value."""
        return value is not None and self.low <= value <= self.high

    def place(self, value: float) -> float:
        """The place of a value, in percent; that of an end where it lies beyond."""
        value, low, high = min(max(value, self.low), self.high), self.low, self.high
        if self.logarithmic:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return round(100 * (value - low) / (high - low), 2)


def _axis(summaries: Sequence[Summary], column: ScoreColumn) -> _Axis:
    values = [value for summary in summaries for value in summary.values]
    real = [] if column.real is None else [column.real]
    if column.better == "lower" and min(values) > 0 and max(values) > _WIDE * min(values):
        positive = [*values, *(value for value in real if value > 0)]
        margin = (max(positive) / min(positive)) ** 0.08
        low = max(min(positive) / margin, sys.float_info.min)
        return _Axis(low, max(positive) * margin, logarithmic=True)
    points = [*values, *real, *(end for summary in summaries for end in _shown_ends(summary))]
    least, greatest = min(points), max(points)
    margin = 0.03 * ((greatest - least) or abs(greatest) or 1.0)
    low = least - margin
    return _Axis(max(0.0, low) if least >= 0 else low, greatest + margin, logarithmic=False)


def _shown_ends(summary: Summary) -> list[float]:
    """Ends of the interval, which from two or three values may be far wider than they are."""
    reach = 2 * (max(summary.values) - min(summary.values))
    ends = [end for end in (summary.low, summary.high) if end is not None]
    return [min(max(end, summary.mean - reach), summary.mean + reach) for end in ends]


def _strip_row(variant: Variant, summary: Summary, axis: _Axis) -> dict[str, Any]:
    interval = None
    if summary.low is not None and summary.high is not None:
        left, right = axis.place(summary.low), axis.place(summary.high)
        interval = (left, round(right - left, 2))
    return {
        "variant": variant,
        "summary": summary,
        "dots": [(axis.place(value), value) for value in summary.values],
        "mean": axis.place(summary.center),
        "interval": interval,
    }
