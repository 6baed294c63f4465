"""The comparison itself: from runs' records to a typed result. No torch, no files, no view."""

from __future__ import annotations

import itertools
import json
import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from gantool.errors import some_of
from gantool.report import choices, verdict
from gantool.report.columns import COLUMNS, Column, mean
from gantool.report.curves import losses_in
from gantool.report.format import text_of
from gantool.report.load import RunData, configuration, noun_of
from gantool.report.machines import machine_of
from gantool.report.result import (
    FAILED,
    Collapse,
    ComparisonResult,
    Flag,
    Pair,
    RunRow,
    ScoreColumn,
    Variant,
)
from gantool.report.series import Axis
from gantool.report.statistics import (
    Explained,
    Summary,
    agreement,
    chances_of_first,
    contrasts,
    explained,
    share_of,
    summarise,
)
from gantool.report.variants import counted, grouped, named, with_defaults
from gantool.runs.records import BEST, DRAWING, RunRecord, Score, own_objective

# Parts of a score's protocol that say nothing of the way of measuring.
_NOT_THE_MEASURE = frozenset({"averaged", "gantool"})
_MOST_FOR_ALL_PAIRS = 12
_LARGEST = float(np.finfo(np.float32).max)


class UnknownNameError(ValueError):
    """A variant or score that the comparison does not have; `known` are those it has."""

    def __init__(self, kind: str, name: str, *, known: Sequence[str]) -> None:
        super().__init__(f"no {kind} {name!r} in this comparison")
        self.kind, self.name, self.known = kind, name, list(known)


def compare(
    runs: Sequence[RunData],
    *,
    sort: str | None = None,
    baseline: str | None = None,
    budget_axis: Axis = "images",
    paired: bool = False,
    corrected: bool = True,
    matters: float | None = None,
    skipped: Mapping[str, str] | None = None,
    left_out: str = "",
) -> ComparisonResult:
    """Compare runs.

    Args:
        runs: at least one.
        sort: id of the column to rank by; the first shared one unless given.
        baseline: name of the variant that the others are compared with.
        budget_axis: the axis that a budget is measured on.
        paired: whether contrasts pair runs by their seeds.
        corrected: whether the contrasts of a column are corrected for their number.
        matters: the smallest difference that matters in the column that ranks; unless given, that
            between two sets of real images in each column of distances, and unknown in others.
        skipped: paths that were no run, for the record.
        left_out: a sentence on the runs that were left out, which the comparison then says.

    Raises:
        UnknownNameError: no such column or variant.
    """
    runs = with_defaults(runs)
    groups = grouped(runs)
    names = named(groups)
    if baseline is not None and baseline not in names:
        raise UnknownNameError("variant", baseline, known=names)
    counting = [counted(group) for group in groups]
    measures = _measures(runs, counting=[run for first, _ in counting for run in first])
    budget = _Budget(axis=budget_axis, limit=_limit(groups, budget_axis))
    rows: list[RunRow] = []
    variants: list[Variant] = []
    for (first, repeats), name in zip(counting, names, strict=True):
        own = [_row(run, name, measures=measures, budget=budget) for run in first]
        rows += own
        for run, stands_in in repeats:
            row = _row(run, name, measures=measures, budget=budget)
            rows.append(row.model_copy(update={"repeat_of": stands_in.record.name}))
        variants.append(_variant(name, first, rows=own, measures=measures))
    columns = _columns(measures, variants, runs=runs)
    ranking = _ranking(columns, sort)
    ranked = _ranked(variants, ranking, columns=columns)
    family = _Family(
        baseline=baseline, paired=paired, corrected=corrected, ranking=ranking, matters=matters
    )
    pairs = _pairs(ranked, columns, rows=rows, family=family)
    noun = noun_of(runs)
    flags = verdict.flags(
        runs,
        rows=rows,
        variants=ranked,
        columns=columns,
        ranking=ranking,
        pairs=pairs,
        paired=paired,
    )
    flags += choices.flags(runs, rows)
    flags += [*_about_earlier_steps(runs), *_about_means(ranked, ranking, measures=measures)]
    flags += [Flag(message=left_out)] if left_out else []
    return ComparisonResult(
        variants=ranked,
        runs=rows,
        columns=columns,
        losses=losses_in(runs),
        noun=noun,
        sorted_by=None if ranking is None else ranking.id,
        baseline=baseline,
        budget_axis=budget_axis,
        budget=budget.limit,
        differences=_differences(ranked),
        tried={v.name: _tried(group) for v, group in zip(variants, groups, strict=True)},
        flags=flags,
        pairs=pairs,
        corrected=corrected,
        chances_of_first=_chances_of_first(ranked, columns),
        agreement=_agreement(ranked, columns),
        explained=_explained(ranked, columns, rows=rows),
        verdict=verdict.sentences(
            ranked, ranking, rows=rows, pairs=pairs, columns=columns, flags=flags, noun=noun
        ),
        skipped=dict(skipped or {}),
    )


