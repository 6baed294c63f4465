"""Random search: settings drawn from choices and ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gantool.errors import ConfigError

_PATIENCE = 20  # draws for each trial, before too few settings differ


def draw_settings(
    values: Mapping[str, Sequence[Any]], trials: int, seed: int
) -> list[dict[str, Any]]:
    """Draw settings independently, passing over repeated ones.

    More trials begin with the same settings as fewer.

    Args:
        values: by option, `[low, high, "log"]` (log-uniform), `[low, high]` of two numbers, not
            both whole (uniform), two whole numbers with "int" (uniform, both ends included), or a
            list of choices.
        trials: the number of settings.
        seed: of the draws.

    Raises:
        ConfigError: a range that is none, or fewer different settings than trials.
    """
    for key, given in values.items():
        _check(key, given)
    found: list[dict[str, Any]] = []
    for number in range(_PATIENCE * trials):
        setting = {
            key: _value(given, np.random.default_rng([seed, number, *key.encode()]))
            for key, given in values.items()
        }
        if setting not in found:
            found.append(setting)
        if len(found) == trials:
            return found
    raise ConfigError(
        f"values: {trials} trials are asked for, and there are hardly more than {len(found)} "
        "different settings.",
        "Lower `trials`, or try every combination with `grid`.",
    )


def _is_range(given: Sequence[Any]) -> bool:
    if len(given) == 3 and given[2] in ("log", "int"):
        return True
    return (
        len(given) == 2
        and {type(value) for value in given} <= {int, float}
        and float in map(type, given)
    )


def _check(key: str, given: Sequence[Any]) -> None:
    if not given:
        raise ConfigError(f"values: {key} has no values to draw from.")
    if not _is_range(given):
        return
    low, high, kind = given[0], given[1], given[2] if len(given) == 3 else "uniform"
    numbers = all(type(value) in (int, float) and math.isfinite(value) for value in (low, high))
    if (
        not numbers
        or not low < high
        or (kind == "log" and low <= 0)
        or (kind == "int" and {type(low), type(high)} != {int})
    ):
        raise ConfigError(
            f"values: {key} = {list(given)} is no range.",
            'Ranges are [low, high], [low, high, "log"] with low above 0, and [low, high, "int"]; '
            "others are choices.",
        )


def _value(given: Sequence[Any], rng: np.random.Generator) -> Any:
    if not _is_range(given):
        return given[int(rng.integers(len(given)))]
    low, high = given[0], given[1]
    if given[-1] == "int":
        return int(rng.integers(low, high + 1))
    drawn = (
        math.exp(rng.uniform(math.log(low), math.log(high)))
        if given[-1] == "log"
        else rng.uniform(low, high)
    )
    return float(f"{drawn:.6g}")  # as it stands in file names, tables and command lines
