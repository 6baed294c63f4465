"""The comparison itself: from runs' records to a typed result. No torch, no files, no view."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gantool.report import verdict
from gantool.report.reading import Axis, RunData
from gantool.report.result import FAILED, Collapse, Column, Comparison, Pair, RunRow, Variant
from gantool.report.statistics import Summary, contrast, summarise
from gantool.runs import Score

# Options that do not change what is trained: runs that differ in these alone are one variant.
NOT_THE_VARIANT = frozenset(
    {
        *("seed", "data_dir", "device", "threads", "deterministic", "compile"),
        *("sheet_every", "checkpoint_every", "keep_generators_every"),
        *("evaluate", "evaluate_every", "evaluation_samples", "extractor", "inception_weights"),
    }
)
# What a score's protocol says of the run or the program rather than of the way of measuring.
_NOT_THE_MEASURE = frozenset({"averaged", "gantool"})
_MOST_FOR_ALL_PAIRS = 12
_NAMED_OPTIONS = 3


class UnknownNameError(ValueError):
    """A variant or score was asked for that the comparison does not have; `known` are those it has."""

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        super().__init__(f"no {kind} {name!r} in this comparison")
        self.kind, self.name, self.known = kind, name, list(known)


def compare(
    runs: Sequence[RunData],
    *,
    sort: str | None = None,
    baseline: str | None = None,
    budget_axis: Axis = "images",
    paired: bool = False,
    skipped: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare runs.

    Args:
        runs: at least one.
        sort: id of the column to rank by; the first shared one unless given.
        baseline: name of the variant that the others are compared with.
        budget_axis: what the same budget is measured in.
        paired: whether contrasts pair runs by their seeds.
        skipped: what else was found, for the record.

    Raises:
        UnknownNameError: no such column or variant.
    """
    groups = _group(runs)
    names = _name(groups)
    columns, column_of = _columns(runs)
    budget = _budget(groups, budget_axis)
    rows: list[RunRow] = []
    variants: list[Variant] = []
    for group, name in zip(groups, names, strict=True):
        counted, repeats = _counted(group)
        own = [_row(run, name, column_of, columns, budget_axis, budget) for run in counted]
        rows += own
        for run, stands_in in repeats:
            row = _row(run, name, column_of, columns, budget_axis, budget)
            rows.append(row.model_copy(update={"repeat_of": stands_in.record.name}))
        variants.append(_variant(name, counted, own, columns))
    _count_columns(columns, variants)
    ranking = _ranking(columns, sort)
    variants = _sorted(variants, ranking)
    if baseline is not None and baseline not in names:
        raise UnknownNameError("variant", baseline, names)
    result = Comparison(
        variants=variants,
        runs=rows,
        columns=columns,
        sorted_by=None if ranking is None else ranking.id,
        baseline=baseline,
        budget_axis=budget_axis,
        budget=budget,
        differences=_differences(variants),
        skipped=dict(skipped or {}),
    )
    result.pairs = _pairs(result, paired)
    result.flags = verdict.flags(result, runs)
    result.verdict = verdict.sentences(result)
    return result


def configuration(run: RunData) -> dict[str, Any]:
    """The options that make the variant."""
    return {key: value for key, value in run.record.config.items() if key not in NOT_THE_VARIANT}


def score_columns(result: Comparison, run: RunData) -> list[tuple[str, Score]]:
    """Every score of a run, with the id of its column."""
    ids = {json.dumps([c.metric, c.protocol], sort_keys=True, default=str): c.id for c in result.columns}
    return [(ids[key], score) for score in run.scores if (key := _measure_of(score)) in ids]


def _group(runs: Sequence[RunData]) -> list[list[RunData]]:
    groups: dict[str, list[RunData]] = {}
    for run in runs:
        record = run.record
        identity = [record.model, configuration(run), record.data.get("fingerprint"), record.plugin]
        groups.setdefault(json.dumps(identity, sort_keys=True, default=str), []).append(run)
    return sorted(groups.values(), key=lambda group: (group[0].record.model, group[0].record.name))