def score_columns(result: ComparisonResult, run: RunData) -> list[tuple[str, Score]]:
    """Every score of a run, with the id of its column."""
    ids = {_key(column.metric, column.protocol): column.id for column in result.columns}
    return [(ids[key], score) for score in run.scores if (key := _key_of(score)) in ids]


@dataclass(frozen=True, slots=True)
class _Measure:
    """A metric under one protocol.

    Attributes:
        id: of its column.
        example: a score that was measured so.
        note: the difference from the usual protocol.
        ratio: whether variants are compared in it by ratios, for which every run must have a value
            above 0.
    """

    id: str
    example: Score
    note: str
    ratio: bool

    @property
    def protocol(self) -> dict[str, Any]:
        return _measured_how(self.example.protocol)


def _measures(runs: Sequence[RunData], *, counting: Sequence[RunData]) -> dict[str, _Measure]:
    """Each metric and protocol by its key, the most used protocol of a metric first.

    Args:
        runs: all, repeats too.
        counting: those whose values are compared.
    """
    uses: dict[str, Counter[str]] = {}
    example: dict[str, Score] = {}
    # Those of runs before those of samples from elsewhere.
    for run in sorted(runs, key=lambda run: run.record.origin is not None):
        for key, score in _last_scores(run.scores).items():
            uses.setdefault(score.metric, Counter())[key] += 1
            example.setdefault(key, score)
    ratio = {key: score.ratio for key, score in example.items()}
    for run in counting:
        for key, score in _last_scores(run.scores).items():
            ratio[key] = ratio[key] and (score.value is None or score.value > 0)
    found: dict[str, _Measure] = {}
    for metric, numbers in uses.items():
        keys = [key for key, _ in numbers.most_common()]
        usual = example[keys[0]].protocol
        found[keys[0]] = _Measure(metric, example[keys[0]], note="", ratio=ratio[keys[0]])
        for number, key in enumerate(keys[1:], 2):
            note = _unlike(example[key].protocol, usual)
            name = f"{metric} ({number})"
            found[key] = _Measure(name, example[key], note=note, ratio=ratio[key])
    return found


def _columns(
    measures: Mapping[str, _Measure], variants: Sequence[Variant], *, runs: Sequence[RunData]
) -> list[ScoreColumn]:
    scored = [variant for variant in variants if variant.scores]
    columns = []
    for measure in measures.values():
        score = measure.example
        having = sum(measure.id in variant.scores for variant in scored)
        warnings = {
            other.warning for run in runs for other in run.scores if other.metric == score.metric
        }
        columns.append(
            ScoreColumn(
                id=measure.id,
                metric=score.metric,
                better=score.better,
                unit=score.unit,
                protocol=measure.protocol,
                real=score.real,
                noise=score.noise,
                variants=having,
                shared=having == len(scored),
                note=measure.note,
                warnings=sorted(warnings - {""}),
                group=score.group,
                ratio=measure.ratio,
            )
        )
    return columns


