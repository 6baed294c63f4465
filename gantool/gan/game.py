"""A game is a list of turns: what a turn is, what it is given, what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

Need = Literal["new", "same", "none"]
DISCRIMINATOR, GENERATOR = "discriminator", "generator"
_NOTHING: Any = None  # in a batch whose turn did not ask for it


@dataclass(frozen=True, slots=True)
class Batch:
    """The input of a loss: what its turn asked for; the rest is None.

    Attributes:
        real: float [N, C, H, W] in [-1, 1].
        real_labels: int64 [N], or None where the data has no labels.
        z: the latents of the fakes, float [N, dimension].
        fake: float [N, C, H, W] in [-1, 1]; with its graph where the turn moves the generator, or
            in a simultaneous move; else detached.
        fake_labels: int64 [N] that the fakes were asked for, or None where the model takes no
            labels.
        real_logits: the discriminator's answer to `real` where it is known already (a simultaneous
            move, whose gradients come from one forward pass), else None.
        fake_logits: the same for `fake`.
    """

    real: Tensor = _NOTHING
    real_labels: Tensor | None = None
    z: Tensor = _NOTHING
    fake: Tensor = _NOTHING
    fake_labels: Tensor | None = None
    real_logits: Tensor | None = None
    fake_logits: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Losses:
    """The output of a loss.

    Attributes:
        total: the scalar that is minimised.
        real_logits: [N], for the metrics; None where they were not needed.
        fake_logits: the same for the fakes.
        extra: further scalars to record, by name (a penalty, an auxiliary loss).
    """

    total: Tensor
    real_logits: Tensor | None = None
    fake_logits: Tensor | None = None
    extra: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise a `TypeError` here, in the loss that gives it, of what are no logits."""
        for name in ("real_logits", "fake_logits"):
            given = getattr(self, name)
            if not (given is None or isinstance(given, Tensor)):
                raise TypeError(
                    f"Losses(..., {name}=...) is for the logits [N], not a "
                    f"{type(given).__name__}; of a judge's tuple give the first part."
                )


@dataclass(frozen=True, slots=True)
class Turn:
    """One move of one player.

    Attributes:
        player: the name of who moves; a key of `Model.players()`.
        loss: minimised by this move.
        real: whether real data is drawn for it ("new"), that of an earlier turn of the step is
            taken ("same"), or it needs none.
        latent: the same of the latents (and the labels that fakes are asked for).
        fake: whether the latents are made into samples.
        name: of a turn beside the game's own (a lazy penalty): its loss is recorded under it.
    """

    player: str
    loss: Callable[[Batch], Losses]
    real: Need = "new"
    latent: Need = "new"
    fake: bool = True
    name: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of training before a step.

    Attributes:
        step: steps done.
        total_steps: steps in all; 0 for `turns`, which must not depend on it.
        epoch: passes over the training images, a fraction.
        images: real images that the discriminator has seen.
    """

    step: int
    total_steps: int
    epoch: float
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a step.

    Attributes:
        players: of each player settings of its optimizer, as `{"discriminator": {"lr": 1e-4}}`. A
            parameter group with an `lr_factor` of its own gets the rate times that.
        penalty_weight: the weight of the penalty, or None for the configured one.
        ema: decay of the averaged weights, or None for the configured one.
    """

    players: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    penalty_weight: float | None = None
    ema: float | None = None


def in_full_precision(x: Tensor) -> Tensor:
    """A tensor as it is, or in float32 where it came out of networks in bfloat16."""
    return x.float() if x.dtype == torch.bfloat16 else x


def logits_of(answer: Any) -> Tensor:
    """The logits [N] in a discriminator's answer, which may be a tuple that begins with them."""
    logits: Tensor = answer[0] if isinstance(answer, tuple) else answer
    return logits
