"""What a comparison says in words, and what it warns of."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gantool.report.reading import RunData
from gantool.report.result import FAILED, Comparison, Flag
from gantool.report.statistics import Contrast, Summary


def flags(result: Comparison, runs: Sequence[RunData]) -> list[Flag]:
    """What a reader should know before believing the table."""
    found: list[Flag] = []
    counted = [row for row in result.runs if row.repeat_of is None]
    if len({run.record.data.get("fingerprint") for run in runs}) > 1:
        data = ", ".join(sorted({text_of(run.record.data.get("name")) for run in runs}))
        found.append(Flag(message=f"The runs were trained on different images ({data}).", unfair=True))
    if len({run.record.data.get("image_size") for run in runs}) > 1:
        found.append(Flag(message="The image sizes differ.", unfair=True))
    several = [column for column in result.columns if column.note]
    if several:
        text = "; ".join(f"{column.id}: {column.note}" for column in several)
        found.append(
            Flag(message=f"Some scores were measured in other ways and stand in columns of their own ({text}).")
        )
    _flag_budgets(found, result)
    _flag_counts(found, result)
    ended = Counter(row.status for row in counted if row.status != "finished")
    if ended:
        text = ", ".join(f"{n} {status}" for status, n in ended.items())
        found.append(Flag(message=f"Not every run is finished: {text} of {len(counted)}.", unfair=True))
    losses = {variant.loss for variant in result.variants}
    if len(losses) > 1:
        found.append(
            Flag(message=f"Losses of different objectives ({', '.join(sorted(losses))}) cannot be compared in height.")
        )
    if len({text_of(run.record.config.get("precision")) for run in runs}) > 1:
        found.append(Flag(message="The arithmetic differs (precision fp32 and bf16)."))
    versions = {json.dumps(run.record.environment.get("versions"), sort_keys=True) for run in runs}
    if len(versions) > 1:
        found.append(Flag(message="The runs were made with different versions of Python or packages."))
    machines = {
        json.dumps([run.record.environment.get(key) for key in ("platform", "device", "device_name", "threads")])
        for run in runs
    }
    if len(machines) > 1:
        found.append(Flag(message="Devices or thread counts differ, so that speeds cannot be compared."))
    for column in result.columns:
        column.warnings = sorted(
            {score.warning for run in runs for score in run.scores if score.warning and score.metric == column.metric}
        )
    return found


def _flag_budgets(found: list[Flag], result: Comparison) -> None:
    images = [variant.images for variant in result.variants if variant.images]
    if images and max(images) > 1.01 * min(images):
        found.append(
            Flag(
                message=f"Budgets differ: {min(images):,} to {max(images):,} images seen; "
                "look at the scores within the same budget too.",
                unfair=True,
            )
        )


def _flag_counts(found: list[Flag], result: Comparison) -> None:
    repeats = sum(row.repeat_of is not None for row in result.runs)
    if repeats:
        noun = "run repeats" if repeats == 1 else "runs repeat"
        found.append(Flag(message=f"{repeats} {noun} a configuration and seed that is there already; it counts once."))
    seeds = {variant.name: sorted(seed for seed in variant.seeds if seed is not None) for variant in result.variants}
    if len({tuple(found) for found in seeds.values()}) > 1:
        found.append(Flag(message="The variants were not run with the same seeds."))
    if result.sorted_by is not None:
        missing = {
            variant.name: len(variant.runs) - (variant.scores[result.sorted_by].n if result.sorted_by in variant.scores
            else 0)
            for variant in result.variants
        }  # fmt: skip
        lacking = [f"{n} of {name}" for name, n in missing.items() if n]
        if lacking:
            found.append(Flag(message=f"Runs without {result.sorted_by}: {', '.join(lacking)}.", unfair=True))


def sentences(result: Comparison) -> list[str]:
    """Two sentences: what the first score says, and how healthy the runs are."""
    return [_first_sentence(result), _second_sentence(result)]


def _first_sentence(result: Comparison) -> str:
    if result.sorted_by is None:
        return "No run has a score, so nothing can be ranked; `gantool evaluate` gives them."
    column = result.column(result.sorted_by)
    ranked = [variant for variant in result.variants if column.id in variant.scores]
    first = ranked[0]
    summary = first.scores[column.id]
    figure = f"{first.name} has {figure_of(summary)}"
    real = "" if column.real is None else f", real images {short(column.real)}"
    by = f"By {column.id} ({column.better} is better{real})"
    if len(ranked) == 1:
        return f"{by}, {figure}; there is no other variant to rank it against."
    others = ranked[1:]
    if any(variant.scores[column.id].n < 2 for variant in ranked):
        return f"{by}, {figure} and comes first, but with one run of a variant a ranking means little: use --seeds."
    contrasts = {(pair.a, pair.b): pair.contrast for pair in result.pairs if pair.column == column.id}
    alike = [variant.name for variant in others if _alike(contrasts, first.name, variant.name)]
    n = min(variant.scores[column.id].n for variant in ranked)
    if not alike:
        return f"{by}, {figure} and is better than every other variant at n = {n} (95% intervals of the differences)."
    named = ", ".join(alike[:3]) + (f" and {len(alike) - 3} more" if len(alike) > 3 else "")
    return f"{by}, {figure} and comes first, but is not distinguishable from {named} at n = {n}."


def _alike(contrasts: Mapping[tuple[str, str], Contrast], a: str, b: str) -> bool:
    between = contrasts.get((a, b)) or contrasts.get((b, a))
    return between is not None and between.verdict == "not distinguishable"


def _second_sentence(result: Comparison) -> str:
    counted = [row for row in result.runs if row.repeat_of is None]
    bad = [row for row in counted if row.status in FAILED]
    collapsed = [row for row in counted if row.status not in FAILED and any(c.until is None for c in row.collapses)]
    unfinished = [row for row in counted if row.status not in (*FAILED, "finished")]
    parts = []
    if bad:
        parts.append(f"{len(bad)} diverged or failed")
    if collapsed:
        parts.append(f"{len(collapsed)} ended in what a detector takes for a collapse")
    if unfinished:
        parts.append(f"{len(unfinished)} did not finish")
    if parts:
        parts[0] = f"Of {len(counted)} run{'s' if len(counted) > 1 else ''}, {parts[0]}"
    if not parts:
        one = len(counted) == 1
        parts.append("The run finished" if one else f"All {len(counted)} runs finished")
    unfair = [flag for flag in result.flags if flag.unfair]
    plural = "s" if len(unfair) > 1 else ""
    tail = f"; {len(unfair)} thing{plural} below would make a ranking unfair" if unfair else ""
    return ", ".join(parts) + tail + "."


def figure_of(summary: Summary) -> str:
    """Mean and spread, and what they are of."""
    if summary.deviation is None:
        return f"{short(summary.mean)} (one run)"
    return f"{with_deviation(summary.mean, summary.deviation)} (standard deviation over {summary.n} seeds)"


def with_deviation(mean: float, deviation: float) -> str:
    """Both to the second significant digit of the deviation."""
    digits = 1 - math.floor(math.log10(deviation)) if deviation > 0 else 0
    if deviation == 0 or digits > 5:
        return f"{short(mean)} ± {short(deviation)}"
    digits = max(0, digits)
    return f"{round(mean, digits) + 0.0:,.{digits}f} ± {deviation:,.{digits}f}"  # + 0.0: no "-0"


def short(value: float | None) -> str:
    """A figure with three or four significant digits, or a dash."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def text_of(value: Any) -> str:
    """An option's value as tables show it."""
    return "none" if value is None else str(value)