def _name(groups: Sequence[Sequence[RunData]]) -> list[str]:
    """The model, and what tells a variant from the others of its model."""
    names = []
    for group in groups:
        first = group[0]
        peers = [other[0] for other in groups if other[0].record.model == first.record.model]
        names.append(first.record.model + _distinction(first, peers))
    seen: Counter[str] = Counter()
    for i, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[i] = f"{name} #{seen[name]}"
    return names


def _distinction(run: RunData, peers: Sequence[RunData]) -> str:
    if len(peers) == 1:
        return ""
    record = run.record
    parts = []
    if len({peer.record.preset for peer in peers}) > 1 and record.preset:
        parts.append(record.preset)
    if len({peer.record.data.get("fingerprint") for peer in peers}) > 1:
        parts.append(f"on {record.data.get('name')}")
    rivals = [p for p in peers if p.record.preset == record.preset and p.record.data.get("fingerprint") ==
              record.data.get("fingerprint")]  # fmt: skip
    if len(rivals) > 1:
        own = configuration(run)
        differing = [
            key for key in own if len({verdict.text_of(configuration(rival).get(key)) for rival in rivals}) > 1
        ]
        parts += [f"{key}={verdict.text_of(own[key])}" for key in differing[:_NAMED_OPTIONS]]
        if len({json.dumps(rival.record.plugin, sort_keys=True) for rival in rivals}) > 1:
            parts.append(str(record.plugin.get("version")))
    return "".join(f" {part}" for part in parts)


def _counted(group: Sequence[RunData]) -> tuple[list[RunData], list[tuple[RunData, RunData]]]:
    """One run for each seed, the furthest of those there are, and the others with the one that counts."""
    chosen: dict[Any, RunData] = {}
    for run in sorted(group, key=lambda r: (r.status == "finished", r.record.steps, r.record.started), reverse=True):
        chosen.setdefault(run.record.config.get("seed"), run)
    counted = sorted(chosen.values(), key=lambda run: (run.record.config.get("seed") or 0, run.record.name))
    repeats = [(run, chosen[run.record.config.get("seed")]) for run in group if run not in counted]
    return counted, repeats


def _columns(runs: Sequence[RunData]) -> tuple[list[Column], dict[str, str]]:
    """A column for each metric and protocol, the most used protocol first; and from either to the column's id."""
    uses: dict[str, Counter[str]] = {}
    example: dict[str, Score] = {}
    for run in runs:
        for score in _last_scores(run.scores).values():
            key = _measure_of(score)
            uses.setdefault(score.metric, Counter())[key] += 1
            example.setdefault(key, score)
    columns, column_of = [], {}
    for metric, counted in uses.items():
        keys = [key for key, _ in counted.most_common()]
        for number, key in enumerate(keys, 1):
            score = example[key]
            protocol = {k: v for k, v in score.protocol.items() if k not in _NOT_THE_MEASURE}
            identity = metric if number == 1 else f"{metric} ({number})"
            note = "" if number == 1 else _unlike(protocol, example[keys[0]].protocol)
            columns.append(
                Column(
                    id=identity, metric=metric, better=score.better, unit=score.unit, protocol=protocol,
                    real=score.real, noise=score.noise, note=note,
                )
            )  # fmt: skip
            column_of[key] = identity
    return columns, column_of


def _measure_of(score: Score) -> str:
    protocol = {key: value for key, value in score.protocol.items() if key not in _NOT_THE_MEASURE}
    return json.dumps([score.metric, protocol], sort_keys=True, default=str)


def _unlike(protocol: Mapping[str, Any], usual: Mapping[str, Any]) -> str:
    keys = [key for key in protocol if protocol[key] != usual.get(key) and key not in ("fingerprint",)]
    return ", ".join(f"{key} {verdict.text_of(protocol[key])}" for key in keys[:4]) or "another protocol"


