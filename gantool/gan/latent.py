"""The prior of the latents, which may have named parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from gantool.errors import ConfigError

PRIORS = ("normal", "uniform", "categorical", "parts")


@dataclass(frozen=True, slots=True)
class Latent:
    """The prior of z in `dimension` dimensions.

    It is standard normal, uniform on [low, high], categorical (one-hot, all values alike probable),
    or made of named parts that lie one after the other, as `Latent.of` makes it.

    Raises:
        ConfigError: there is no such prior, or it has no dimensions.
    """

    prior: Literal["normal", "uniform", "categorical", "parts"] | str
    dimension: int
    low: float = -1.0
    high: float = 1.0
    parts: Mapping[str, Latent] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.prior not in PRIORS or (self.prior == "parts") != bool(self.parts):
            raise ConfigError(
                f"a latent's prior cannot be {self.prior!r}.",
                "It is normal, uniform or categorical; `Latent.of` joins several as named parts.",
            )
        if self.dimension < 1:
            raise ConfigError(
                f"a latent cannot have {self.dimension} dimensions.", "Give 1 or more."
            )

    @classmethod
    def of(cls, **parts: Latent) -> Self:
        """A latent of named parts: `Latent.of(noise=Latent("normal", 62), digit=...)`."""
        return cls("parts", sum(part.dimension for part in parts.values()), parts=parts)

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw float32 [n, dimension] on the generator's device."""
        if self.parts:
            return torch.cat([part.sample(n, rng) for part in self.parts.values()], dim=1)
        if self.prior == "categorical":
            values = torch.randint(self.dimension, (n,), generator=rng, device=rng.device)
            return F.one_hot(values, self.dimension).float()
        z = torch.empty(n, self.dimension, device=rng.device)
        if self.prior == "normal":
            return z.normal_(generator=rng)
        return z.uniform_(self.low, self.high, generator=rng)

    @property
    def slices(self) -> dict[str, slice]:
        """The place of each named part among the dimensions."""
        found, start = {}, 0
        for name, part in self.parts.items():
            found[name] = slice(start, start + part.dimension)
            start += part.dimension
        return found

    def split(self, z: Tensor) -> dict[str, Tensor]:
        """The named parts of latents [N, dimension], each [N, dimension of the part]."""
        return {name: z[:, place] for name, place in self.slices.items()}

    def describe(self) -> dict[str, Any]:
        """The prior as run.json records it."""
        found: dict[str, Any] = {"prior": self.prior, "dimension": self.dimension}
        if self.prior == "uniform":
            found |= {"low": self.low, "high": self.high}
        if self.parts:
            found["parts"] = [
                {"name": name, **part.describe()} for name, part in self.parts.items()
            ]
        return found