def _measured_how(protocol: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in protocol.items() if key not in _NOT_THE_MEASURE}


def _key(metric: str, protocol: Mapping[str, Any]) -> str:
    # Samples from elsewhere, whose drawing is not known, stand with those drawn in the usual way.
    return json.dumps([metric, _unusual(protocol)], sort_keys=True, default=str)


def _unusual(protocol: Mapping[str, Any]) -> dict[str, Any]:
    measured = _measured_how(protocol)
    return {key: value for key, value in measured.items() if DRAWING.get(key) != value}


def _key_of(score: Score) -> str:
    return _key(score.metric, score.protocol)


def _unlike(protocol: Mapping[str, Any], usual: Mapping[str, Any]) -> str:
    measured = _unusual(protocol)
    keys = [key for key in measured if measured[key] != usual.get(key) and key != "fingerprint"]
    named = ", ".join(f"{key} {text_of(measured[key])}" for key in keys[:4])
    return named or "another protocol"


def _last_scores(scores: Sequence[Score]) -> dict[str, Score]:
    """The computed score of the last step, by metric and protocol.

    Where a metric could not be had of a later step, what it was before is not the run's.
    """
    last: dict[str, Score] = {}
    failed: dict[str, int] = {}
    for score in scores:
        key = _key_of(score)
        if not _finite(score.value):
            failed[score.metric] = max(score.step, failed.get(score.metric, 0))
        elif key not in last or score.step >= last[key].step:
            last[key] = score
    return {key: score for key, score in last.items() if score.step >= failed.get(score.metric, 0)}


def _about_means(
    variants: Sequence[Variant], ranking: ScoreColumn | None, *, measures: Mapping[str, _Measure]
) -> list[Flag]:
    """A ranking by other means than the tables show, or than such a score is usually ranked by."""
    if ranking is None:
        return []
    if not ranking.ratio:
        usual = any(m.example.ratio for m in measures.values() if m.id == ranking.id)
        message = (
            f"A run has no {ranking.id} above 0, so variants are compared in it by differences and "
            "not, as distances are, by ratios."
        )
        return [Flag(message=message)] if usual else []
    scored = [variant for variant in variants if ranking.id in variant.scores]
    if not scored:
        return []
    choose = min if ranking.better == "lower" else max
    best = choose(scored, key=lambda variant: variant.scores[ranking.id].mean)
    if best.scores[ranking.id].mean == scored[0].scores[ranking.id].mean:
        return []
    message = (
        f"By arithmetic means, which tables show, {best.name} would come before {scored[0].name}, "
        "some of whose runs lie far from the others. Distances are ranked and told apart by "
        "geometric means."
    )
    return [Flag(message=message)]


def _about_earlier_steps(runs: Sequence[RunData]) -> list[Flag]:
    """Runs whose scores are of a generator before their last."""
    earlier = []
    for run in runs:
        steps = [
            score.step
            for score in _last_scores(run.scores).values()
            if score.step < run.record.steps and not score.metric.endswith(BEST)
        ]
        if steps and run.record.origin is None:
            earlier.append(f"{run.record.name} of step {min(steps):,} of {run.record.steps:,}")
    if not earlier:
        return []
    message = f"Scores are not of the end of the run: {some_of(earlier, 4)}."
    return [Flag(message=message, unfair=True)]


def _finite(value: float | None) -> TypeGuard[float]:
    """Whether it is a number; one beyond those of float32 counts as infinite."""
    return value is not None and abs(value) <= _LARGEST


@dataclass(frozen=True, slots=True)
class _Budget:
    axis: Axis
    limit: float

    def allows(self, run: RunData, step: int) -> bool:
        return position(run, step, axis=self.axis) <= self.limit * (1 + 1e-9)