def _last_scores(scores: Sequence[Score]) -> dict[str, Score]:
    """The computed score of the last step, by metric and protocol."""
    last: dict[str, Score] = {}
    for score in scores:
        key = _measure_of(score)
        if _finite(score.value) and (key not in last or score.step >= last[key].step):
            last[key] = score
    return last


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _row(
    run: RunData,
    variant: str,
    column_of: Mapping[str, str],
    columns: Sequence[Column],
    axis: Axis,
    budget: float,
) -> RunRow:
    record = run.record
    d_real, d_fake = (_last_tenth(run, key) for key in ("d_real", "d_fake"))
    equilibrium = None
    if record.d_scale == "probability" and d_real is not None and d_fake is not None:
        equilibrium = float((np.abs(d_real - 0.5).mean() + np.abs(d_fake - 0.5).mean()) / 2)
    better = {column.id: column.better for column in columns}
    scores = {column_of[key]: score.value for key, score in _last_scores(run.scores).items()}
    best: dict[str, float] = {}
    for score in run.scores:
        column = column_of.get(_measure_of(score))
        if column is None or score.value is None or position(run, score.step, axis) > budget * (1 + 1e-9):
            continue
        choose = min if better[column] == "lower" else max
        best[column] = choose(best.get(column, score.value), score.value)
    return RunRow(
        name=record.name,
        path=str(run.folder.path),
        variant=variant,
        seed=record.config.get("seed") if isinstance(record.config.get("seed"), int) else None,
        status=run.status,
        collapses=_collapses(run),
        diverged_at=next((e.get("step") for e in run.events if e.get("kind") == "divergence"), None),
        steps=record.steps,
        total_steps=record.total_steps,
        epochs=record.epochs,
        images=record.images,
        seconds=record.seconds,
        images_per_second=record.images_per_second,
        parameters=sum(count for count in record.networks.values() if isinstance(count, int)),
        d_real=None if d_real is None else float(d_real.mean()),
        d_fake=None if d_fake is None else float(d_fake.mean()),
        equilibrium=equilibrium,
        scores={column: value for column, value in scores.items() if value is not None},
        best=best,
    )


def _last_tenth(run: RunData, key: str) -> np.ndarray | None:
    values = run.series.get(key, np.empty(0))
    values = values[-max(1, math.ceil(len(values) / 10)) :]
    values = values[np.isfinite(values)]
    return values if len(values) else None


def position(run: RunData, step: int, axis: Axis) -> float:
    """Where a step lies on an axis."""
    steps, values = run.series.get("step"), run.series.get(axis)
    if steps is None or values is None or not len(steps):
        return float(step) if axis == "step" else math.inf
    return float(values[min(int(np.searchsorted(steps, step)), len(steps) - 1)])


def _collapses(run: RunData) -> list[Collapse]:
    found: list[Collapse] = []
    for event in run.events:
        step, detector = event.get("step"), str(event.get("detector", ""))
        if not isinstance(step, int):
            continue
        if event.get("kind") == "collapse":
            found.append(Collapse(step=step, detector=detector, message=str(event.get("message", ""))))
        elif event.get("kind") == "recovery":
            for collapse in found:
                if collapse.detector == detector and collapse.until is None:
                    collapse.until = step
    return found


def _budget(groups: Sequence[Sequence[RunData]], axis: Axis) -> float:
    """What every variant has had of an axis: of each the furthest run, of these the least."""
    reached = []
    for group in groups:
        ends = [float(np.nanmax(run.series[axis])) for run in group if len(run.series.get(axis, ()))]
        if ends:
            reached.append(max(ends))
    return min(reached, default=0.0)


