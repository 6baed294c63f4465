"""What a comparison comes to: the types that tables, figures and pages are drawn from."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from gantool.report.reading import Axis
from gantool.report.statistics import Contrast, Summary

FAILED = frozenset({"diverged", "failed"})


class Collapse(BaseModel):
    """A spell of collapse that a detector saw; `until` is the step at which it was over, if it was."""

    step: int
    detector: str
    message: str
    until: int | None = None


class RunRow(BaseModel):
    """One run in the comparison.

    Attributes:
        variant: name of the one it belongs to.
        status: finished, running, stale, interrupted, diverged or failed.
        repeat_of: name of the run of the same configuration and seed that counts in its place.
        d_real, d_fake: means over the last tenth of the steps; equilibrium: how far they are from 1/2, for
            probabilities.
        scores: the last value of each column; best: the best one within the same budget.
    """

    name: str
    path: str
    variant: str
    seed: int | None
    status: str
    collapses: list[Collapse] = Field(default_factory=list)
    diverged_at: int | None = None
    repeat_of: str | None = None
    steps: int = 0
    total_steps: int = 0
    epochs: float = 0.0
    images: int = 0
    seconds: float = 0.0
    images_per_second: float | None = None
    parameters: int = 0
    d_real: float | None = None
    d_fake: float | None = None
    equilibrium: float | None = None
    scores: dict[str, float] = Field(default_factory=dict)
    best: dict[str, float] = Field(default_factory=dict)


class Column(BaseModel):
    """A score under one protocol: figures of one column, and only those, may be ranked against each other.

    Attributes:
        id: the metric's name, with a number where it was measured in several ways.
        real, noise: what real images and noise reach.
        variants: how many have it; shared: whether all have that have any score.
        note: what sets this protocol apart where there are several.
        warnings: what the scores themselves warn of.
    """

    id: str
    metric: str
    better: Literal["lower", "higher"]
    unit: str = ""
    protocol: dict[str, Any] = Field(default_factory=dict)
    real: float | None = None
    noise: float | None = None
    variants: int = 0
    shared: bool = False
    note: str = ""
    warnings: list[str] = Field(default_factory=list)


class Variant(BaseModel):
    """Runs that differ by seed alone.

    Attributes:
        runs: names of those that count, in order of their seeds; paths: their folders.
        statuses: how many ended how.
        failure_rate: share that diverged or failed; collapsed: how many ended in a collapse.
        scores, best: by column; `best` is the best value within the same budget.
    """

    name: str
    model: str
    data: str
    loss: str
    d_scale: str
    config: dict[str, Any]
    runs: list[str]
    paths: list[str]
    seeds: list[int | None]
    statuses: dict[str, int]
    failure_rate: float
    collapsed: int
    parameters: int
    steps: int
    images: int
    images_per_second: float | None = None
    d_real: float | None = None
    d_fake: float | None = None
    equilibrium: float | None = None
    scores: dict[str, Summary] = Field(default_factory=dict)
    best: dict[str, Summary] = Field(default_factory=dict)


class Pair(BaseModel):
    """Variant a against variant b in one column."""

    column: str
    a: str
    b: str
    contrast: Contrast


class Flag(BaseModel):
    """What a reader should know before believing the table; `unfair` where a ranking suffers from it."""

    message: str
    unfair: bool = False


class Comparison(BaseModel):
    """Everything that tables, figures and pages are drawn from.

    Attributes:
        variants: in order of rank by `sorted_by`, those without that score last.
        columns: in the order in which runs are scored.
        sorted_by: id of the column that ranks, or None where there is no score.
        baseline: name of the variant that the others are compared with, where one was asked for.
        budget_axis, budget: what "within the same budget" means: so much of this axis, which every variant has had.
        differences: options that differ between variants, by option and variant.
        pairs: contrasts of variants; against every other one, or against the first one where there are many.
        verdict: two sentences.
        skipped: what was no run, with the reason.
    """

    variants: list[Variant]
    runs: list[RunRow]
    columns: list[Column]
    sorted_by: str | None
    baseline: str | None = None
    budget_axis: Axis = "images"
    budget: float = 0
    differences: dict[str, dict[str, Any]] = Field(default_factory=dict)
    flags: list[Flag] = Field(default_factory=list)
    pairs: list[Pair] = Field(default_factory=list)
    verdict: list[str] = Field(default_factory=list)
    skipped: dict[str, str] = Field(default_factory=dict)

    def column(self, name: str) -> Column:
        """The column of an id."""
        return next(column for column in self.columns if column.id == name)

    def variant(self, name: str) -> Variant:
        """The variant of a name."""
        return next(variant for variant in self.variants if variant.name == name)