def _row(
    run: RunData, variant: str, *, measures: Mapping[str, _Measure], budget: _Budget
) -> RunRow:
    record = run.record
    scored = {measures[key].id: score for key, score in _last_scores(run.scores).items()}
    last = {column: score.value for column, score in scored.items()}
    errors = {column: score.error for column, score in scored.items() if score.error is not None}
    best: dict[str, float] = {}
    for score in run.scores:
        measure = measures.get(_key_of(score))
        if measure is None or not _finite(score.value) or not budget.allows(run, score.step):
            continue
        choose = min if measure.example.better == "lower" else max
        best[measure.id] = choose(best.get(measure.id, score.value), score.value)
    seed, split = record.config.get("seed"), record.config.get("split_seed")
    divergences = (event.get("step") for event in run.events if event.get("kind") == "divergence")
    return RunRow(
        name=record.name,
        path=str(run.folder.path),
        variant=variant,
        seed=seed if isinstance(seed, int) else None,
        split_seed=split if isinstance(split, int) else None,
        status=run.status,
        d_scale=record.d_scale,
        collapses=_collapses(run),
        diverged_at=next(divergences, None),
        tags=list(run.notes.tags),
        notes=[line.text for line in run.notes.texts],
        elsewhere=record.origin is not None,
        machine=machine_of(record.environment),
        total_steps=record.total_steps,
        scores={column: value for column, value in last.items() if value is not None},
        errors=errors,
        best=best,
        losses=dict(run.last_losses),
        values={column.key: _value(column, run) for column in COLUMNS},
    )


def _value(column: Column, run: RunData) -> float | None:
    """A column's value of a run; of samples from elsewhere nothing but scores is known."""
    return column.of_run(run) if run.record.origin is None else None


def position(run: RunData, step: int, *, axis: Axis) -> float:
    """The place of a step on an axis; of samples from elsewhere, of unknown steps, infinity."""
    if run.record.origin is not None:
        return math.inf
    steps, values = run.series.get("step"), run.series.get(axis)
    if steps is None or values is None or not len(steps):
        return float(step) if axis == "step" else math.inf
    return float(values[min(int(np.searchsorted(steps, step)), len(steps) - 1)])


def _collapses(run: RunData) -> list[Collapse]:
    """Each spell that a detector saw begin, with its end where it saw that too."""
    begun: list[dict[str, Any]] = []
    for event in run.events:
        step, detector = event.get("step"), str(event.get("detector", ""))
        if not isinstance(step, int):
            continue
        if event.get("kind") == "collapse":
            message = str(event.get("message", ""))
            begun.append({"step": step, "detector": detector, "message": message, "until": None})
        elif event.get("kind") == "recovery":
            for spell in begun:
                if spell["detector"] == detector and spell["until"] is None:
                    spell["until"] = step
    return [Collapse(**spell) for spell in begun]


def _limit(groups: Sequence[Sequence[RunData]], axis: Axis) -> float:
    """The part of an axis that every variant has had.

    It is the least of the variants' furthest runs.
    """
    reached = []
    for group in groups:
        ends = [
            float(np.nanmax(run.series[axis])) for run in group if len(run.series.get(axis, ()))
        ]
        if ends:
            reached.append(max(ends))
    return min(reached, default=0.0)


def _variant(
    name: str,
    runs: Sequence[RunData],
    *,
    rows: Sequence[RunRow],
    measures: Mapping[str, _Measure],
) -> Variant:
    first = runs[0].record
    ratios = {measure.id: measure.ratio for measure in measures.values()}
    kept = [row for row in rows if not row.lost]
    values: dict[str, float | None] = {}
    for column in COLUMNS:
        known = [value for row in rows if (value := row.values[column.key]) is not None]
        values[column.key] = column.of_variant(known) if known else None
    return Variant(
        name=name,
        model=first.model,
        data=str(first.data.get("name", "")),
        **_game(first),
        d_scale=first.d_scale,
        has_discriminator=first.has_discriminator,
        elsewhere=first.origin is not None,
        config=configuration(first),
        runs=[row.name for row in rows],
        paths=[row.path for row in rows],
        seeds=[row.seed for row in rows],
        statuses=dict(Counter(row.status for row in rows)),
        failure_rate=sum(row.status in FAILED for row in rows) / len(rows),
        collapsed=sum(row.collapsed for row in rows),
        lost=share_of(len(rows) - len(kept), len(rows)),
        scores=_summaries([row.scores for row in rows], ratios),
        scores_of_others=_summaries([row.scores for row in kept], ratios) if kept != rows else {},
        errors=_root_mean_squares([row.errors for row in rows]),
        best=_summaries([row.best for row in rows], ratios),
        losses=_means([row.losses for row in rows]),
        values=values,
    )


