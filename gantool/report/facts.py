"""The facts of runs that the page filters, groups and draws by: options, scores and costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gantool.report.columns import COLUMNS
from gantool.report.format import plain, text_of
from gantool.report.load import RunData
from gantool.report.result import ComparisonResult, RunRow, Variant

_COSTS = ("steps", "images", "seconds", "images_per_second", "parameters", "multiply_adds")


@dataclass(frozen=True, slots=True)
class _Fact:
    """One fact of every run.

    Attributes:
        role: option, run (what is none but of a run: its seed), score or cost.
        title: its name on the page.
        values: of each run; of tags a list.
    """

    role: str
    title: str
    values: list[Any]

    def described(self) -> dict[str, Any]:
        """The field of the page's script."""
        known = [value for value in self.values if value is not None]
        return {
            "id": f"{self.role}:{self.title}",
            "title": self.title,
            "role": self.role,
            "number": bool(known) and all(isinstance(value, int | float) for value in known),
            "list": any(isinstance(value, list) for value in known),
        }


def fields_and_facts(
    result: ComparisonResult, runs: Sequence[RunData]
) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    """The fields that vary over the runs, and the values of each run in their order.

    Args:
        result: the comparison.
        runs: those that count.
    """
    rows = {row.path: row for row in result.runs}
    variants = {variant.name: variant for variant in result.variants}
    pairs = [
        (rows[str(run.folder.path)], variants[rows[str(run.folder.path)].variant]) for run in runs
    ]
    facts = [
        *_options(result, pairs),
        *_of_runs(runs, pairs),
        *(
            _Fact("score", column.id, [row.scores.get(column.id) for row, _ in pairs])
            for column in result.columns
        ),
        *(
            _Fact(
                "cost",
                column.heading_for(result.noun),
                [row.values[column.key] for row, _ in pairs],
            )
            for column in COLUMNS
            if column.key in _COSTS
        ),
    ]
    varying = [fact for fact in facts if len({str(value) for value in fact.values}) > 1]
    kept = [fact for fact in facts if fact in varying or fact.role == "score"]
    of_runs = [[fact.values[number] for fact in kept] for number in range(len(runs))]
    return [fact.described() for fact in kept], of_runs


def _options(result: ComparisonResult, pairs: Sequence[tuple[RunRow, Variant]]) -> list[_Fact]:
    return [
        _Fact("option", "model", [plain(variant.model) for _, variant in pairs]),
        *(
            _Fact("option", plain(key), [_value(variant.config.get(key)) for _, variant in pairs])
            for key in result.differences
        ),
    ]


def _of_runs(runs: Sequence[RunData], pairs: Sequence[tuple[RunRow, Variant]]) -> list[_Fact]:
    return [
        _Fact("run", "seed", [row.seed for row, _ in pairs]),
        _Fact("run", "status", [row.status for row, _ in pairs]),
        _Fact("run", "tags", [_tags(run) for run in runs]),
    ]


def _tags(run: RunData) -> list[str] | None:
    """The tags that people gave a run, where it has some."""
    return [plain(tag) for tag in run.notes.tags] or None


def _value(value: Any) -> Any:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    return plain(text_of(value))
