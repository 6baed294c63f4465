"""The types of a comparison's result, which tables, figures and pages are drawn from."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from gantool.report.series import Axis
from gantool.report.statistics import Contrast, Explained, Share, Summary
from gantool.runs.records import own_objective

FAILED = frozenset({"diverged", "failed"})


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class _WithValues(_Frozen):
    """A row with the values of `report.columns`, which stand beside its other keys in JSON."""

    values: dict[str, float | None] = Field(default_factory=dict)

    @model_serializer(mode="wrap")
    def _flat(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        values: dict[str, Any] = content.pop("values")
        return {**content, **values}


class Collapse(_Frozen):
    """A spell of collapse that a detector saw; `until` is the step at which it was over, if any."""

    step: int
    detector: str
    message: str
    until: int | None = None


class RunRow(_WithValues):
    """One run in the comparison.

    Attributes:
        variant: name of the one it belongs to.
        status: finished, running, stale, interrupted, diverged or failed.
        tags: those that people gave it.
        notes: the texts that people wrote on it.
        split_seed: that of `--split-seed`, None where the data's own splits were taken.
        repeat_of: name of the run of the same configuration and seed that counts in its place.
        elsewhere: whether it is no run, but samples that another program drew.
        machine: the one it was trained on, in words; empty where that is unknown.
        scores: the last value of each score's column.
        errors: the standard error of each score's own evaluation, where it is known.
        best: the best value of each column within the same budget.
        losses: the mean of each over the last tenth of the steps, by its key in metrics.jsonl.
        values: by the keys of `report.columns`.
    """

    name: str
    path: str
    variant: str
    seed: int | None
    split_seed: int | None = None
    status: str
    d_scale: str | None
    collapses: list[Collapse] = Field(default_factory=list)
    diverged_at: int | None = None
    tags: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    repeat_of: str | None = None
    elsewhere: bool = False
    machine: str = ""
    total_steps: int = 0
    scores: dict[str, float] = Field(default_factory=dict)
    errors: dict[str, float] = Field(default_factory=dict)
    best: dict[str, float] = Field(default_factory=dict)
    losses: dict[str, float] = Field(default_factory=dict)

    @property
    def collapsed(self) -> bool:
        """Whether it ended in what a detector takes for a collapse."""
        return any(spell.until is None for spell in self.collapses)

    @property
    def lost(self) -> bool:
        """Whether it diverged, failed or ended in a collapse."""
        return self.status in FAILED or self.collapsed


class ScoreColumn(_Frozen):
    """A score under one protocol: values of one column, and only those, may be ranked.

    Attributes:
        id: the metric's name, with a number where it was measured in several ways.
        real: the value of real images.
        noise: the value of noise.
        variants: the number of variants that have it.
        shared: whether all have it that have any score.
        note: the difference from the usual protocol, where there are several.
        warnings: those of the scores themselves.
        group: the scores that it is shown among, of `SCORE_GROUPS`.
        ratio: whether variants are compared in it by ratios.
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
    group: str = ""
    ratio: bool = False


class Variant(_WithValues):
    """Runs that differ by seed alone.

    Attributes:
        loss: the name of the GAN's objective; None where the model has its own.
        formula: the objective's; that of a game of its own where the model states it.
        source: the objective's paper.
        has_discriminator: whether one network judges the samples of another.
        elsewhere: whether its runs are none, but samples that another program drew.
        runs: names of those that count, in order of their seeds.
        paths: their folders.
        statuses: the number of runs that ended in each way.
        failure_rate: share that diverged or failed.
        collapsed: the number that ended in a collapse.
        lost: the runs that diverged, failed or ended in a collapse, of those that count.
        scores: by column.
        errors: by column, the standard error of an evaluation of its runs, their root mean square:
            the noise of the score itself, apart from the spread over seeds.
        scores_of_others: by column, those of the runs that are not lost; empty where none is.
        best: by column, the best value within the same budget.
        losses: the mean over the runs of their mean over the last tenth of the steps.
        values: by the keys of `report.columns`.
    """

    name: str
    model: str
    data: str
    loss: str | None
    formula: str
    source: str
    d_scale: str | None
    has_discriminator: bool
    elsewhere: bool = False
    config: dict[str, Any]
    runs: list[str]
    paths: list[str]
    seeds: list[int | None]
    statuses: dict[str, int]
    failure_rate: float
    collapsed: int
    lost: Share
    scores: dict[str, Summary] = Field(default_factory=dict)
    errors: dict[str, float] = Field(default_factory=dict)
    scores_of_others: dict[str, Summary] = Field(default_factory=dict)
    best: dict[str, Summary] = Field(default_factory=dict)
    losses: dict[str, float] = Field(default_factory=dict)

    @property
    def objective(self) -> str:
        """The objective in words."""
        if self.elsewhere:
            return "unknown"
        return self.loss or own_objective(self.model)


