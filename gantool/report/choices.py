"""The words on how the generators that runs kept as their best were chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gantool.report.format import whole
from gantool.report.load import RunData
from gantool.report.result import Flag


def flags(runs: Sequence[RunData]) -> list[Flag]:
    """The caution about columns of kept generators, one for each score that chose some."""
    metrics = dict.fromkeys(run.best.metric for run in runs if run.best is not None)
    return [_flag(metric, runs) for metric in metrics]


def _flag(metric: str, runs: Sequence[RunData]) -> Flag:
    chosen = [run.best for run in runs if run.best is not None and run.best.metric == metric]
    among = _range(best.candidates for best in chosen)
    steps = _range(best.step for best in chosen)
    one = len(chosen) == 1
    message = (
        f"Columns with (best) are of the generator that --keep-best chose by {metric} on the "
        f"validation split, from {among} candidates{'' if one else ' a run'}: that of step "
        f"{steps}. The other columns are of the last generator."
    )
    return Flag(message=message)


def _range(numbers: Iterable[int]) -> str:
    found = sorted(numbers)
    ends = dict.fromkeys((whole(found[0]), whole(found[-1])))
    return " to ".join(ends)
