"""The conclusions of a comparison in words, and its cautions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from gantool.report.format import short, text_of, with_origin
from gantool.report.load import RunData, noun_of
from gantool.report.machines import machine_of
from gantool.report.result import FAILED, Flag, Pair, RunRow, ScoreColumn, Variant
from gantool.report.statistics import Contrast


def flags(
    runs: Sequence[RunData],
    *,
    rows: Sequence[RunRow],
    variants: Sequence[Variant],
    columns: Sequence[ScoreColumn],
    ranking: ScoreColumn | None,
) -> list[Flag]:
    """The cautions that a reader needs before believing the table."""
    return [
        *_about_data(runs),
        *_about_scores(columns),
        *_about_budgets(variants, noun_of(runs)),
        *_about_beginnings(runs),
        *_about_counts(variants, rows, ranking=ranking),
        *_about_ends(rows),
        *_about_machines(runs, variants),
    ]


def _about_data(runs: Sequence[RunData]) -> list[Flag]:
    found = []
    if len({run.record.data.get("fingerprint") for run in runs}) > 1:
        data = ", ".join(sorted({text_of(run.record.data.get("name")) for run in runs}))
        message = f"The runs were trained on different {noun_of(runs)} ({data})."
        found.append(Flag(message=message, unfair=True))
    if len({run.record.data.get("image_size") for run in runs}) > 1:
        found.append(Flag(message="The image sizes differ.", unfair=True))
    return found


def _about_scores(columns: Sequence[ScoreColumn]) -> list[Flag]:
    several = "; ".join(f"{column.id}: {column.note}" for column in columns if column.note)
    if not several:
        return []
    return [
        Flag(
            message="Some scores were measured in other ways and stand in columns of their own "
            f"({several})."
        )
    ]


def _about_budgets(variants: Sequence[Variant], noun: str) -> list[Flag]:
    images = [seen for variant in variants if (seen := variant.values["images"])]
    if not images or max(images) <= 1.01 * min(images):
        return []
    return [
        Flag(
            message=f"Budgets differ: {min(images):,.0f} to {max(images):,.0f} {noun} seen; "
            "look at the scores within the same budget too.",
            unfair=True,
        )
    ]


def _about_beginnings(runs: Sequence[RunData]) -> list[Flag]:
    begun = [run.record.begun_from or {} for run in runs]
    if len({text_of(one.get("sha256")) for one in begun}) < 2:
        return []
    names = ", ".join(sorted({text_of(one.get("run")) for one in begun if one}))
    message = f"Some runs began with the weights of another ({names}), whose budget does not count."
    return [Flag(message=message, unfair=True)]


def _about_counts(
    variants: Sequence[Variant], rows: Sequence[RunRow], *, ranking: ScoreColumn | None
) -> list[Flag]:
    found = []
    repeats = sum(row.repeat_of is not None for row in rows)
    if repeats:
        noun = "run repeats" if repeats == 1 else "runs repeat"
        message = (
            f"{repeats} {noun} a configuration and seed that is there already; it counts once."
        )
        found.append(Flag(message=message))
    seeds = [sorted(seed for seed in variant.seeds if seed is not None) for variant in variants]
    if len({tuple(one) for one in seeds}) > 1:
        found.append(Flag(message="The variants were not run with the same seeds."))
    if ranking is not None:
        lacking = []
        for variant in variants:
            summary = variant.scores.get(ranking.id)
            missing = len(variant.runs) - (summary.n if summary else 0)
            if missing:
                lacking.append(f"{missing} of {variant.name}")
        if lacking:
            message = f"Runs without {ranking.id}: {', '.join(lacking)}."
            found.append(Flag(message=message, unfair=True))
    return found


def _about_ends(rows: Sequence[RunRow]) -> list[Flag]:
    counted = [row for row in rows if row.repeat_of is None]
    ended = Counter(row.status for row in counted if row.status != "finished")
    if not ended:
        return []
    text = ", ".join(f"{n} {status}" for status, n in ended.items())
    message = f"Not every run is finished: {text} of {len(counted)}."
    return [Flag(message=message, unfair=True)]


def _about_machines(runs: Sequence[RunData], variants: Sequence[Variant]) -> list[Flag]:
    found = []
    games = sorted({variant.objective for variant in variants})
    if len(games) > 1:
        message = (
            f"Losses of different objectives ({', '.join(games)}) cannot be compared in height."
        )
        found.append(Flag(message=message))
    if len({text_of(run.record.config.get("precision")) for run in runs}) > 1:
        found.append(Flag(message="The arithmetic differs (precision fp32 and bf16)."))
    versions = {json.dumps(run.record.environment.get("versions"), sort_keys=True) for run in runs}
    if len(versions) > 1:
        message = "The runs were made with different versions of Python or packages."
        found.append(Flag(message=message))
    if len({machine_of(run.record.environment) for run in runs}) > 1:
        message = "Devices or thread counts differ, so that speeds cannot be compared."
        found.append(Flag(message=message))
    elif len({machine_of(run.record.drawing) for run in runs if run.record.drawing}) > 1:
        message = (
            "The runs were scored on different devices or with different thread counts, so that "
            "samples/s cannot be compared."
        )
        found.append(Flag(message=message))
    return found


def sentences(
    variants: Sequence[Variant],
    ranking: ScoreColumn | None,
    *,
    rows: Sequence[RunRow],
    pairs: Sequence[Pair],
    flags: Sequence[Flag],
    noun: str,
) -> list[str]:
    """Two sentences: one on the first score, and one on the health of the runs."""
    return [
        _first_sentence(variants, ranking, pairs=pairs, noun=noun),
        _second_sentence(rows, flags),
    ]


def _first_sentence(
    variants: Sequence[Variant],
    ranking: ScoreColumn | None,
    *,
    pairs: Sequence[Pair],
    noun: str,
) -> str:
    ranked = [v for v in variants if ranking is not None and ranking.id in v.scores]
    if ranking is None or not ranked:  # a run that another stands in for may be the only scored one
        return "No run has a score, so nothing can be ranked; `gantool evaluate` gives them."
    first, others = ranked[0], ranked[1:]
    figure = f"{first.name} has {with_origin(first.scores[ranking.id])}"
    real = "" if ranking.real is None else f", real {noun} {short(ranking.real)}"
    by = f"By {ranking.id} ({ranking.better} is better{real})"
    if not others:
        return f"{by}, {figure}; there is no other variant to rank it against."
    n = min(variant.scores[ranking.id].n for variant in ranked)
    if n < 2:
        return (
            f"{by}, {figure} and comes first, but with one run of a variant a ranking means "
            "little: use --seeds."
        )
    contrasts = {(pair.a, pair.b): pair.contrast for pair in pairs if pair.column == ranking.id}
    alike = [other.name for other in others if _alike(contrasts, first.name, b=other.name)]
    if not alike:
        return (
            f"{by}, {figure} and is better than every other variant at n = {n} "
            "(95% intervals of the differences)."
        )
    more = f" and {len(alike) - 3} more" if len(alike) > 3 else ""
    named = ", ".join(alike[:3]) + more
    return f"{by}, {figure} and comes first, but is not distinguishable from {named} at n = {n}."


def _alike(contrasts: Mapping[tuple[str, str], Contrast], a: str, *, b: str) -> bool:
    between = contrasts.get((a, b)) or contrasts.get((b, a))
    return between is not None and between.verdict == "not distinguishable"


def _second_sentence(rows: Sequence[RunRow], flags: Sequence[Flag]) -> str:
    counted = [row for row in rows if row.repeat_of is None]
    bad = [row for row in counted if row.status in FAILED]
    sound = [row for row in counted if row.status not in FAILED]
    collapsed = [row for row in sound if any(spell.until is None for spell in row.collapses)]
    unfinished = [row for row in sound if row.status != "finished"]
    parts = []
    if bad:
        parts.append(f"{len(bad)} diverged or failed")
    if collapsed:
        parts.append(f"{len(collapsed)} ended in what a detector takes for a collapse")
    if unfinished:
        parts.append(f"{len(unfinished)} did not finish")
    one = len(counted) == 1
    if parts:
        parts[0] = f"Of {len(counted)} {'run' if one else 'runs'}, {parts[0]}"
    else:
        parts.append("The run finished" if one else f"All {len(counted)} runs finished")
    unfair = [flag for flag in flags if flag.unfair]
    plural = "s" if len(unfair) > 1 else ""
    tail = f"; {len(unfair)} thing{plural} below would make a ranking unfair" if unfair else ""
    return ", ".join(parts) + tail + "."
