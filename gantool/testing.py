"""The conformance checks that a plugin's author runs.

`gantool check MODEL` runs them, or `check_model` in a test. Every check trains a few steps on the
CPU, on small made-up images, and a failure says what to mend.
"""

from __future__ import annotations

import copy
import io
import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from gantool.config import GANConfig, TrainConfig, resolve
from gantool.data.batches import Batches
from gantool.data.points.plane import PointSplit
from gantool.data.prepared import ImageSplit, Split
from gantool.errors import ConfigError
from gantool.gan.base import GAN, Model
from gantool.gan.game import DISCRIMINATOR, GENERATOR, Batch, Losses, Progress, Settings, Turn
from gantool.gan.shapes import Shapes
from gantool.plugins.registry import load_registry
from gantool.plugins.spec import ModelSpec, load_implementation
from gantool.sampling.generate import generate_samples
from gantool.sampling.grid import plan_sample_grid
from gantool.training.draws import Drawn
from gantool.training.trainer import Trainer

SIZES = (16, 28, 33, 64, (16, 24))
CHANNELS = (1, 3)
CLASSES = (0, 3)
_IMAGES = 24
# Of each option of the game values that a GAN is tried with.
_CHANGED: dict[str, tuple[Any, ...]] = {
    "loss": ("least-squares", "hinge"),
    "penalty": ("r1", "gp"),
    "spectral_norm": (True, False),
    "discriminator_steps": (2, 3),
    "generator_batch": ("fresh", "reuse"),
    "pack": (2, 1),
    "augment": ("diff", "none"),
    "discriminator_lr": (0.05, 0.1),
    "update": ("simultaneous", "alternating"),
}
_HONOURED = "options of the game are honoured"
_SHORT = 25  # steps after which a turned sign shows
_LOOKED_AT = (*range(70), 100, 499, 500, 1000, 1024, 10_000, 100_000)  # steps
_BATCH = 6


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check.

    Attributes:
        check: the name of the check.
        shapes: the data that it was made on; empty for checks that need none.
        problem: the fault and its remedy; empty if there is none.
        refused: the reason why the model does not take such data, where it raises a ConfigError.
    """

    check: str
    shapes: str = ""
    problem: str = ""
    refused: str = ""


class _MendError(Exception):
    """A check failed; the message says what to mend."""


def check_model(
    name: str,
    *,
    sizes: Sequence[int | tuple[int, int]] = SIZES,
    channels: Sequence[int] = CHANNELS,
    classes: Sequence[int] = CLASSES,
    **options: Any,
) -> None:
    """Run every check on a registered model; for a plugin's own tests.

    Every combination of square sizes, channels and classes is tried.

    Args:
        name: the model's name, as after `gantool run`.
        sizes: sides of square images; or (height, width) of others, which are tried with alpha.
        channels: numbers of channels of square images.
        classes: numbers of classes; 0 is unlabelled data, which a model that needs labels is not
            tried on.
        options: options of the model, for example small widths that make the checks fast.

    Raises:
        AssertionError: a check failed; the message lists every problem and what to mend.
        ConfigError: no such model, or invalid options.
    """
    results = list(run_checks(name, sizes=sizes, channels=channels, classes=classes, **options))
    problems = [f for f in results if f.problem]
    if problems:
        lines = [
            f"- {f.check}{f' ({f.shapes})' if f.shapes else ''}: {f.problem}" for f in problems
        ]
        raise AssertionError(
            f"{name} fails {len(problems)} of {len(results)} checks:\n" + "\n".join(lines)
        )


def run_checks(
    name: str,
    *,
    sizes: Sequence[int | tuple[int, int]] = SIZES,
    channels: Sequence[int] = CHANNELS,
    classes: Sequence[int] = CLASSES,
    **options: Any,
) -> Iterator[CheckResult]:
    """Run every check on a registered model, yielding each outcome as it is known.

    The arguments are those of `check_model`.
    """
    spec = load_registry().model(name)
    resolve(
        spec.config,
        model=name,
        environment={},
        flags={**options, "batch_size": _BATCH, "steps": 20},
    )
    yield CheckResult("starts without torch", problem=_imports_torch(spec))
    tried = refused = 0
    for shapes in _data_of(spec, sizes=sizes, channels=channels, classes=classes):
        # As a run has them: defaults that follow the data, and what is given.
        chosen = {**spec.defaults_on(shapes.kind), **options}
        if shapes.kind == "images":
            chosen = {**spec.defaults_on_images(_IMAGES, spec.config(**chosen)), **chosen}
        outcomes = list(_on_shapes(spec, shapes, options=chosen))
        if tried == refused and not any(f.refused or f.problem for f in outcomes):
            outcomes.append(_options_matter(spec, shapes, options=chosen))
        tried += 1
        refused += any(f.refused for f in outcomes)
        yield from outcomes
    if tried and tried == refused:
        yield CheckResult(
            "takes some data", problem="the model refuses every kind of data that was tried"
        )


def _data_of(
    spec: ModelSpec,
    *,
    sizes: Sequence[int | tuple[int, int]],
    channels: Sequence[int],
    classes: Sequence[int],
) -> Iterator[Shapes]:
    """The kinds of data that a model is tried on."""
    counts = [count for count in classes if count or not spec.needs_labels]
    if "images" in spec.kinds:
        for size, depth, count in itertools.product(sizes, channels, counts):
            if isinstance(size, int):
                yield Shapes((size, size), depth, classes=count)
        for size, count in itertools.product(sizes, counts):
            if not isinstance(size, int):
                yield Shapes(size, 4, classes=count)
    if "points" in spec.kinds:
        yield from map(Shapes.of_points, counts)


def _on_shapes(spec: ModelSpec, shapes: Shapes, options: dict[str, Any]) -> Iterator[CheckResult]:
    size = "points"
    if shapes.kind == "images":
        size = f"{shapes.height} x {shapes.width} x {shapes.channels}"
    where = f"{size}, " + (f"{shapes.classes} classes" if shapes.classes else "no labels")
    try:
        _trainer(spec, shapes, options=options)
    except ConfigError as error:
        yield CheckResult("builds", where, refused=error.message)
        return
    except Exception as error:
        yield CheckResult(
            "builds",
            where,
            problem=f"build or initialize raised {_short(error)}; derive layers from `shapes`",
        )
        return
    for name, check in _CHECKS.items():
        try:
            check(lambda: _trainer(spec, shapes, options=options))
        except _MendError as error:
            yield CheckResult(name, where, problem=str(error))
        except Exception as error:
            yield CheckResult(name, where, problem=f"raised {_short(error)}")
        else:
            yield CheckResult(name, where)


def _options_matter(spec: ModelSpec, shapes: Shapes, options: dict[str, Any]) -> CheckResult:
    """Each option of the game must change what two steps do: options are refused, not ignored."""
    problem = ""
    if not issubclass(spec.config, GANConfig):
        return CheckResult(_HONOURED)
    usual = _moved(_trainer(spec, shapes, options=options))
    for option, values in _CHANGED.items():
        if option not in spec.config.model_fields or problem:
            continue
        default = options.get(option, spec.config.model_fields[option].default)
        value = next(value for value in values if value != default)
        try:
            changed = _moved(_trainer(spec, shapes, options={**options, option: value}))
        except (ConfigError, ValidationError):
            continue  # refused, with a reason
        except Exception as error:
            problem = f"--{option} {value} raises {_short(error)}"
        else:
            if all(map(torch.equal, changed, usual)):
                problem = f"--{option} {value} changes nothing"
    if problem:
        problem = (
            f"{problem.replace('_', '-')}: let the turns honour it, or name it in `fixed` of the "
            "configuration, which refuses it"
        )
    return CheckResult(_HONOURED, problem=problem)


def _trainer(spec: ModelSpec, shapes: Shapes, options: dict[str, Any], seed: int = 1) -> Trainer:
    config: TrainConfig = spec.config(
        **{**options, "batch_size": _BATCH, "epochs": None, "steps": 20, "device": "cpu"}
    )
    split = _made_up(shapes)
    torch.manual_seed(seed)
    model: Model[Any] = load_implementation(spec.implementation).create(
        config, shapes, train_data=split
    )
    batches = Batches(
        split,
        batch_size=_BATCH,
        seed=seed,
        device=torch.device("cpu"),
        per_label=model.samples_per_label,
    )
    return Trainer(model, batches, total_steps=20, rng=torch.Generator().manual_seed(seed))


def _made_up(shapes: Shapes) -> Split:
    rng = np.random.default_rng(0)
    labels = np.arange(_IMAGES) % shapes.classes if shapes.classes else None
    if shapes.kind == "points":
        return PointSplit(rng.uniform(-0.9, 0.9, (_IMAGES, 2)).astype(np.float32), labels)
    # Smooth shapes on a dark ground rather than noise, and constant pixels at the border as real
    # digits have.
    images = np.zeros((_IMAGES, *shapes.size, shapes.channels), dtype=np.uint8)
    images[:, 2:-2, 2:-2] = rng.integers(
        0, 256, size=(_IMAGES, 1, 1, shapes.channels), dtype=np.uint8
    )
    return ImageSplit(images, labels)


def _check_networks(make: Callable[[], Trainer]) -> None:
    trainer = make()
    model, shapes = trainer.model, trainer.model.shapes
    z, y = (
        model.sample_latent(_BATCH, trainer.draws.rng),
        model.sample_labels(_BATCH, trainer.draws.rng),
    )
    if tuple(z.shape) != (_BATCH, model.latent.dimension):
        raise _MendError(
            f"sample_latent returned {tuple(z.shape)}, "
            f"but `latent` says {model.latent.dimension} dimensions"
        )
    samples = model.generate(z, y)
    expected = (_BATCH, *shapes.sample)
    form = "[N, C, H, W]" if shapes.kind == "images" else "[N, 2]"
    if tuple(samples.shape) != expected:
        raise _MendError(f"generate returned {tuple(samples.shape)}, not {form} = {expected}")
    if not torch.isfinite(samples).all():
        raise _MendError("generate returned values that are not finite")
    if shapes.kind == "images" and samples.abs().max() > 1 + 1e-5:
        raise _MendError(
            f"generate returned values up to {samples.abs().max():.3g}; "
            "images are in [-1, 1]: end with tanh"
        )
    if isinstance(model, GAN):
        real, labels = next(trainer.batches)
        for seen, asked in ((real, labels), (samples, y)):
            answer = model.discriminate(seen, asked)
            logits = answer[0] if isinstance(answer, tuple) else answer
            packs = (_BATCH // model.config.pack,)
            if tuple(logits.shape) != packs:
                raise _MendError(
                    f"judge returned logits {tuple(logits.shape)}, not [N] = {packs}: flatten them"
                )


def _check_turns(make: Callable[[], Trainer]) -> None:
    trainer = make()
    players = trainer.model.players()
    for step, turns in _games(trainer.model):
        if not turns:
            raise _MendError(f"turns returned none for step {step}; a step needs one at least")
        for turn in turns:
            if turn.player not in players:
                raise _MendError(
                    f"step {step} has a turn of {turn.player!r}, and players names "
                    f"{', '.join(players)} only"
                )
        if turns != trainer.model.turns(Progress(step, 0, epoch=step / 4, images=6 * step)):
            names = [(turn.player, turn.name) for turn in turns]
            again = trainer.model.turns(Progress(step, 0, epoch=step / 4, images=6 * step))
            if names != [(turn.player, turn.name) for turn in again]:
                raise _MendError(
                    "turns answers differently when it is asked again: make it a pure function of "
                    "progress, without random numbers"
                )


def _check_losses(make: Callable[[], Trainer]) -> None:
    trainer = make()
    model = trainer.model
    for turn, batch in _one_of_each(trainer):
        name = turn.name or f"the {turn.player}'s loss"
        given = {key: value.clone() for key, value in _tensors(batch).items()}
        weights = {key: value.clone() for key, value in model.named_parameters()}
        losses, evaluating = _loss_and_modes(trainer, turn, batch=batch)
        if not isinstance(losses, Losses):
            raise _MendError(
                f"{name} returned {type(losses).__name__}; return gantool.Losses(total, ...)"
            )
        if losses.total.ndim != 0:
            raise _MendError(
                f"{name} returned a total of shape {tuple(losses.total.shape)}; "
                "reduce it to a scalar"
            )
        if not torch.isfinite(losses.total):
            raise _MendError(f"{name} is {losses.total.item()} on the first batch")
        if evaluating:
            raise _MendError(
                f"{name} runs BatchNorm in evaluation mode; leave train() and eval() to the loop"
            )
        for key, value in _tensors(batch).items():
            if not torch.equal(given[key], value):
                raise _MendError(
                    f"{name} changes batch.{key} in place, and other turns see it too: "
                    "make a new tensor"
                )
        for key, value in model.named_parameters():
            if not torch.equal(weights[key], value):
                raise _MendError(
                    f"computing {name} changed {key}; weights move in the optimizers' steps only"
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


def _check_gradients(make: Callable[[], Trainer]) -> None:
    trainer = make()
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
                raise _MendError(
                    f"the {turn.player}'s loss sends gradients into the generator: "
                    "use batch.fake, which is detached for it"
                )
            if not torch.isfinite(gradient).all():
                raise _MendError(f"the {turn.player}'s loss has gradients that are not finite")
            reached.add(parameter)
    owned = {p for own in trainer.parameters.values() for p in own}
    lost = [names[p] for p in names if p.requires_grad and p not in owned]
    if lost:
        raise _MendError(
            f"{len(lost)} parameters belong to no player ({', '.join(lost[:3])}): "
            "name their module in players, or set requires_grad = False"
        )
    idle = [names[p] for p in owned if p.requires_grad and p not in reached]
    if idle:
        raise _MendError(
            f"{len(idle)} parameters ({', '.join(sorted(idle)[:3])}) "
            "get no gradient from any turn: "
            "is the graph cut (detach, no_grad), or are they unused?"
        )


def _check_training(make: Callable[[], Trainer]) -> None:
    trainer = make()
    before = copy.deepcopy(trainer.model.state_dict())
    for _ in range(3):
        for key, value in trainer.step().items():
            if not torch.isfinite(value):
                raise _MendError(f"{key} is {value.item()} at step {trainer.steps}")
    names = {parameter: key for key, parameter in trainer.model.named_parameters()}
    movers = {turn.player for _, turns in _games(trainer.model, steps=3) for turn in turns}
    for player in movers:
        keys = [names[p] for p in trainer.parameters[player]]
        after = trainer.model.state_dict()
        if keys and all(torch.equal(before[key], after[key]) for key in keys):
            raise _MendError(f"three steps did not move the {player}: is its learning rate 0?")


def _check_labels(make: Callable[[], Trainer]) -> None:
    trainer = make()
    model = trainer.model
    if not model.conditional or model.shapes.classes < 2:
        return
    _run(trainer, 3)
    z = model.sample_latent(_BATCH, trainer.draws.rng)
    with torch.no_grad():
        model.eval()
        drawn = [
            model.generate(z, torch.full((_BATCH,), label, dtype=torch.int64))
            for label in range(model.shapes.classes)
        ]
        model.train()
    if all(torch.equal(drawn[0], other) for other in drawn[1:]):
        raise _MendError(
            "the model says it is conditional, and generate draws the same for every label: use y"
        )


def _check_signs(make: Callable[[], Trainer]) -> None:
    """A turned sign: D learns to call fakes real, or G to be caught."""
    trainer = make()
    model = trainer.model
    if not isinstance(model, GAN):
        _check_approach(trainer)
        return
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
        first = better(model, held)
        for _ in range(_SHORT):
            batch = trainer.draws.take(turn, drawn=Drawn(), graph=player == GENERATOR)
            trainer.differentiate(player, trainer.loss(turn, batch))
            trainer.move(player)
        last = better(model, held)
        if last < first - 1e-3 * max(1.0, abs(first)):
            what = "D(x) - D(G(z))" if player == DISCRIMINATOR else "D(G(z))"
            raise _MendError(
                f"{what} falls from {first:.3g} to {last:.3g} while only the {player} learns: "
                f"turn the sign of the {player}'s loss"
            )


@torch.no_grad()
def _gap(model: GAN[Any], batch: Batch) -> float:
    """D(x) - D(G(z))."""
    return float(model.real_logits(batch).mean()) - _approval(model, batch)


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
    _run(trainer, 3 * _SHORT)
    last = distance()
    if last > 1.05 * first:
        raise _MendError(
            f"the samples move away from the data, from {first:.0f} to {last:.0f} in {3 * _SHORT} "
            "steps: turn the sign of the loss"
        )


def _check_determinism(make: Callable[[], Trainer]) -> None:
    first = _run(make(), 3)
    if _run(make(), 3) != first:
        raise _MendError(
            "two runs with one seed differ: draw random numbers from torch (or the given rng), "
            "not from elsewhere"
        )


def _check_resume(make: Callable[[], Trainer]) -> None:
    trainer = make()
    _run(trainer, 2)
    buffer = io.BytesIO()
    torch.save(trainer.state_dict(), buffer)
    buffer.seek(0)
    expected = _run(trainer, 3)
    other = make()
    torch.manual_seed(12345)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    if _run(other, 3) != expected:
        raise _MendError(
            "a saved and restored model goes on differently: keep state in buffers and parameters, "
            "and make turns and settings pure functions of progress"
        )


def _check_sampling(make: Callable[[], Trainer]) -> None:
    trainer = make()
    _run(trainer, 1)
    model, sample_grid = trainer.model, plan_sample_grid(trainer.model)
    random_state = torch.get_rng_state()
    before = copy.deepcopy(model.state_dict())
    first = generate_samples(model, sample_grid.latents, y=sample_grid.labels)
    torch.rand(1)
    second = generate_samples(model, sample_grid.latents, y=sample_grid.labels)
    torch.set_rng_state(random_state)
    if not (first == second).all():
        raise _MendError(
            "the same latents give other samples the second time, in evaluation mode: "
            "draw what is random as part of the latent"
        )
    after = model.state_dict()
    if any(not torch.equal(before[key], after[key]) for key in before):
        raise _MendError("sampling changed the model's state")
    if not model.training:
        raise _MendError("sampling changed the training mode")


_CHECKS: dict[str, Callable[[Callable[[], Trainer]], None]] = {
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
        yield step, model.turns(Progress(step, 0, epoch=step / 4, images=_BATCH * step))


def _one_of_each(trainer: Trainer) -> Iterator[tuple[Turn, Batch]]:
    """Each kind of turn once, with a batch such as the loop gives it."""
    seen: set[tuple[str, str, str]] = set()
    for _, turns in _games(trainer.model):
        drawn = Drawn()
        for turn in turns:
            makes = turn.player in trainer.makers
            batch = trainer.draws.take(turn, drawn=drawn, graph=True)
            if not makes and batch.fake is not None:
                batch = replace(batch, fake=batch.fake.detach())
            kind = (turn.player, turn.name, getattr(turn.loss, "__qualname__", repr(turn.loss)))
            if kind not in seen:
                seen.add(kind)
                yield turn, batch
                drawn.fake = None if makes else drawn.fake


def _tensors(batch: Batch) -> dict[str, torch.Tensor]:
    found = {"real": batch.real, "z": batch.z, "fake": batch.fake}
    return {key: value.detach() for key, value in found.items() if value is not None}


def _run(trainer: Trainer, steps: int) -> list[dict[str, float]]:
    return [{key: value.item() for key, value in trainer.step().items()} for _ in range(steps)]


def _moved(trainer: Trainer) -> list[Tensor]:
    """The parameters after two steps."""
    _run(trainer, 2)
    return [parameter.detach() for parameter in trainer.model.parameters()]


def _imports_torch(spec: ModelSpec) -> str:
    plugin = load_registry().plugin_of(spec.name)
    module = plugin.module.__name__
    script = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    if done.returncode == 0:
        return ""
    if done.stderr.strip():
        return f"import {module} fails: {done.stderr.strip().splitlines()[-1]}"
    return (
        f"import {module} imports torch; "
        "keep networks in another module, which `implementation` names"
    )


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error) or 'no message').splitlines()[0]}"