class Pair(_Frozen):
    """Variant a against variant b in one column."""

    column: str
    a: str
    b: str
    contrast: Contrast


class Flag(_Frozen):
    """A caution about the table; `unfair` where a ranking suffers from it."""

    message: str
    unfair: bool = False


# Options beside the model and its loss that make one variant better than another.
_CONDITIONS = (
    "batch_size",
    "precision",
    "ema",
    "ema_rampup",
    "augment",
    "discriminator_steps",
    "train_images",
)


class ClaimVerdict(_Frozen):
    """A claim that one variant is better than another, and what the runs say of it.

    Attributes:
        claim: in words.
        paper: where it is claimed.
        verdict: whether it holds.
        why: what that rests on.
    """

    claim: str
    paper: str
    verdict: Literal["holds", "does not hold", "cannot tell yet"]
    why: str


class ComparisonResult(_Frozen):
    """Everything that tables, figures and pages are drawn from.

    Attributes:
        variants: in order of rank by `sorted_by`, those without that score last.
        columns: those of the scores, in the order in which runs are scored.
        losses: the keys of those that any run has, as in metrics.jsonl.
        noun: the word for the samples of the data: images, points, or samples for both.
        sorted_by: id of the column that ranks, or None where there is no score.
        baseline: name of the variant that the others are compared with, where one was asked for.
        budget_axis: the axis that a budget is measured on.
        budget: so much of that axis, which every variant has had.
        differences: options that differ between variants, by option and variant.
        tried: by variant, the settings of its model on the same data that lie beside its runs;
            None where that is not known.
        pairs: contrasts of variants: of all, or of the first with each where there are many.
        corrected: whether the contrasts of a column are corrected for their number.
        chances_of_first: by column and variant, the probability that its mean is the best one.
        agreement: Kendall's tau-b of the variants' means, by column and column.
        explained: by column, the options that vary between runs, with how far it goes along with
            each.
        verdict: two or three sentences.
        skipped: paths that were no run, with the reason.
        claims: those of the study that the runs are from.
    """

    variants: list[Variant]
    runs: list[RunRow]
    columns: list[ScoreColumn]
    losses: list[str] = Field(default_factory=list)
    noun: str = "images"
    sorted_by: str | None
    baseline: str | None = None
    budget_axis: Axis = "images"
    budget: float = 0
    differences: dict[str, dict[str, Any]] = Field(default_factory=dict)
    tried: dict[str, int | None] = Field(default_factory=dict)
    flags: list[Flag] = Field(default_factory=list)
    pairs: list[Pair] = Field(default_factory=list)
    corrected: bool = True
    chances_of_first: dict[str, dict[str, float]] = Field(default_factory=dict)
    agreement: dict[str, dict[str, float]] = Field(default_factory=dict)
    explained: dict[str, list[Explained]] = Field(default_factory=dict)
    verdict: list[str] = Field(default_factory=list)
    skipped: dict[str, str] = Field(default_factory=dict)
    claims: list[ClaimVerdict] = Field(default_factory=list)

    @property
    def conditions(self) -> dict[str, dict[str, Any]]:
        """The conditions of training that differ between variants, by option and variant.

        With them the settings that were tried for each, where these are not one for all.
        """
        found = {key: self.differences[key] for key in _CONDITIONS if key in self.differences}
        if any((count or 1) > 1 for count in self.tried.values()):
            found["settings tried"] = dict(self.tried)
        return found
