"""The conclusions of a comparison in words, and its cautions."""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from gantool.errors import some_of
from gantool.report.format import short, text_of, with_origin
from gantool.report.load import RunData, noun_of
from gantool.report.machines import machine_of
from gantool.report.result import FAILED, Flag, Pair, RunRow, ScoreColumn, Variant
from gantool.report.statistics import Contrast
from gantool.report.statistics.summaries import CONFIDENCE

_NAMED = 4  # variants of a budget, or budgets, that are named one by one
_NOISY = 0.5  # error of an evaluation over the spread of seeds
_HARDLY_ANY = 0.1  # of the real samples, whose own share is about 0.95


def flags(
    runs: Sequence[RunData],
    *,
    rows: Sequence[RunRow],
    variants: Sequence[Variant],
    columns: Sequence[ScoreColumn],
    ranking: ScoreColumn | None,
    pairs: Sequence[Pair],
    paired: bool,
) -> list[Flag]:
    """The cautions that a reader needs before believing the table."""
    trained = [run for run in runs if run.record.origin is None]
    own = [variant for variant in variants if not variant.elsewhere]
    return [
        *_about_data(runs),
        *_about_the_first(variants, ranking, noun=noun_of(runs)),
        *_about_samples(runs, variants),
        *_about_scores(columns),
        *_about_damage(runs),
        *_about_budgets(variants, noun_of(runs)),
        *_about_beginnings(trained),
        *_about_counts(variants, rows, ranking=ranking),
        *_about_few_runs(pairs, ranking, paired=paired),
        *(_about_partners(variants, ranking, pairs=pairs) if paired else []),
        *_about_noise(variants, columns, noun=noun_of(runs)),
        *_about_ends(rows),
        *_about_machines(trained, own),
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


def _about_the_first(
    variants: Sequence[Variant], ranking: ScoreColumn | None, *, noun: str
) -> list[Flag]:
    """A ranking of variants that all draw badly: even the first is near hardly any real sample."""
    if ranking is None:
        return []
    first = next((variant for variant in variants if ranking.id in variant.scores), None)
    coverage = first.scores.get("coverage") if first else None
    if coverage is None or coverage.mean >= _HARDLY_ANY:
        return []
    message = (
        f"Even the first is near only {coverage.mean:.0%} of the real {noun} (coverage): the order "
        "of variants that draw this badly says little of what they would become."
    )
    return [Flag(message=message)]


def _about_samples(runs: Sequence[RunData], variants: Sequence[Variant]) -> list[Flag]:
    """The little that is known of samples from elsewhere."""
    names = [variant.name for variant in variants if variant.elsewhere]
    if not names:
        return []
    message = (
        f"Of {', '.join(names)} nothing but samples is known, which another program drew: neither "
        "budget nor parameters nor the way of drawing (truncation, choice)."
    )
    if len(names) < len(variants):
        message += " Whether the ranking is fair to the others cannot be said."
    found = [Flag(message=message)]
    origins = [(run.record.name, run.record.origin) for run in runs]
    resized = [
        f"{name} from {', '.join(origin.resized[:3])}"
        for name, origin in origins
        if origin is not None and origin.resized
    ]
    by_content: dict[str, list[str]] = {}
    for name, origin in origins:
        if origin is not None:
            by_content.setdefault(origin.sha256, []).append(name)
    for same in (", ".join(names) for names in by_content.values() if len(names) > 1):
        found.append(Flag(message=f"The same samples are there twice: {same}.", unfair=True))
    if resized:
        found.append(Flag(message=f"Samples were resized: {'; '.join(resized)}."))
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


def _about_damage(runs: Sequence[RunData]) -> list[Flag]:
    damaged = [f"{run.damaged_scores:,} of {run.record.name}" for run in runs if run.damaged_scores]
    if not damaged:
        return []
    message = (
        f"Lines of scores.jsonl are damaged and hold no score: {some_of(damaged, 4)}. "
        "`gantool evaluate` measures what is missing."
    )
    return [Flag(message=message)]


def _about_budgets(variants: Sequence[Variant], noun: str) -> list[Flag]:
    """Who saw how much, and how to judge that fairly."""
    who: dict[float, list[str]] = {}
    for variant in variants:
        if seen := variant.values["images"]:
            who.setdefault(seen, []).append(variant.name)
    if not who or max(who) <= 1.01 * min(who):
        return []
    budgets = [
        f"{seen:,.0f} by {_listed(names) if len(names) <= _NAMED else f'{len(names)} variants'}"
        for seen, names in sorted(who.items())
    ]
    if len(budgets) > _NAMED:
        budgets = [budgets[0], f"... {budgets[-1]}"]
    scored_on_the_way = any(
        key in variant.best and variant.best[key].mean != summary.mean
        for variant in variants
        for key, summary in variant.scores.items()
    )
    remedy = (
        'Look at "Best within the same budget" too.'
        if scored_on_the_way
        else "Train all alike, or with --evaluate-every, to see the best within the same budget."
    )
    return [
        Flag(message=f"Budgets differ ({noun} seen): {', '.join(budgets)}. {remedy}", unfair=True)
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
    seeds = [
        sorted(seed for seed in variant.seeds if seed is not None)
        for variant in variants
        if not variant.elsewhere
    ]
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


def _about_few_runs(
    pairs: Sequence[Pair], ranking: ScoreColumn | None, *, paired: bool
) -> list[Flag]:
    """Only the assumption of normality speaks where no test of ranks could show anything."""
    sizes = [
        (pair.contrast.n_a, pair.contrast.n_b)
        for pair in pairs
        if ranking is not None
        and pair.column == ranking.id
        and pair.contrast.method not in ("none", "exact permutation")
    ]
    least = {
        (n, m): 2 / (1 << n) if paired else 2 / math.comb(n + m, n)  # all orders, or all signs
        for n, m in sizes
    }
    if not least or max(least.values()) <= 1 - CONFIDENCE:
        return []
    n, m = max(least, key=lambda size: least[size])
    message = (
        f"With {f'{n} pairs of runs' if paired else f'{n} runs against {m}'} no test of ranks can "
        f"go below p = {least[n, m]:.2f}: what is said of differences rests on scores being "
        "normally distributed over seeds."
    )
    return [Flag(message=message)]


def _about_partners(
    variants: Sequence[Variant], ranking: ScoreColumn | None, *, pairs: Sequence[Pair]
) -> list[Flag]:
    """Runs that count for no difference, since the other variant was not run with their seed."""
    if ranking is None:
        return []
    scored = {v.name: s.n for v in variants if (s := v.scores.get(ranking.id)) is not None}
    made = [pair for pair in pairs if pair.column == ranking.id]
    if len(scored) > 1 and not made:
        message = "No two variants have a seed in common, so that nothing can be paired by it."
    elif fewer := [
        f"{pair.a} and {pair.b} have {pair.contrast.n_a}"
        for pair in made
        if pair.contrast.n_a < max(scored[pair.a], scored[pair.b])
    ]:
        message = f"Only runs with a seed in common are paired: {some_of(fewer, 3)}."
    else:
        return []
    return [Flag(message=f"{message} Without --paired all runs count.")]


def _about_noise(
    variants: Sequence[Variant], columns: Sequence[ScoreColumn], *, noun: str
) -> list[Flag]:
    """Scores whose own evaluation is as uncertain as half of what seeds make of them, or more."""
    noisy = []
    for column in columns:
        shares = [
            variant.errors[column.id] / deviation
            for variant in variants
            if column.id in variant.errors
            and (summary := variant.scores.get(column.id)) is not None
            and (deviation := summary.deviation)
        ]
        if shares and statistics.median(shares) >= _NOISY:
            noisy.append(column.id)
    if not noisy:
        return []
    message = (
        f"In {_listed(noisy)} the error of one evaluation is no less than half of the spread over "
        f"seeds. More samples make it smaller; what comes of the choice of test {noun} is common "
        "to all runs, so that more seeds do not take it away."
    )
    return [Flag(message=message)]


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
    columns: Sequence[ScoreColumn],
    flags: Sequence[Flag],
    noun: str,
) -> list[str]:
    """On the first score, on the scores that disagree with it, and on the health of the runs."""
    found = [
        _first_sentence(variants, ranking, pairs=pairs, noun=noun),
        _dissent(variants, ranking, columns=columns),
        _health(rows, flags),
    ]
    return [sentence for sentence in found if sentence]


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
    equal = [v for v in others if v.scores[ranking.id].center == first.scores[ranking.id].center]
    others = [variant for variant in others if variant not in equal]
    names = some_of([variant.name for variant in equal], 3)
    place = f"shares the first place with {names}" if equal else "comes first"
    several = [n for variant in ranked if (n := variant.scores[ranking.id].n) > 1]
    if first.scores[ranking.id].n < 2 or len(several) < 2:
        return (
            f"{by}, {figure} and {place}, but with one run of a variant a ranking means "
            "little: use --seeds."
        )
    contrasts = {(pair.a, pair.b): pair.contrast for pair in pairs if pair.column == ranking.id}
    tested = [c for c in contrasts.values() if c.p is not None]
    n = min((min(c.n_a, c.n_b) for c in tested), default=min(several))
    sides: dict[str, list[str]] = {}
    for other in others:
        side = _against(contrasts, first.name, b=other.name)
        once = " (one run)" if other.scores[ranking.id].n < 2 else ""
        sides.setdefault(side, []).append(other.name + once)
    if sides.keys() == {"better"} and not equal:
        return (
            f"{by}, {figure} and is better than every other variant at n = {n} "
            f"({_bound(pairs, ranking)})."
        )
    limits = [
        f"{words} {some_of(sides[side], 3)}"
        for side, words in (
            ("worse", "is worse than"),
            ("equal", "is equal, within what matters, to"),
            ("alike", "is not distinguishable from"),
            ("untested", "was not tested against"),
        )
        if side in sides
    ]
    ahead = ""
    if "better" in sides:
        ahead = f"; it is better than {some_of(sides['better'], 3)} ({_bound(pairs, ranking)})"
    but = f", but {' and '.join(limits)}" if limits else ""
    return f"{by}, {figure} and {place}{ahead}{but} at n = {n}."


def _bound(pairs: Sequence[Pair], ranking: ScoreColumn) -> str:
    """The error that the verdicts of a column keep to."""
    counted = [p for p in pairs if p.column == ranking.id and p.contrast.p is not None]
    if all(pair.contrast.family == 1 for pair in counted):
        return "5% chance of error" + (" each" if len(counted) > 1 else "")
    return f"5% chance of any error in {counted[0].contrast.family} tests"


def _dissent(
    variants: Sequence[Variant],
    ranking: ScoreColumn | None,
    *,
    columns: Sequence[ScoreColumn],
) -> str:
    """The scores that put another variant first, where each has two runs at least."""
    ranked = [v for v in variants if ranking is not None and ranking.id in v.scores]
    if len(ranked) < 2:
        return ""
    others: dict[str, list[str]] = {}
    for column in columns:
        having = [v for v in variants if column.id in v.scores]
        if len(having) < len(ranked) or column is ranking:
            continue
        choose = min if column.better == "lower" else max
        best = choose(v.scores[column.id].center for v in having)
        firsts = [v.name for v in having if v.scores[column.id].center == best]
        if ranked[0].name not in firsts:
            others.setdefault(firsts[0], []).append(column.id)
    named = [f"{name} by {_listed(ids)}" for name, ids in others.items()]
    return f"Other scores put others first: {'; '.join(named)}." if named else ""


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _against(
    contrasts: Mapping[tuple[str, str], Contrast], a: str, *, b: str
) -> Literal["better", "worse", "equal", "alike", "untested"]:
    """The word of a test, if there is any, on the first variant and another one."""
    for pair, word in (((a, b), "better"), ((b, a), "worse")):
        found = contrasts.get(pair)
        if found is None or found.p is None:
            continue
        if found.verdict not in ("better", "worse"):
            return "equal" if found.verdict == "equal" else "alike"
        return "better" if found.verdict == word else "worse"
    return "untested"


def _health(rows: Sequence[RunRow], flags: Sequence[Flag]) -> str:
    counted = [row for row in rows if row.repeat_of is None and not row.elsewhere]
    foreign = sum(row.repeat_of is None and row.elsewhere for row in rows)
    bad = [row for row in counted if row.status in FAILED]
    sound = [row for row in counted if row.status not in FAILED]
    collapsed = [row for row in sound if row.collapsed]
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
    elif counted:
        parts.append("The run finished" if one else f"All {len(counted)} runs finished")
    else:
        parts.append("Nothing was trained here")
    if foreign:
        parts.append(f"{foreign} {'set' if foreign == 1 else 'sets'} of samples from elsewhere")
    unfair = [flag for flag in flags if flag.unfair]
    plural = "s" if len(unfair) > 1 else ""
    tail = f"; {len(unfair)} thing{plural} below would make a ranking unfair" if unfair else ""
    return ", ".join(parts) + tail + "."
