"""THE training loop: every model is trained by this page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gantool.data.batches import Batches
from gantool.errors import GantoolError
from gantool.gan.base import Model
from gantool.gan.game import Batch, Losses, Progress, Turn
from gantool.machine import randomness
from gantool.training.draws import Draws
from gantool.training.metrics import metrics_of
from gantool.training.moves import MOVES


class Trainer:
    """Plays the turns of a model's game, step by step, and holds all that resuming needs.

    Args:
        model: on the device and in the memory format to train in.
        batches: real data; that of this process where several share the run.
        total_steps: steps that the run shall have, for schedules.
        rng: the source of latents and labels, alike in all processes.

    Attributes:
        makers: the players that move the generator.
        steps: steps done.
        draws: what turns are given, drawn.
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
            name: AveragedModel(getattr(model, name), multi_avg_fn=_average(self.config.ema))
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
        """The turns of one step, the averages after it, and its metrics."""
        played = self.play()
        for name, average in self.averages.items():
            average.update_parameters(getattr(self.model, name))
        self.steps += 1
        metrics = metrics_of(played, self.model.d_scale)
        self.world.average(list(metrics.values()))
        return {**metrics, **self.model.after_step(metrics)}

    def play(self) -> list[tuple[Turn, Losses]]:
        """The turns of one step alone, each with its losses, in the way that `update` says."""
        self._apply_settings()
        turns = self.model.turns(replace(self.progress, total_steps=0))
        return MOVES[self.config.update](self, turns)

    def loss(self, turn: Turn, batch: Batch) -> Losses:
        """The losses of a turn."""
        with self.draws.autocast():
            return turn.loss(batch)

    def differentiate(self, player: str, losses: Losses, *, retain_graph: bool = False) -> None:
        """Set the gradients of this player's parameters alone: autograd skips all other work."""
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
        settings = self.model.settings(self.progress)
        for player, values in settings.players.items():
            for group in self.optimizers[player].param_groups:
                group.update(values)
                if "lr" in values:
                    group["lr"] = values["lr"] * group.get("lr_factor", 1)
        self.model.use(settings)
        for average in self.averages.values():
            average.multi_avg_fn = _average(
                self.config.ema if settings.ema is None else settings.ema
            )

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
        """Everything that resuming needs: tensors, numbers and strings only."""
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
        seed = self.config.seed + state["steps"]
        randomness.restore(state["random"], self.device, world=self.world, seed=seed)
        self.batches.drawn = state["batches"]
        self.steps = state["steps"]
        self.draws.images = state["images"]


def parameters_of(model: Model[Any]) -> dict[str, list[torch.nn.Parameter]]:
    """The parameters of each player, each once.

    Raises:
        GantoolError: one belongs to two players.
    """
    found: dict[str, list[torch.nn.Parameter]] = {}
    owner: dict[torch.nn.Parameter, str] = {}
    for player, modules in model.players().items():
        unique = dict.fromkeys(p for module in modules for p in module.parameters())
        for parameter in unique:
            if owner.setdefault(parameter, player) != player:
                raise GantoolError(
                    f"the players {owner[parameter]} and {player} both move one parameter.",
                    "Let `players` give each module to one of them.",
                )
        found[player] = list(unique)
    return found


def _average(decay: float) -> Any:
    return get_ema_multi_avg_fn(decay)
