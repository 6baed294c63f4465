"""The words on what was chosen: runs of a study, and generators of runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from gantool.errors import some_of
from gantool.report.format import whole
from gantool.report.load import RunData
from gantool.report.result import Flag, RunRow


def flags(runs: Sequence[RunData], rows: Sequence[RunRow]) -> list[Flag]:
    """The cautions about parts of studies, repeats that differ, and kept generators."""
    metrics = dict.fromkeys(run.best.metric for run in runs if run.best is not None)
    return [
        *_about_missing(runs),
        *_about_repeats(rows),
        *_about_splits(runs, rows),
        *(_flag(metric, runs) for metric in metrics),
    ]


def _about_missing(runs: Sequence[RunData]) -> list[Flag]:
    """The seeds that a study has planned for a variant and that are not among the runs."""
    here = {run.folder.path.resolve() for run in runs}
    planned = {
        run.folder.path.resolve().parent / name: name for run in runs for name in run.planned
    }
    missing = sorted(name for path, name in planned.items() if path not in here)
    if not missing:
        return []
    message = (
        f"A part of a study: {len(missing)} of {len(planned)} planned runs of these variants are "
        f"not here ({some_of(missing, 4)})."
    )
    return [Flag(message=message, unfair=True)]


def _about_repeats(rows: Sequence[RunRow]) -> list[Flag]:
    """Runs of one configuration and seed that ended at the same step with other scores."""
    counted = {(row.name, row.variant): row for row in rows if row.repeat_of is None}
    found = []
    for row in rows:
        stands_in = counted.get((row.repeat_of or "", row.variant))
        if stands_in is None or row.values["steps"] != stands_in.values["steps"]:
            continue
        shared = row.scores.keys() & stands_in.scores.keys()
        if any(not _alike(row.scores[key], stands_in.scores[key]) for key in shared):
            found.append(f"{row.name} and {stands_in.name}")
    if not found:
        return []
    message = (
        f"The same configuration and seed gave other scores: {', '.join(found)}. Machine, threads "
        "or versions may differ; more than rounding is a fault."
    )
    return [Flag(message=message, unfair=True)]


def _about_splits(runs: Sequence[RunData], rows: Sequence[RunRow]) -> list[Flag]:
    """The word on runs whose splits are not the data's own."""
    seeds = {str(run.folder.path): run.record.config.get("split_seed") for run in runs}
    if not any(seed is not None for seed in seeds.values()):
        return []
    by_variant: dict[str, set[int | None]] = {}
    for row in rows:
        by_variant.setdefault(row.variant, set()).add(seeds[row.path])
    if len({frozenset(found) for found in by_variant.values()}) > 1:
        message = (
            "Variants are split by other seeds (--split-seed), and so are trained and judged on "
            "other images: a difference may be one of images."
        )
        return [Flag(message=message, unfair=True)]
    return [
        Flag(
            message="Splits vary from run to run (--split-seed): the spread over runs holds that "
            "of the images that train and judge too."
        )
    ]


def _alike(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9)


def _flag(metric: str, runs: Sequence[RunData]) -> Flag:
    chosen = [run.best for run in runs if run.best is not None and run.best.metric == metric]
    among = _range(best.candidates for best in chosen)
    steps = _range(best.step for best in chosen)
    one = len(chosen) == 1
    message = (
        f"Columns with (best) are of the generator that --keep-best chose by {metric} on the "
        f"validation split, from {among} candidates{'' if one else ' a run'}: that of step "
        f"{steps}. The other columns are of the last generator that was scored."
    )
    return Flag(message=message)


def _range(numbers: Iterable[int]) -> str:
    found = sorted(numbers)
    ends = dict.fromkeys((whole(found[0]), whole(found[-1])))
    return " to ".join(ends)