def _game(record: RunRecord) -> dict[str, Any]:
    """The objective that a run was trained with, an option of its model or the model's own."""
    name = record.config.get("loss") if record.has_discriminator else None
    known = record.objective or {}
    game = name or own_objective(record.model)
    described = known if known.get("name") == game else {}
    return {
        "loss": None if name is None else str(name),
        "formula": described.get("formula", ""),
        "source": described.get("source", ""),
    }


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: mean([row[key] for row in rows if key in row]) for key in keys}


def _root_mean_squares(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: math.sqrt(mean([row[key] ** 2 for row in rows if key in row])) for key in keys}


def _summaries(
    scores: Sequence[Mapping[str, float]], ratios: Mapping[str, bool]
) -> dict[str, Summary]:
    """Of each column, by its id; `ratios` says of which ratios are told apart."""
    found = {
        i: summarise([one[i] for one in scores if i in one], ratios=ratio)
        for i, ratio in ratios.items()
    }
    return {i: summary for i, summary in found.items() if summary is not None}


def _ranking(columns: Sequence[ScoreColumn], wanted: str | None) -> ScoreColumn | None:
    if wanted is not None:
        for column in columns:
            if column.id == wanted:
                return column
        raise UnknownNameError("score", wanted, known=[column.id for column in columns])
    shared = [column for column in columns if column.shared]
    return next(iter(shared or sorted(columns, key=lambda column: -column.variants)), None)


def _ranked(
    variants: Sequence[Variant], ranking: ScoreColumn | None, *, columns: Sequence[ScoreColumn]
) -> list[Variant]:
    """The best first; among equals the one with the best places in the other scores."""
    if ranking is None:
        return sorted(variants, key=lambda variant: variant.name)
    better = Counter[str]()  # by variant, how often another one is better
    for column in columns:
        if column.shared and column is not ranking:
            heights = {variant.name: _height(column, variant) for variant in variants}
            ordered = sorted(heights.values())
            better.update({name: bisect_left(ordered, at) for name, at in heights.items()})
    return sorted(variants, key=lambda v: (_height(ranking, v), better[v.name], v.name))


def _height(column: ScoreColumn, variant: Variant) -> float:
    """Less is better; infinite without the score."""
    summary = variant.scores.get(column.id)
    if summary is None:
        return math.inf
    return summary.center if column.better == "lower" else -summary.center


def _differences(variants: Sequence[Variant]) -> dict[str, dict[str, Any]]:
    keys = dict.fromkeys(key for variant in variants for key in variant.config)
    return {
        key: {variant.name: variant.config.get(key) for variant in variants}
        for key in keys
        if len({text_of(variant.config.get(key)) for variant in variants}) > 1
    }


def _tried(group: Sequence[RunData]) -> int | None:
    """The settings that lie beside the runs of a variant; None for samples from elsewhere."""
    return None if group[0].record.origin else max(run.settings for run in group)


@dataclass(frozen=True, slots=True)
class _Family:
    """The contrasts of a column, which are judged together."""

    baseline: str | None
    paired: bool
    corrected: bool
    ranking: ScoreColumn | None
    matters: float | None

    def of(self, names: Sequence[str]) -> Iterable[tuple[str, str]]:
        """The others against the baseline, which was named before; else all pairs."""
        if self.baseline is not None:
            return ((name, self.baseline) for name in names if name != self.baseline)
        return itertools.combinations(names, 2)

    def shows(self, names: Sequence[str], a: str) -> bool:
        """Whether a pair with `a` is kept: of many variants only the first one's are.

        All pairs count for the correction, for the figures chose which variant is the first.
        """
        return self.baseline is not None or len(names) <= _MOST_FOR_ALL_PAIRS or a == names[0]

    def least(self, column: ScoreColumn) -> float | None:
        """The smallest difference that matters in a column."""
        if self.matters is not None:
            return self.matters if column is self.ranking else None
        return column.real if column.ratio else None


