"""The columns of a comparison beside the scores: each is declared here, and nowhere else.

From one entry come its value of every run and variant in comparison.json, its column in
comparison.csv, and its cells on the terminal and on the page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from gantool.report.format import short, thousands, whole
from gantool.report.load import RunData
from gantool.report.result import RunRow, Variant

Place = Literal["terminal", "variants", "runs", "cost"]  # the terminal's table, the page's three
Value = float | None


def mean(values: Sequence[float]) -> float:
    """The mean of a variant's runs."""
    return math.fsum(values) / len(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One number of runs and variants.

    Attributes:
        key: its name in comparison.json and comparison.csv.
        heading: its name on the terminal and the page, where samples are images.
        of_run: the value of one run, or None.
        of_variant: the value of a variant, from those of its runs that have one.
        text: the value in words, of a variant or a run.
        places: the tables that show it; the documents hold every column.
        before_scores: whether it stands before the scores or behind them.
    """

    key: str
    heading: str
    of_run: Callable[[RunData], Value]
    of_variant: Callable[[Sequence[float]], float] = mean
    text: Callable[[Value, Variant | RunRow], str] = lambda value, _: short(value)
    places: frozenset[Place] = frozenset()
    before_scores: bool = False

    def heading_for(self, noun: str) -> str:
        """The heading where samples are called so."""
        if noun == "images":
            return self.heading
        return self.heading.replace("images", noun).replace("img", noun)


def shown_in(
    place: Place, rows: Sequence[Variant | RunRow], *, before_scores: bool | None = None
) -> list[Column]:
    """The columns of a table, in order; those on one side of the scores, or all.

    A column without a value in any row is left out.
    """
    found = [
        column
        for column in COLUMNS
        if place in column.places and any(row.values[column.key] is not None for row in rows)
    ]
    if before_scores is None:
        return found
    return [column for column in found if column.before_scores is before_scores]


def _steps(value: Value, row: Variant | RunRow) -> str:
    if isinstance(row, RunRow) and value is not None and row.total_steps > value:
        return f"{whole(value)} of {whole(row.total_steps)}"
    return whole(value)


def _answer(value: Value, row: Variant | RunRow) -> str:
    return f"{short(value)} raw" if value is not None and row.d_scale == "raw" else short(value)


def _parameters(run: RunData) -> Value:
    counts = [count for count in run.record.networks.values() if isinstance(count, int)]
    return sum(counts) or None


def _of_drawing(key: str) -> Callable[[RunData], Value]:
    """A number from the cost of drawing samples."""

    def of_run(run: RunData) -> Value:
        value = (run.record.drawing or {}).get(key)
        return value if isinstance(value, int | float) else None

    return of_run


def _d_real(run: RunData) -> Value:
    return None if run.last_answers is None else run.last_answers.d_real


def _d_fake(run: RunData) -> Value:
    return None if run.last_answers is None else run.last_answers.d_fake


def _equilibrium(run: RunData) -> Value:
    found = run.last_answers
    return None if found is None or run.record.d_scale != "probability" else found.distance


COLUMNS = (
    Column(
        key="steps",
        heading="steps",
        of_run=lambda run: run.record.steps,
        of_variant=max,
        text=_steps,
        places=frozenset({"terminal", "variants", "runs"}),
        before_scores=True,
    ),
    Column(
        key="epochs",
        heading="epochs",
        of_run=lambda run: run.record.epochs,
        of_variant=max,
        places=frozenset({"runs"}),
        before_scores=True,
    ),
    Column(
        key="best_step",
        heading="best at step",
        of_run=lambda run: None if run.best is None else run.best.step,
        text=lambda value, _: whole(value),
        places=frozenset({"runs"}),
        before_scores=True,
    ),
    Column(
        key="candidates",
        heading="of candidates",
        of_run=lambda run: None if run.best is None else run.best.candidates,
        text=lambda value, _: whole(value),
        places=frozenset({"runs"}),
        before_scores=True,
    ),
    Column(
        key="images",
        heading="images seen",
        of_run=lambda run: run.record.images,
        of_variant=max,
        text=lambda value, _: whole(value),
        places=frozenset({"variants", "cost"}),
        before_scores=True,
    ),
    Column(
        key="seconds",
        heading="seconds",
        of_run=lambda run: run.record.seconds or None,
        places=frozenset({"runs", "cost"}),
        before_scores=True,
    ),
    Column(
        key="d_real",
        heading="D(x)",
        of_run=_d_real,
        text=_answer,
        places=frozenset({"terminal", "variants", "runs"}),
    ),
    Column(
        key="d_fake",
        heading="D(G(z))",
        of_run=_d_fake,
        text=_answer,
        places=frozenset({"terminal", "variants", "runs"}),
    ),
    Column(key="equilibrium", heading="from 1/2", of_run=_equilibrium, places=frozenset({"runs"})),
    Column(
        key="images_per_second",
        heading="img/s",
        of_run=lambda run: run.record.images_per_second,
        places=frozenset({"terminal", "cost"}),
    ),
    Column(
        key="parameters",
        heading="params",
        of_run=_parameters,
        of_variant=max,
        text=lambda value, _: thousands(value),
        places=frozenset({"terminal", "cost"}),
    ),
    Column(
        key="multiply_adds",
        heading="MACs",
        of_run=_of_drawing("multiply_adds"),
        of_variant=max,
        text=lambda value, _: thousands(value),
        places=frozenset({"terminal", "cost"}),
    ),
    Column(
        key="samples_per_second",
        heading="samples/s",
        of_run=_of_drawing("samples_per_second"),
        places=frozenset({"cost"}),
    ),
)
