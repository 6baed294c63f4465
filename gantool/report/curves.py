"""The curves that runs have: the losses of their players, further terms, the answers of D."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from gantool.report.equilibrium import LAST
from gantool.report.format import plain
from gantool.report.load import AXES, RunData, Series
from gantool.report.result import Variant

ANSWERS = ("d_real", "d_fake")
_NO_TERMS = frozenset({*AXES, "epoch", *ANSWERS, "d_fake_after"})
_LOSS = "loss_"
_PLAYERS = {"loss_d": "discriminator", "loss_g": "generator"}
_USUAL = 1.5  # times the median distance between known values, beyond which there is a gap


def losses_of(series: Series) -> list[str]:
    """The keys of the losses that a run has: D's, G's, and those of further players."""
    keys = [key for key in series if key.startswith(_LOSS) and key not in _PLAYERS]
    return [key for key in (*_PLAYERS, *keys) if is_known(series, key)]


def terms_of(series: Series) -> list[str]:
    """The keys of all else that a run records: terms of losses, lazy turns, states of a game."""
    keys = [key for key in series if key not in _NO_TERMS and not key.startswith(_LOSS)]
    return [key for key in keys if is_known(series, key)]


def is_known(series: Series, key: str) -> bool:
    """Whether a run has a value of it in any step."""
    return key in series and bool(np.isfinite(series[key]).any())


def losses_in(runs: Iterable[RunData]) -> list[str]:
    """The keys of the losses that any of the runs has, D's and G's first."""
    keys = dict.fromkeys(key for run in runs for key in losses_of(run.series))
    first = [key for key in _PLAYERS if key in keys]
    return first + [key for key in keys if key not in _PLAYERS]


def terms_in(runs: Iterable[RunData]) -> list[str]:
    """The keys of the further terms that any of the runs has."""
    return list(dict.fromkeys(key for run in runs for key in terms_of(run.series)))


def player_of(loss: str) -> str:
    """The player whose loss it is, by its key."""
    return _PLAYERS.get(loss, plain(loss.removeprefix(_LOSS)))


def heading_of_loss(loss: str) -> str:
    """The loss in a table: "loss D", "loss G", or with the player's name."""
    player = player_of(loss)
    return f"loss {player[0].upper() if loss in _PLAYERS else player}"


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
    wide = distances[before] > _USUAL * np.median(distances)
    result[wide & ~np.isfinite(values)] = np.nan
    return result


def no_answers(names: Iterable[str], *, discriminator: bool) -> str:
    """The reason why D(x) and D(G(z)) are not shown.

    Args:
        names: of the models or variants that it is about, at least one.
        discriminator: whether they have one.
    """
    listed = [plain(name) for name in names]
    one = len(listed) == 1
    if discriminator:
        verb = "gives" if one else "give"
        return f"The discriminator of {', '.join(listed)} {verb} no D(x) to show."
    verb = "has" if one else "have"
    return f"{', '.join(listed)} {verb} no discriminator: there is no D(x) to show."


def without_answers(variants: Iterable[Variant]) -> list[str]:
    """Sentences on the variants whose D(x) and D(G(z)) are not shown."""
    variants = list(variants)
    unknown = [plain(variant.name) for variant in variants if variant.elsewhere]
    sentences = []
    if unknown:
        sentences.append(
            f"Of {', '.join(unknown)} nothing but samples is known: no curves, no D(x)."
        )
    silent = [variant for variant in variants if variant.d_scale is None and not variant.elsewhere]
    for having in (False, True):
        names = [variant.name for variant in silent if variant.has_discriminator is having]
        if names:
            sentences.append(no_answers(names, discriminator=having))
    return sentences
