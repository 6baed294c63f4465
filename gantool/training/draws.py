"""Data and latents drawn in a step, and a game's draws counted on paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gantool.errors import ConfigError
from gantool.gan.base import DISCRIMINATOR, Batch, Model, Progress, Turn

if TYPE_CHECKING:
    from gantool.training.trainer import Trainer

_PATIENCE = 1000  # steps without real data after which an epoch is not waited for


@dataclass(slots=True)
class Drawn:
    """Everything drawn so far in a step, tensors or None; later turns may take the same."""

    real: Any = None
    real_labels: Tensor | None = None
    z: Any = None
    fake_labels: Tensor | None = None
    fake: Any = None


def take(trainer: Trainer, turn: Turn, *, drawn: Drawn, graph: bool) -> Batch:
    """The batch of a turn: what it needs new is drawn, the rest was drawn before.

    Args:
        trainer: draws, and counts what it learns from.
        turn: whose it is.
        drawn: so far in this step; what is new is added to it.
        graph: whether new fakes keep their graph, for this turn or a later one.

    Raises:
        ConfigError: the turn wants the same as an earlier one, and there is none.
    """
    model, device, world = trainer.model, trainer.device, trainer.world
    if turn.real == "new":
        images, drawn.real_labels = next(trainer.batches)
        drawn.real = images.to(trainer.dtype)
        if is_learned_from(turn, trainer.optimizers):
            trainer.images += len(images) * world.size
    if turn.latent == "new":
        n = trainer.batches.batch_size
        z = world.part(model.sample_latent(n, trainer.rng))
        drawn.z = z.to(device, trainer.dtype, non_blocking=True)
        y = model.sample_labels(n, trainer.rng)
        drawn.fake_labels = None if y is None else world.part(y).to(device, non_blocking=True)
        drawn.fake = None
    for need, known in ((turn.real, drawn.real), (turn.latent, drawn.z)):
        if need == "same" and known is None:
            raise ConfigError(
                f"a turn of the {turn.player} takes what an earlier turn of the step drew, "
                "and none has drawn any.",
                "Ask for 'new' in its Turn, or put a turn that does before it.",
            )
    if turn.latent != "none" and turn.fake and drawn.fake is None:
        with torch.set_grad_enabled(graph), trainer.autocast():
            drawn.fake = model.generate(drawn.z, drawn.fake_labels).to(trainer.dtype)
    found: dict[str, Any] = {}
    if turn.real != "none":
        found |= {"real": drawn.real, "real_labels": drawn.real_labels}
    if turn.latent != "none":
        found |= {"z": drawn.z, "fake_labels": drawn.fake_labels}
        found["fake"] = drawn.fake if turn.fake else None
    return Batch(**found)


def is_learned_from(turn: Turn, players: Any) -> bool:
    """Whether the real data of a turn counts as images: that of D's turns, or all without a D."""
    return turn.real == "new" and (turn.player == DISCRIMINATOR or DISCRIMINATOR not in players)


def steps_in(
    model: Model[Any],
    *,
    batch_size: int,
    batches_per_epoch: int,
    epochs: int | None = None,
    images: int | None = None,
) -> int:
    """The steps of a budget of epochs or of images, counted by playing the game on paper.

    An epoch is floor(N / batch) real batches, and a step takes one or more of them: the steps that
    fit. Of images at least as many are seen as are asked for.

    Raises:
        ConfigError: the game draws no real data, so that such a budget has no end.
    """
    idle = before = 0
    for step, (drawn, seen) in enumerate(
        _on_paper(model, batch_size=batch_size, batches_per_epoch=batches_per_epoch), 1
    ):
        if epochs is not None and drawn > epochs * batches_per_epoch:
            return max(1, step - 1)
        if images is not None and seen >= images:
            return step
        progress = drawn if images is None else seen
        idle = idle + 1 if progress == before else 0
        before = progress
        if idle == _PATIENCE:
            break
    raise ConfigError(
        "this game draws no real data: epochs and images are no budget for it.", "Give --steps."
    )


def _on_paper(
    model: Model[Any], *, batch_size: int, batches_per_epoch: int
) -> Iterator[tuple[int, int]]:
    """After each step the real batches drawn and the images seen so far."""
    players = model.players()
    times = 2 if model.config.update == "extragradient" else 1
    step = drawn = seen = 0
    while True:
        progress = Progress(step, 0, epoch=drawn / batches_per_epoch, images=seen)
        for turn in model.turns(progress):
            drawn += times * (turn.real == "new")
            seen += times * batch_size * is_learned_from(turn, players)
        step += 1
        yield drawn, seen
