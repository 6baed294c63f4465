"""THE training loop: every model is trained by this page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from gantool.data.batches import Batches
from gantool.gan.base import Model, parameters_of
from gantool.gan.game import Batch, Losses, Progress, Turn
from gantool.gan.schedules import ramped_up
from gantool.machine import randomness
from gantool.training.averages import Average
from gantool.training.draws import Draws
from gantool.training.metrics import metrics_of
from gantool.training.moves import MOVES


class Trainer:
    """Plays the turns of a model's game, step by step, and holds all that resuming needs.

    In a turn one player learns once, and the model lists the turns of a step: one that is left out
    of some steps is lazy, one listed twice is played twice. `--update` names the order of
    `training/moves.py` in which they are played, which asks for each turn, from here:

        batch = draws.take(turn)       real data, latents, labels and fakes, what the turn needs
        losses = loss(turn, batch)
        differentiate(player, losses)
        move(player)

    `alternating` does so for one turn after the other; `simultaneous` takes all gradients before
    the first player moves; `extragradient` takes them at a point ahead, and goes back before the
    players move.

    Args:
        model: on the device and in the memory format to train in, alike in all processes.
        batches: real data; that of this process where several share the run.
        total_steps: steps after which `train` stops, and which schedules may look at.
        rng: the source of latents and labels, alike in all processes.

    Attributes:
        makers: the players with a parameter of the generator among theirs; only in their turns do
            gradients reach it through the fakes.
        steps: steps done.
        draws: the source of batches; it counts the real samples learned from, of all processes.
        averages: of each network that the run keeps (`model.keeps`), the exponential moving
            average (EMA) of its weights; its buffers are those of the network.
    """

    def __init__(
        self, model: Model[Any], batches: Batches, *, total_steps: int, rng: torch.Generator
    ) -> None:
        self.model = model
        self.config = model.config
        self.batches = batches
        self.draws = Draws(model, batches, rng)
        self.total_steps = total_steps
        self.parameters = parameters_of(model)
        made = set(model.generator.parameters())
        self.makers = {player for player, own in self.parameters.items() if made & set(own)}
        self.optimizers = {
            player: model.make_optimizer(player, parameters)
            for player, parameters in self.parameters.items()
        }
        self.averages = {
            name: Average(getattr(model, name), decay=self.config.ema)
            for name in (model.keeps if self.config.ema else ())
        }
        self.device = batches.device
        self.world = batches.world
        self.steps = 0
        model.train()

    def train(self) -> Iterator[dict[str, Tensor]]:
        """Step until `total_steps`, yielding each step's metrics: scalars, still on the device."""
        while self.steps < self.total_steps:
            yield self.step()

    def step(self) -> dict[str, Tensor]:
        """Play the turns of one step, update the averaged weights, and return the step's metrics.

        The model sees the metrics, alike in all processes, in `after_step`: it may change the state
        of its game by them, which it keeps in buffers, and add metrics of its own.
        """
        played = self.play()
        for name, average in self.averages.items():
            average.update_parameters(getattr(self.model, name))
        self.steps += 1
        metrics = metrics_of(played, self.model.d_scale)  # D(x) as a probability, or as it is
        self.world.average(list(metrics.values()))  # in place
        return {**metrics, **self.model.after_step(metrics)}

    def play(self) -> list[tuple[Turn, Losses]]:
        """The turns of one step with their losses; nothing is counted, averaged or reported."""
        self._apply_settings()
        # The length of a run is found by asking for the turns of its steps (`training/draws.py`);
        # so they cannot depend on it.
        turns = self.model.turns(replace(self.progress, total_steps=0))
        return MOVES[self.config.update](self, turns)

    def loss(self, turn: Turn, batch: Batch) -> Losses:
        """The losses of a turn; in bf16 where configured, which needs no scaling of losses."""
        with self.draws.autocast():
            return turn.loss(batch)

    def differentiate(self, player: str, losses: Losses, *, retain_graph: bool = False) -> None:
        """Set the gradients of this player's parameters, and leave those of all others alone.

        A graph is retained where a later loss of the same step shares it.
        """
        self.optimizers[player].zero_grad(set_to_none=True)
        parameters = [p for p in self.parameters[player] if p.requires_grad]
        losses.total.backward(inputs=parameters, retain_graph=retain_graph)
        self.world.average([p.grad for p in parameters if p.grad is not None])

    def move(self, player: str) -> None:
        """Let a player's optimizer step, and the model keep its weights within their bounds."""
        self.optimizers[player].step()
        with torch.no_grad():
            self.model.constrain(player)

    def _apply_settings(self) -> None:
        """Set rates and momenta, decay of the averages, and what the model uses itself."""
        settings = self.model.settings(self.progress)
        for player, values in settings.players.items():
            for group in self.optimizers[player].param_groups:
                group.update(values)
                if "lr" in values:  # a group may have a factor of its own, from `make_optimizer`
                    group["lr"] = values["lr"] * group.get("lr_factor", 1)
        self.model.use(settings)
        for average in self.averages.values():
            decay = self.config.ema if settings.ema is None else settings.ema
            if self.config.ema_rampup is not None:
                decay = ramped_up(decay, self.config.ema_rampup, steps=self.steps)
            average.decay = decay

    @property
    def progress(self) -> Progress:
        """The state of training."""
        return Progress(
            self.steps, self.total_steps, epoch=self.batches.epoch, images=self.draws.images
        )

    @contextlib.contextmanager
    def averaged(self) -> Iterator[Model[Any]]:
        """The model as samples are drawn from it: with averaged networks where the run averages."""
        trained = {name: getattr(self.model, name) for name in self.averages}
        try:
            for name, average in self.averages.items():
                setattr(self.model, name, average.module)
            yield self.model
        finally:
            for name, network in trained.items():
                setattr(self.model, name, network)

    def state_dict(self) -> dict[str, Any]:
        """Everything that resuming needs: tensors, numbers and strings only.

        All processes must ask for it, since each has random numbers of its own.
        """
        return {
            "model": self.model.state_dict(),
            "averages": {name: average.state_dict() for name, average in self.averages.items()},
            "optimizers": {
                player: optimizer.state_dict() for player, optimizer in self.optimizers.items()
            },
            "latents": self.draws.rng.get_state(),
            "random": randomness.states(self.device, self.world),
            "batches": self.batches.drawn,
            "steps": self.steps,
            "images": self.draws.images,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a saved state.

        Raises:
            RuntimeError, KeyError, ValueError: the state is of another model or configuration.
        """
        self.model.load_state_dict(state["model"])
        for name, average in self.averages.items():
            average.load_state_dict(state["averages"][name])
        for player, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][player])
        self.draws.rng.set_state(state["latents"])
        seed = self.config.seed + state["steps"]  # of processes that the saved run did not have
        randomness.restore(state["random"], self.device, world=self.world, seed=seed)
        self.batches.drawn = state["batches"]
        self.steps = state["steps"]
        self.draws.images = state["images"]
