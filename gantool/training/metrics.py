"""The metrics of a step, from the losses of its turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from gantool.gan.game import DISCRIMINATOR, GENERATOR, Losses, Turn

METRICS = ("loss_d", "loss_g", "d_real", "d_fake", "d_fake_after")  # those of every line
_LOSSES = {DISCRIMINATOR: "loss_d", GENERATOR: "loss_g"}


def metrics_of(
    played: Sequence[tuple[Turn, Losses]], d_scale: Literal["probability", "raw"] | None
) -> dict[str, Tensor]:
    """The scalars of a step.

    `loss_d`, `d_real` and `d_fake` are of the discriminator's last turn with logits of fakes;
    `d_fake_after` of the generator's first turn after that; `loss_g` of the generator's last one;
    another player's loss is `loss_` and its name; a turn with a name records its loss under it.
    """
    metrics: dict[str, Tensor] = {}
    judged = after = None
    for turn, losses in played:
        total = losses.total.detach()
        if turn.name:
            metrics[turn.name] = total
        elif turn.player == DISCRIMINATOR:
            if losses.fake_logits is not None or judged is None:
                metrics["loss_d"] = total
                judged, after = losses, None
        else:
            metrics[_LOSSES.get(turn.player, f"loss_{turn.player}")] = total
            if turn.player == GENERATOR and after is None:
                after = losses
    if judged is not None and d_scale is not None:
        answers = {
            "d_real": judged.real_logits,
            "d_fake": judged.fake_logits,
            "d_fake_after": None if after is None else after.fake_logits,
        }
        for name, logits in answers.items():
            if logits is not None:
                scaled = torch.sigmoid(logits) if d_scale == "probability" else logits
                metrics[name] = scaled.detach().mean()
    for _, losses in played:
        metrics |= {name: value.detach() for name, value in losses.extra.items()}
    return metrics
