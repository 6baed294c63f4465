"""Data and latents drawn in a step, and a game's draws counted on paper."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gantool.data.batches import Batches
from gantool.data.prepared import on_device
from gantool.errors import ConfigError
from gantool.gan.base import Model
from gantool.gan.game import DISCRIMINATOR, Batch, Progress, Turn

_PATIENCE = 1000  # steps without real data after which an epoch is not waited for


@dataclass(slots=True)
class Drawn:
    """Everything drawn so far in a step, tensors or None; later turns may take the same."""

    real: Any = None
    real_labels: Tensor | None = None
    z: Any = None
    fake_labels: Tensor | None = None
    fake: Any = None


class Draws:
    """Draws what turns ask for, and counts the real images that are learned from.

    Args:
        model: makes latents, labels and fakes.
        batches: real data; that of this process where several share the run.
        rng: the source of latents and labels, alike in all processes.

    Attributes:
        images: real images learned from so far.
    """

    def __init__(self, model: Model[Any], batches: Batches, rng: torch.Generator) -> None:
        self.model = model
        self.batches = batches
        self.rng = rng
        self.dtype = next(model.parameters()).dtype
        self.players = model.players()
        self.images = 0

    def take(self, turn: Turn, *, drawn: Drawn, graph: bool) -> Batch:
        """The batch of a turn: what it needs new is drawn, the rest was drawn before.

        Args:
            turn: whose it is.
            drawn: so far in this step; what is new is added to it.
            graph: whether new fakes keep their graph, for this turn or a later one.

        Raises:
            ConfigError: the turn wants the same as an earlier one, and there is none.
        """
        if turn.real == "new":
            self._draw_real(turn, drawn)
        if turn.latent == "new":
            self._draw_latents(drawn)
        for need, known in ((turn.real, drawn.real), (turn.latent, drawn.z)):
            if need == "same" and known is None:
                raise ConfigError(
                    f"a turn of the {turn.player} takes what an earlier turn of the step drew, "
                    "and none has drawn any.",
                    "Ask for 'new' in its Turn, or put a turn that does before it.",
                )
        if turn.latent != "none" and turn.fake and drawn.fake is None:
            with torch.set_grad_enabled(graph), self.autocast():
                drawn.fake = self.model.generate(drawn.z, drawn.fake_labels).to(self.dtype)
        found: dict[str, Any] = {}
        if turn.real != "none":
            found |= {"real": drawn.real, "real_labels": drawn.real_labels}
        if turn.latent != "none":
            found |= {"z": drawn.z, "fake_labels": drawn.fake_labels}
            found["fake"] = drawn.fake if turn.fake else None
        return Batch(**found)

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """The arithmetic of the networks' passes."""
        return torch.autocast(
            self.batches.device.type,
            torch.bfloat16,
            enabled=self.model.config.precision == "bf16",
        )

    def _draw_real(self, turn: Turn, drawn: Drawn) -> None:
        images, drawn.real_labels = next(self.batches)
        drawn.real = images.to(self.dtype)
        if is_learned_from(turn, self.players):
            self.images += len(images) * self.batches.world.size

    def _draw_latents(self, drawn: Drawn) -> None:
        model, n = self.model, self.batches.batch_size
        device, world = self.batches.device, self.batches.world
        z = world.part(model.sample_latent(n, self.rng))
        drawn.z = on_device(z.numpy(), device).to(self.dtype)
        alike = model.samples_per_label
        y = model.sample_labels(n // alike, self.rng)
        if y is not None and alike > 1:
            y = y.repeat_interleave(alike)
        drawn.fake_labels = None if y is None else on_device(world.part(y).numpy(), device)
        drawn.fake = None


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
