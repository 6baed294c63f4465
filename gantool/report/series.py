"""The metrics of one run as columns: whole, and condensed to what a comparison needs of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gantool.runs.files import read_json_lines

Series = dict[str, npt.NDArray[np.float64]]
Axis = Literal["step", "images", "seconds"]
AXES: tuple[Axis, ...] = ("step", "images", "seconds")
LOSS = "loss_"  # before the name of the player
USUAL_LOSSES = ("loss_d", "loss_g")
ANSWERS = ("d_real", "d_fake")
LAST = 0.1  # of the steps, over which the figures at the end of a run are means
MOST_STRETCHES = 300  # of a condensed run
_FEWEST_STRETCHES = 100  # of its length alone
_NO_TERMS = frozenset({*AXES, "epoch", *ANSWERS, "d_fake_after"})
_USUAL_GAP = 1.5  # times the median distance between known values, beyond which there is a gap


def read_series(file: Path) -> Series:
    """The columns of metrics.jsonl, float64 [steps] each; what is no number is nan."""
    lines = list(read_json_lines(file))
    series = _columns(lines)
    counted = series.get("step", np.empty(0)) > 0
    if counted.all() and len(counted) == len(lines):
        return series
    return _columns([line for line in lines if _number(line.get("step")) > 0])


def _columns(lines: Sequence[Mapping[str, Any]]) -> Series:
    shapes = dict.fromkeys(map(tuple, lines))
    keys = dict.fromkeys(chain.from_iterable(shapes))
    if len(shapes) == 1:  # as a run writes them: the same keys in one order
        values: Iterable[Sequence[Any]] = zip(*(line.values() for line in lines), strict=True)
    else:
        values = ([line.get(key) for line in lines] for key in keys)
    return dict(zip(keys, map(_column, values), strict=True))


def _column(values: Sequence[Any]) -> npt.NDArray[np.float64]:
    if not set(map(type, values)) <= {float, int, type(None)}:
        values = [_number(value) for value in values]
    try:
        column = np.array(values, dtype=np.float64)  # None becomes nan
    except OverflowError:
        column = np.array([_number(value) for value in values])
    column[~np.isfinite(column)] = np.nan
    return column


def _number(value: Any) -> float:
    if type(value) is float:
        return value if math.isfinite(value) else math.nan
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            return math.nan
    return math.nan


def is_known(series: Series, key: str) -> bool:
    """Whether a run has a value of it in any step."""
    return key in series and bool(np.isfinite(series[key]).any())


def losses_of(series: Series) -> list[str]:
    """The keys of the losses that a run has: D's, G's, and those of further players."""
    keys = [key for key in series if key.startswith(LOSS) and key not in USUAL_LOSSES]
    return [key for key in (*USUAL_LOSSES, *keys) if is_known(series, key)]


def terms_of(series: Series) -> list[str]:
    """The keys of all else that a run records: terms of losses, lazy turns, states of a game."""
    keys = [key for key in series if key not in _NO_TERMS and not key.startswith(LOSS)]
    return [key for key in keys if is_known(series, key)]


def last_losses(series: Series) -> dict[str, float]:
    """The mean of each loss over the last tenth of the steps in which it is known."""
    means = {}
    for key in losses_of(series):
        values = series[key][np.isfinite(series[key])]
        means[key] = float(values[-max(1, math.ceil(LAST * len(values))) :].mean())
    return means


def bridged(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The values [steps], with a straight line where no more than the usual ones are missing.

    The loss of a turn that is played every 16th step is known there only, and is a line all the
    same; where more are missing than between most known values, there is a gap.
    """
    known = np.flatnonzero(np.isfinite(values))
    distances = np.diff(known)
    if not len(distances) or distances.max() == 1:
        return values
    steps = np.arange(len(values))
    result = np.interp(steps, known, fp=values[known], left=np.nan, right=np.nan)
    before = np.clip(np.searchsorted(known, steps, side="right") - 1, 0, len(distances) - 1)
    wide = distances[before] > _USUAL_GAP * np.median(distances)
    result[wide & ~np.isfinite(values)] = np.nan
    return result


def condensed(series: Series, *, ends: Collection[int]) -> Series:
    """The columns of a long run as those of at most about 300 stretches of its steps.

    A value is the mean over its stretch, on an axis the stretch's last value. A stretch ends at
    each step of `ends`, so that these have exact places on every axis. A short run stays as it is.
    """
    steps = series.get("step", np.empty(0))
    if len(steps) <= MOST_STRETCHES:
        return series
    count = max(_FEWEST_STRETCHES, MOST_STRETCHES - len(ends))
    chosen = np.minimum(np.searchsorted(steps, sorted(ends)) + 1, len(steps))
    even = np.linspace(0, len(steps), num=count + 1).astype(int)
    return means_between(series, np.union1d(even, chosen))


def means_between(series: Series, edges: npt.NDArray[np.int64]) -> Series:
    """The columns of the stretches between these edges: means, and on axes the last values."""
    found = {}
    for key, values in series.items():
        if key in (*AXES, "epoch"):
            found[key] = np.fmax.reduceat(values, edges[:-1])
            continue
        bridge = bridged(values)
        known = np.isfinite(bridge)
        total = np.add.reduceat(np.where(known, bridge, 0.0), edges[:-1])
        number = np.add.reduceat(known.astype(float), edges[:-1])
        found[key] = np.divide(total, number, out=np.full(len(total), np.nan), where=number > 0)
    return found
