"""Parts of the latent that are asked for by name: `digit=3`, `style.0=1.5`, `digit=all`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from gantool.errors import ConfigError, did_you_mean
from gantool.gan.latent import Latent

_SWEPT = 9  # values of a continuous code whose every value is asked for
_SWEEP = 2.0  # how far a normal one is swept, in standard deviations


@dataclass(frozen=True, slots=True)
class Code:
    """Values for some dimensions of the latent.

    Attributes:
        text: as it was asked for.
        place: the dimensions.
        values: float32 [values, dimensions]; more than one where all are asked for.
    """

    text: str
    place: slice
    values: Tensor


def with_codes(z: Tensor, codes: Iterable[Code]) -> Tensor:
    """Latents [N, dimension] with the only value of each code."""
    z = z.clone()
    for code in codes:
        z[:, code.place] = code.values.to(z)
    return z


def columns_of(code: Code, z: Tensor) -> Tensor:
    """Each of these latents [N, dimension] with every value of a code: [N * values, dimension]."""
    values = len(code.values)
    repeated = z.repeat_interleave(values, dim=0)
    repeated[:, code.place] = code.values.to(z).repeat(len(z), 1)
    return repeated


def read_codes(texts: Iterable[str], latent: Latent) -> list[Code]:
    """The codes that `NAME=VALUE`, `NAME.I=VALUE` and `NAME=all` ask for.

    A categorical part takes the number of a value, a continuous one a number for its dimension I
    (which may be left out where it has one). All values of a continuous one are nine, evenly spaced
    over its range, which of a normal one is -2 to 2.

    Raises:
        ConfigError: there is no such part, dimension or value, or one is given twice.
    """
    codes = [_read(text, latent) for text in texts]
    taken: dict[int, str] = {}
    for code in codes:
        for dimension in range(code.place.start, code.place.stop):
            if taken.setdefault(dimension, code.text) is not code.text:
                raise ConfigError(
                    f"{taken[dimension]} and {code.text} set the same part of the latent.",
                    "Give one of them.",
                )
    return codes


def _read(text: str, latent: Latent) -> Code:
    key, equals, value = (word.strip() for word in text.partition("="))
    if not equals or not key or not value:
        raise ConfigError(f"{text!r} sets no code.", f"Write NAME=VALUE. {_parts(latent)}")
    if not latent.parts:
        raise ConfigError("the latent of this model has no named parts.", "Leave the code out.")
    name, _, index = key.partition(".")
    if name not in latent.parts:
        raise ConfigError(
            f"the latent has no part {name!r}.{did_you_mean(name, latent.parts)}", _parts(latent)
        )
    part, start = latent.parts[name], latent.slices[name].start
    if part.prior == "categorical":
        return _categorical(text, index, value, part=part, start=start)
    dimension = _dimension(text, index, part=part)
    place = slice(start + dimension, start + dimension + 1)
    if value == "all":
        low, high = (-_SWEEP, _SWEEP) if part.prior == "normal" else (part.low, part.high)
        values = torch.linspace(low, high, steps=_SWEPT)
        return Code(text, place, values[:, None])
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(f"{text!r}: {value!r} is no number.", _parts(latent))
    return Code(text, place, torch.tensor([[number]]))


def _categorical(text: str, index: str, value: str, *, part: Latent, start: int) -> Code:
    place = slice(start, start + part.dimension)
    remedy = f"Its values are 0 to {part.dimension - 1}, or all."
    if index:
        raise ConfigError(f"{text!r}: a categorical part has no dimension {index}.", remedy)
    if value == "all":
        return Code(text, place, torch.eye(part.dimension))
    if not value.isdecimal() or int(value) >= part.dimension:
        raise ConfigError(f"{text!r}: there is no value {value!r}.", remedy)
    one_hot = F.one_hot(torch.tensor([int(value)]), part.dimension).float()
    return Code(text, place, one_hot)


def _dimension(text: str, index: str, *, part: Latent) -> int:
    if not index and part.dimension == 1:
        return 0
    if index.isdecimal() and int(index) < part.dimension:
        return int(index)
    name = text.partition("=")[0].partition(".")[0].strip()
    raise ConfigError(
        f"{text!r} names no dimension of {name}.",
        f"It has {part.dimension}: write {name}.0 to {name}.{part.dimension - 1}.",
    )


def _parts(latent: Latent) -> str:
    if not latent.parts:
        return "This model's latent has no named parts."
    found = []
    for name, part in latent.parts.items():
        values = f"0 to {part.dimension - 1}"
        kind = f"values {values}" if part.prior == "categorical" else f"dimensions {values}"
        found.append(f"{name} ({part.prior}, {kind})")
    return f"Parts: {', '.join(found)}."
