"""The checks: each looks at one thing that a model on one kind of data must keep."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from gantool.gan.base import GAN, Model
from gantool.gan.game import (
    DISCRIMINATOR,
    GENERATOR,
    Batch,
    Losses,
    Progress,
    Settings,
    Turn,
    logits_of,
)
from gantool.sampling.generate import generate_samples
from gantool.sampling.grid import plan_sample_grid
from gantool.testing.subject import BATCH, Subject, play
from gantool.training.draws import Drawn
from gantool.training.trainer import Trainer

_SHORT = 25  # steps after which a turned sign shows
_SOON = 8  # steps after which a right one does, mostly
_LOOKED_AT = (*range(70), 100, 499, 500, 1000, 1024, 10_000, 100_000)  # steps
_DRAWN = 16  # samples that must repeat themselves


class MendError(Exception):
    """A check failed.

    Args:
        problem: what to mend.
        function: the method whose fault it is, where it is known.
    """

    def __init__(self, problem: str, function: Callable[..., Any] | None = None) -> None:
        super().__init__(problem)
        self.function = function


def _check_networks(subject: Subject) -> None:
    trainer = subject.still
    model, shapes = trainer.model, trainer.model.shapes
    z, y = (
        model.sample_latent(BATCH, trainer.draws.rng),
        model.sample_labels(BATCH, trainer.draws.rng),
    )
    if tuple(z.shape) != (BATCH, model.latent.dimension):
        raise MendError(
            f"sample_latent returned {tuple(z.shape)}, "
            f"but `latent` says {model.latent.dimension} dimensions",
            model.sample_latent,
        )
    samples = model.generate(z, y)
    expected = (BATCH, *shapes.sample)
    form = "[N, C, H, W]" if shapes.kind == "images" else "[N, 2]"
    if tuple(samples.shape) != expected:
        raise MendError(
            f"generate returned {tuple(samples.shape)}, not {form} = {expected}", model.generate
        )
    if not torch.isfinite(samples).all():
        raise MendError("generate returned values that are not finite", model.generate)
    if shapes.kind == "images" and samples.abs().max() > 1 + 1e-5:
        raise MendError(
            f"generate returned values up to {samples.abs().max():.3g}; "
            "images are in [-1, 1]: end with tanh",
            model.generate,
        )
    if isinstance(model, GAN):
        real, labels = next(trainer.batches)
        for seen, asked in ((real, labels), (samples, y)):
            logits = logits_of(model.discriminate(seen, asked))
            packs = (BATCH // model.config.pack,)
            if tuple(logits.shape) != packs:
                raise MendError(
                    f"judge returned logits {tuple(logits.shape)}, not [N] = {packs}: flatten "
                    "them, or where D answers with vectors return a tuple that begins with logits",
                    model.judge,
                )


def _check_turns(subject: Subject) -> None:
    model = subject.still.model
    players = model.players()
    for step, turns in _games(model):
        if not turns:
            raise MendError(
                f"turns returned none for step {step}; a step needs one at least", model.turns
            )
        for turn in turns:
            if turn.player not in players:
                raise MendError(
                    f"step {step} has a turn of {turn.player!r}, and players names "
                    f"{', '.join(players)} only",
                    model.turns,
                )
        again = model.turns(Progress(step, 0, epoch=step / 4, images=BATCH * step))
        if [(turn.player, turn.name) for turn in turns] != [
            (turn.player, turn.name) for turn in again
        ]:
            raise MendError(
                "turns answers differently when it is asked again: make it a pure function of "
                "progress, without random numbers",
                model.turns,
            )


def _check_losses(subject: Subject) -> None:
    trainer = subject.still
    model = trainer.model
    for turn, batch in _one_of_each(trainer):
        name = turn.name or f"the {turn.player}'s loss"
        given = {key: value.clone() for key, value in _tensors(batch).items()}
        weights = {key: value.clone() for key, value in model.named_parameters()}
        losses, evaluating = _loss_and_modes(trainer, turn, batch=batch)
        problem = ""
        if not isinstance(losses, Losses):
            problem = f"{name} returned {type(losses).__name__}; return gantool.Losses(total, ...)"
        elif losses.total.ndim != 0:
            shape = tuple(losses.total.shape)
            problem = f"{name} returned a total of shape {shape}; reduce it to a scalar"
        elif not torch.isfinite(losses.total):
            problem = f"{name} is {losses.total.item()} on the first batch"
        elif evaluating:
            problem = (
                f"{name} runs BatchNorm in evaluation mode; leave train() and eval() to the loop"
            )
        if problem:
            raise MendError(problem, turn.loss)
        for key, value in _tensors(batch).items():
            if not torch.equal(given[key], value):
                raise MendError(
                    f"{name} changes batch.{key} in place, and other turns see it too: "
                    "make a new tensor",
                    turn.loss,
                )
        for key, value in model.named_parameters():
            if not torch.equal(weights[key], value):
                raise MendError(
                    f"computing {name} changed {key}; weights move in the optimizers' steps only",
                    turn.loss,
                )


def _loss_and_modes(trainer: Trainer, turn: Turn, *, batch: Batch) -> tuple[Losses, bool]:
    """The losses of a turn, and whether a BatchNorm ran in evaluation mode for them."""
    modes: list[bool] = []

    def note(layer: nn.Module, _: Any) -> None:
        modes.append(layer.training)

    norms = (nn.modules.batchnorm._BatchNorm,)
    layers = [layer for layer in trainer.model.modules() if isinstance(layer, norms)]
    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    losses = trainer.loss(turn, batch)
    for hook in hooks:
        hook.remove()
    return losses, not all(modes)


def _check_gradients(subject: Subject) -> None:
    trainer = subject.still
    model = trainer.model
    reached: set[nn.Parameter] = set()
    names = {parameter: key for key, parameter in model.named_parameters()}
    for turn, batch in _one_of_each(trainer):
        own = [p for p in trainer.parameters[turn.player] if p.requires_grad]
        making = [] if turn.player in trainer.makers else list(model.generator.parameters())
        total = trainer.loss(turn, batch).total
        wanted = [*own, *(p for p in making if p.requires_grad)]
        gradients = torch.autograd.grad(total, wanted, allow_unused=True)
        for i, (parameter, gradient) in enumerate(zip(wanted, gradients, strict=True)):
            if gradient is None:
                continue
            if i >= len(own):
                raise MendError(
                    f"the {turn.player}'s loss sends gradients into the generator: "
                    "use batch.fake, which is detached for it, and detach what the loss itself "
                    "generates",
                    turn.loss,
                )
            if not torch.isfinite(gradient).all():
                raise MendError(
                    f"the {turn.player}'s loss has gradients that are not finite", turn.loss
                )
            reached.add(parameter)
    owned = {p for own in trainer.parameters.values() for p in own}
    lost = [names[p] for p in names if p.requires_grad and p not in owned]
    if lost:
        raise MendError(
            f"{len(lost)} parameters belong to no player ({', '.join(lost[:3])}): "
            "name their module in players, or set requires_grad = False",
            model.players,
        )
    idle = [names[p] for p in owned if p.requires_grad and p not in reached]
    if idle:
        raise MendError(
            f"{len(idle)} parameters ({', '.join(sorted(idle)[:3])}) "
            "get no gradient from any turn: "
            "is the graph cut (detach, no_grad), or are they unused?"
        )


def _check_training(subject: Subject) -> None:
    begun = subject.begun
    trainer = begun.trainer
    for step, metrics in enumerate(begun.metrics, 1):
        for key, value in metrics.items():
            if not math.isfinite(value):
                raise MendError(f"{key} is {value} at step {step}")
    names = {parameter: key for key, parameter in trainer.model.named_parameters()}
    movers = {turn.player for _, turns in _games(trainer.model, steps=3) for turn in turns}
    for player in movers:
        keys = [names[p] for p in trainer.parameters[player]]
        after = trainer.model.state_dict()
        if keys and all(torch.equal(begun.before[key], after[key]) for key in keys):
            raise MendError(f"three steps did not move the {player}: is its learning rate 0?")


def _check_labels(subject: Subject) -> None:
    model = subject.still.model
    if not model.conditional or model.shapes.classes < 2:
        return
    trainer = subject.begun.trainer
    model = trainer.model
    z = model.sample_latent(BATCH, trainer.draws.rng)
    with torch.no_grad():
        model.eval()
        drawn = [
            model.generate(z, torch.full((BATCH,), label, dtype=torch.int64))
            for label in range(model.shapes.classes)
        ]
        model.train()
    if all(torch.equal(drawn[0], other) for other in drawn[1:]):
        raise MendError(
            "the model says it is conditional, and generate draws the same for every label: use y",
            model.generate,
        )


def _check_signs(subject: Subject) -> None:
    """A turned sign: D learns to call fakes real, or G to be caught."""
    if subject.learns_as_its_twin:
        return
    trainer = subject.make()
    if isinstance(trainer.model, GAN):
        _check_directions(trainer, trainer.model)
    else:
        _check_approach(trainer)
    subject.learns = True


def _check_directions(trainer: Trainer, model: GAN[Any]) -> None:
    # A penalty may outweigh the objective for longer than this.
    model.use(Settings(penalty_weight=0.0))
    turns = model.turns(Progress(0, 0, epoch=0.0, images=0))
    for player, better in ((DISCRIMINATOR, _gap), (GENERATOR, _approval)):
        own = [turn for turn in turns if turn.player == player and not turn.name][:1]
        if not own:
            continue
        turn = replace(own[0], real="new", latent="new")
        # One batch before and after: another one's answers differ by more than is learned.
        held = trainer.draws.take(turn, drawn=Drawn(), graph=False)
        first, ranked = better(model, held), _ranked(model, held)
        for step in range(_SHORT):
            # The discriminator learns as long as it can: it is the judge of the generator.
            if step == _SOON and player == GENERATOR and _rises(first, better(model, held)):
                break
            batch = trainer.draws.take(turn, drawn=Drawn(), graph=player == GENERATOR)
            trainer.differentiate(player, trainer.loss(turn, batch))
            trainer.move(player)
        last = better(model, held)
        if player == DISCRIMINATOR and _ranked(model, held) >= ranked:
            continue  # where all logits are on one side, a hinge may let the gap shrink
        if last < first - 1e-3 * max(1.0, abs(first)):
            what = "D(x) - D(G(z))" if player == DISCRIMINATOR else "D(G(z))"
            raise MendError(
                f"{what} falls from {first:.3g} to {last:.3g} while only the {player} learns: "
                f"turn the sign of the {player}'s loss, or let the first thing that `judge` gives "
                "grow with what is taken for real",
                turn.loss,
            )


def _rises(first: float, last: float) -> bool:
    return last > first + 0.05 * max(1.0, abs(first))


@torch.no_grad()
def _gap(model: GAN[Any], batch: Batch) -> float:
    """D(x) - D(G(z))."""
    return float(model.real_logits(batch).mean()) - _approval(model, batch)


@torch.no_grad()
def _ranked(model: GAN[Any], batch: Batch) -> float:
    """The share of pairs whose real image has the higher logit."""
    with torch.random.fork_rng(devices=[]):  # a generator may draw noise
        fakes = model.fake_logits(replace(batch, fake=model.generate(batch.z, batch.fake_labels)))
        return float((model.real_logits(batch)[:, None] > fakes).double().mean())


@torch.no_grad()
def _approval(model: GAN[Any], batch: Batch) -> float:
    """D(G(z)), of the generator as it is now."""
    fake = model.generate(batch.z, batch.fake_labels)
    return float(model.fake_logits(replace(batch, fake=fake)).mean())


def _check_approach(trainer: Trainer) -> None:
    """The samples of a model without a discriminator must not move away from its data."""

    def distance() -> float:
        model = trainer.model
        rng = torch.Generator().manual_seed(1)
        z, y = model.sample_latent(32, rng), model.sample_labels(32, rng)
        fake = torch.from_numpy(generate_samples(model, z, y=y)).flatten(1).float()
        real = torch.from_numpy(np.array(trainer.batches.split.values)).flatten(1).float()
        return float(torch.cdist(fake, real).min(1).values.mean())

    first = distance()
    play(trainer, 3 * _SHORT)
    last = distance()
    if last > 1.05 * first:
        raise MendError(
            f"the samples move away from the data, from {first:.0f} to {last:.0f} in {3 * _SHORT} "
            "steps: turn the sign of the loss"
        )


def _check_determinism(subject: Subject) -> None:
    if subject.saved.metrics[:3] != subject.begun.metrics:
        raise MendError(
            "two runs with one seed differ: draw random numbers from torch (or the given rng), "
            "not from elsewhere"
        )


def _check_resume(subject: Subject) -> None:
    saved, other = subject.saved, subject.make()
    torch.manual_seed(12345)
    other.load_state_dict(saved.state)
    if play(other, 3) != saved.metrics[2:]:
        raise MendError(
            "a saved and restored model goes on differently: keep state in buffers and parameters, "
            "and make turns and settings pure functions of progress"
        )


def _check_sampling(subject: Subject) -> None:
    model = subject.begun.trainer.model
    grid = plan_sample_grid(model)
    z, y = grid.latents[:_DRAWN], None if grid.labels is None else grid.labels[:_DRAWN]
    random_state = torch.get_rng_state()
    before = copy.deepcopy(model.state_dict())
    first = generate_samples(model, z, y=y)
    torch.rand(1)
    second = generate_samples(model, z, y=y)
    torch.set_rng_state(random_state)
    if not (first == second).all():
        raise MendError(
            "the same latents give other samples the second time, in evaluation mode: "
            "draw what is random as part of the latent",
            model.generate,
        )
    after = model.state_dict()
    if any(not torch.equal(before[key], after[key]) for key in before):
        raise MendError("sampling changed the model's state", model.generate)
    if not model.training:
        raise MendError("sampling changed the training mode", model.generate)


CHECKS: dict[str, Callable[[Subject], None]] = {
    "networks have the right shapes and range": _check_networks,
    "turns are a pure function of players that there are": _check_turns,
    "losses are finite scalars, and change nothing": _check_losses,
    "every parameter is moved by a turn, and by its own": _check_gradients,
    "training moves all players and stays finite": _check_training,
    "labels matter": _check_labels,
    "losses have the right sign": _check_signs,
    "one seed, one result": _check_determinism,
    "saved, restored, resumed": _check_resume,
    "sampling repeats itself and changes nothing": _check_sampling,
}


def _games(model: Model[Any], *, steps: int | None = None) -> Iterator[tuple[int, Sequence[Turn]]]:
    """The turns of many steps; a lazy one is found however seldom it is played."""
    for step in _LOOKED_AT if steps is None else range(steps):
        yield step, model.turns(Progress(step, 0, epoch=step / 4, images=BATCH * step))


def _one_of_each(trainer: Trainer) -> Iterator[tuple[Turn, Batch]]:
    """Each kind of turn once, with a batch such as the loop gives it.

    Steps are played whose turns are others than those of a step before; a turn that is played many
    times in a row counts once.
    """
    known: set[tuple[Any, ...]] = set()
    seen: set[Any] = set()
    for _, turns in _games(trainer.model):
        different = [next(equal) for _, equal in itertools.groupby(turns, _kind)]
        step = tuple(map(_kind, different))
        if step in known:
            continue
        known.add(step)
        drawn = Drawn()
        for turn in different:
            makes = turn.player in trainer.makers
            batch = trainer.draws.take(turn, drawn=drawn, graph=True)
            if not makes and batch.fake is not None:
                batch = replace(batch, fake=batch.fake.detach())
            kind = _kind(turn)[:3]
            if kind not in seen:
                seen.add(kind)
                yield turn, batch
                drawn.fake = None if makes else drawn.fake


def _kind(turn: Turn) -> tuple[Any, ...]:
    """The marks of a turn: who moves by which loss, and what it needs."""
    loss = getattr(turn.loss, "__qualname__", repr(turn.loss))
    return turn.player, turn.name, loss, turn.real, turn.latent, turn.fake


def _tensors(batch: Batch) -> dict[str, torch.Tensor]:
    found = {"real": batch.real, "z": batch.z, "fake": batch.fake}
    return {key: value.detach() for key, value in found.items() if value is not None}