def _variant(name: str, runs: Sequence[RunData], rows: Sequence[RunRow], columns: Sequence[Column]) -> Variant:
    first = runs[0].record

    def mean(key: str) -> float | None:
        values = [getattr(row, key) for row in rows if getattr(row, key) is not None]
        return math.fsum(values) / len(values) if values else None

    def summaries(where: str) -> dict[str, Summary]:
        found = {
            column.id: summarise([getattr(row, where)[column.id] for row in rows if column.id in getattr(row, where)])
            for column in columns
        }
        return {column: summary for column, summary in found.items() if summary is not None}

    return Variant(
        name=name,
        model=first.model,
        data=str(first.data.get("name", "")),
        loss=str(first.config.get("loss", "")),
        d_scale=first.d_scale,
        config=configuration(runs[0]),
        runs=[row.name for row in rows],
        paths=[row.path for row in rows],
        seeds=[row.seed for row in rows],
        statuses=dict(Counter(row.status for row in rows)),
        failure_rate=sum(row.status in FAILED for row in rows) / len(rows),
        collapsed=sum(any(collapse.until is None for collapse in row.collapses) for row in rows),
        parameters=rows[0].parameters,
        steps=max(row.steps for row in rows),
        images=max(row.images for row in rows),
        images_per_second=mean("images_per_second"),
        d_real=mean("d_real"),
        d_fake=mean("d_fake"),
        equilibrium=mean("equilibrium"),
        scores=summaries("scores"),
        best=summaries("best"),
    )


def _count_columns(columns: Sequence[Column], variants: Sequence[Variant]) -> None:
    scored = [variant for variant in variants if variant.scores]
    for column in columns:
        column.variants = sum(column.id in variant.scores for variant in scored)
        column.shared = column.variants == len(scored)


def _ranking(columns: Sequence[Column], wanted: str | None) -> Column | None:
    if wanted is not None:
        for column in columns:
            if column.id == wanted:
                return column
        raise UnknownNameError("score", wanted, [column.id for column in columns])
    shared = [column for column in columns if column.shared]
    return next(iter(shared or sorted(columns, key=lambda column: -column.variants)), None)


def _sorted(variants: Sequence[Variant], ranking: Column | None) -> list[Variant]:
    if ranking is None:
        return sorted(variants, key=lambda variant: variant.name)
    sign = 1 if ranking.better == "lower" else -1

    def rank(variant: Variant) -> tuple[bool, float, str]:
        summary = variant.scores.get(ranking.id)
        return (summary is None, 0.0 if summary is None else sign * summary.mean, variant.name)

    return sorted(variants, key=rank)


def _differences(variants: Sequence[Variant]) -> dict[str, dict[str, Any]]:
    keys = dict.fromkeys(key for variant in variants for key in variant.config)
    return {
        key: {variant.name: variant.config.get(key) for variant in variants}
        for key in keys
        if len({verdict.text_of(variant.config.get(key)) for variant in variants}) > 1
    }


def _pairs(result: Comparison, paired: bool) -> list[Pair]:
    """Against the baseline; else every variant against every one ranked below it, or the first where there are many."""
    if result.baseline is not None:
        ahead = [result.variant(result.baseline)]
    elif len(result.variants) <= _MOST_FOR_ALL_PAIRS:
        ahead = result.variants
    else:
        ahead = result.variants[:1]
    rows = {row.path: row for row in result.runs}  # two folders may hold runs of one name
    found = []
    for column in result.columns:
        values = {
            variant.name: {
                _seed(rows[path], i): rows[path].scores[column.id]
                for i, path in enumerate(variant.paths, 1)
                if column.id in rows[path].scores
            }
            for variant in result.variants
        }
        for i, a in enumerate(ahead):
            others = result.variants if result.baseline is not None else result.variants[i + 1 :]
            for b in others:
                if a.name == b.name:
                    continue
                first, second = (b, a) if result.baseline is not None else (a, b)
                found_contrast = contrast(values[first.name], values[second.name], column.better, paired=paired)
                if found_contrast is not None:
                    found.append(Pair(column=column.id, a=first.name, b=second.name, contrast=found_contrast))
    return found


def _seed(row: RunRow, position: int) -> int:
    """The seed to pair by; a number that no other run has where there is none."""
    return -position if row.seed is None else row.seed