def _pairs(
    variants: Sequence[Variant],
    columns: Sequence[ScoreColumn],
    *,
    rows: Sequence[RunRow],
    family: _Family,
) -> list[Pair]:
    """The contrasts of each column."""
    # Paths, since two folders may hold runs of one name.
    by_path = {row.path: row for row in rows}
    names = [variant.name for variant in variants]
    # A variant of one run is in no test, so a pair with it counts for nothing but its own row.
    several = {variant.name for variant in variants if len(variant.runs) > 1}
    pairs = [
        (a, b) for a, b in family.of(names) if family.shows(names, a) or several.issuperset((a, b))
    ]
    found = []
    for column in columns:
        values = {
            variant.name: {
                _repetition(by_path[path], i): by_path[path].scores[column.id]
                for i, path in enumerate(variant.paths, 1)
                if column.id in by_path[path].scores
            }
            for variant in variants
        }
        made = contrasts(
            [(values[a], values[b]) for a, b in pairs],
            better=column.better,
            paired=family.paired,
            corrected=family.corrected,
            ratios=column.ratio,
            matters=family.least(column),
            prospects=column is family.ranking,
            shown=[family.shows(names, a) for a, _ in pairs],
        )
        found += [
            Pair(column=column.id, a=a, b=b, contrast=one)
            for (a, b), one in zip(pairs, made, strict=True)
            if one is not None
        ]
    return found


def _chances_of_first(
    variants: Sequence[Variant], columns: Sequence[ScoreColumn]
) -> dict[str, dict[str, float]]:
    found = {}
    for column in columns:
        having = [variant for variant in variants if column.id in variant.scores]
        chances = chances_of_first(
            [variant.scores[column.id] for variant in having],
            better=column.better,
            ratios=column.ratio,
        )
        if chances is not None:
            found[column.id] = dict(zip([v.name for v in having], chances, strict=True))
    return found


def _agreement(
    variants: Sequence[Variant], columns: Sequence[ScoreColumn]
) -> dict[str, dict[str, float]]:
    """Of each two columns that share variants; turned so that 1 is agreement on what is better."""
    found: dict[str, dict[str, float]] = {}
    for x, y in itertools.combinations(columns, 2):
        both = [v for v in variants if x.id in v.scores and y.id in v.scores]
        tau = agreement(*([v.scores[column.id].center for v in both] for column in (x, y)))
        if tau is not None:
            tau = tau if x.better == y.better else -tau
            found.setdefault(x.id, {})[y.id] = found.setdefault(y.id, {})[x.id] = tau
    return found


def _explained(
    variants: Sequence[Variant], columns: Sequence[ScoreColumn], *, rows: Sequence[RunRow]
) -> dict[str, list[Explained]]:
    """Of each column the options that vary, the model among them."""
    by_path = {row.path: row for row in rows}
    runs = [(v, by_path[path]) for v in variants if not v.elsewhere for path in v.paths]
    options: dict[str, list[Any]] = {
        "model": [variant.model for variant, _ in runs],
        **{key: [v.config.get(key) for v, _ in runs] for key in _differences(variants)},
    }
    if len(variants) < 2:
        return {}
    return {
        column.id: explained(options, [row.scores.get(column.id) for _, row in runs])
        for column in columns
    }


def _repetition(row: RunRow, position: int) -> tuple[int, int]:
    """The seeds of run and split, to pair by; for want of one a number that no other run has."""
    seed = -position if row.seed is None else row.seed
    return seed, -1 if row.split_seed is None else row.split_seed
