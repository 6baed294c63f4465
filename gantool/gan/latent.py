"""The prior of the latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Latent:
    """The prior of z: standard normal, or uniform on [low, high], in `dimension` dimensions."""

    prior: str
    dimension: int
    low: float = -1.0
    high: float = 1.0

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw float32 [n, dimension] on the generator's device."""
        z = torch.empty(n, self.dimension, device=rng.device)
        if self.prior == "normal":
            return z.normal_(generator=rng)
        return z.uniform_(self.low, self.high, generator=rng)

    def describe(self) -> dict[str, Any]:
        """The prior as run.json records it."""
        bounds = {} if self.prior == "normal" else {"low": self.low, "high": self.high}
        return {"prior": self.prior, "dimension": self.dimension, **bounds}
