"""Cost beside quality: each variant's score against what it costs, and which nothing dominates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from gantool.report.result import ComparisonResult, ScoreColumn
from gantool.report.statistics import Summary, summarise

_COSTS = {
    "seconds": "seconds of training",
    "parameters": "parameters",
    "multiply_adds": "multiply-adds (MACs) of one sample",
}
_TIMES = frozenset({"seconds"})  # that say nothing of another machine


@dataclass(frozen=True, slots=True)
class CostPoint:
    """A variant's score against one of its costs.

    Attributes:
        variant: its name.
        cost: over its runs.
        score: over its runs.
        dominated: whether another one costs no more and scores no worse, by the means, and is
            ahead in one of them.
    """

    variant: str
    cost: Summary
    score: Summary
    dominated: bool


@dataclass(frozen=True, slots=True)
class CostPanel:
    """All variants' scores against one cost."""

    key: str
    title: str
    points: Sequence[CostPoint]


@dataclass(frozen=True, slots=True)
class CostView:
    """The score that ranks against each cost.

    Attributes:
        column: of the score; None where there is nothing to show.
        panels: one for each cost that at least two variants have.
        notes: what was left out and why.
    """

    column: ScoreColumn | None = None
    panels: Sequence[CostPanel] = ()
    notes: Sequence[str] = field(default_factory=list)


def cost_view(result: ComparisonResult) -> CostView:
    """Quality against cost; times only where all runs were trained on one machine."""
    column = next((c for c in result.columns if c.id == result.sorted_by), None)
    if column is None or len(result.variants) < 2:
        return CostView()
    panels, notes = [], []
    machines = machines_in(result)
    for key, title in _COSTS.items():
        if key in _TIMES and len(machines) > 1:
            notes.append(
                f"No picture of {title}: the runs were trained on different machines or numbers of "
                "threads, and times are compared within one only."
            )
            continue
        points = _points(result, column, key=key)
        if len(points) > 1:
            panels.append(CostPanel(key, title, points))
        shown = {point.variant for point in points}
        lacking = [v.name for v in result.variants if column.id in v.scores and v.name not in shown]
        if lacking:
            notes.append(f"Without {title}: {', '.join(lacking)}.")
    return CostView(column, panels, notes) if panels or notes else CostView()


def machines_in(result: ComparisonResult) -> list[str]:
    """The machines that the runs were trained on, in words."""
    rows = [row for row in result.runs if row.repeat_of is None]
    return sorted({row.machine or "unknown" for row in rows})


def _points(result: ComparisonResult, column: ScoreColumn, *, key: str) -> list[CostPoint]:
    rows = {row.path: row for row in result.runs}
    found: dict[str, tuple[Summary, Summary]] = {}
    for variant in result.variants:
        values = [value for path in variant.paths if (value := rows[path].values[key])]
        cost, score = summarise(values), variant.scores.get(column.id)
        if cost is not None and score is not None:
            found[variant.name] = (cost, score)
    places = {name: (cost.mean, score.mean) for name, (cost, score) in found.items()}
    return [
        CostPoint(
            name,
            cost,
            score,
            dominated=any(
                dominates(other, places[name], better=column.better) for other in places.values()
            ),
        )
        for name, (cost, score) in found.items()
    ]


def dominates(
    a: tuple[float, float], b: tuple[float, float], *, better: Literal["lower", "higher"]
) -> bool:
    """Whether (cost, score) a costs no more and scores no worse than b, and is ahead in one."""
    sign = 1 if better == "lower" else -1
    cost, score = a[0] - b[0], sign * (a[1] - b[1])
    return cost <= 0 and score <= 0 and (cost < 0 or score < 0)
