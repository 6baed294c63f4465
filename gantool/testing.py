"""The conformance checks that a plugin's author runs.

`gantool check MODEL` runs them, or `check_model` in a test. Every check trains a few steps on the
CPU, on small made-up images, and a failure says what to mend.
"""

from __future__ import annotations

import copy
import io
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gantool.config import TrainConfig, resolve
from gantool.data.batches import Batches
from gantool.data.prepared import ImageSplit
from gantool.errors import ConfigError
from gantool.gan.base import GAN, Batch, Losses, Shapes
from gantool.plugins.registry import load_registry
from gantool.plugins.spec import ModelSpec, load_implementation
from gantool.sampling.generate import generate_pixels
from gantool.sampling.grid import plan_sample_grid
from gantool.training.trainer import Trainer

SIZES = (16, 28, 33, 64)
CHANNELS = (1, 3)
CLASSES = (0, 3)
_IMAGES = 24
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
    sizes: Sequence[int] = SIZES,
    channels: Sequence[int] = CHANNELS,
    classes: Sequence[int] = CLASSES,
    **options: Any,
) -> None:
    """Run every check on a registered model; for a plugin's own tests.

    Every combination of sizes, channels and classes is tried.

    Args:
        name: the model's name, as after `gantool run`.
        sizes: image sizes.
        channels: numbers of channels.
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
    sizes: Sequence[int] = SIZES,
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
    for size in sizes:
        for depth in channels:
            for count in classes:
                if spec.needs_labels and not count:
                    continue
                shapes = Shapes(size, depth, classes=count)
                outcomes = list(_on_shapes(spec, shapes, options=options))
                tried += 1
                refused += any(f.refused for f in outcomes)
                yield from outcomes
    if tried and tried == refused:
        yield CheckResult(
            "takes some data", problem="the model refuses every kind of data that was tried"
        )


def _on_shapes(spec: ModelSpec, shapes: Shapes, options: dict[str, Any]) -> Iterator[CheckResult]:
    where = f"{shapes.image_size} x {shapes.image_size} x {shapes.channels}, " + (
        f"{shapes.classes} classes" if shapes.classes else "no labels"
    )
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


def _trainer(spec: ModelSpec, shapes: Shapes, options: dict[str, Any], seed: int = 1) -> Trainer:
    config: TrainConfig = spec.config(
        **{**options, "batch_size": _BATCH, "epochs": None, "steps": 20, "device": "cpu"}
    )
    rng = np.random.default_rng(0)
    side = shapes.image_size
    # Smooth shapes on a dark ground rather than noise, and constant pixels at the border as real
    # digits have.
    images = np.zeros((_IMAGES, side, side, shapes.channels), dtype=np.uint8)
    images[:, 2:-2, 2:-2] = rng.integers(
        0, 256, size=(_IMAGES, 1, 1, shapes.channels), dtype=np.uint8
    )
    labels = np.arange(_IMAGES) % shapes.classes if shapes.classes else None
    torch.manual_seed(seed)
    split = ImageSplit(images, labels)
    gan: GAN[Any] = load_implementation(spec.implementation).create(
        config, shapes, train_data=split
    )
    batches = Batches(split, batch_size=_BATCH, seed=seed, device=torch.device("cpu"))
    return Trainer(gan, batches, total_steps=20, rng=torch.Generator().manual_seed(seed))


def _check_networks(make: Callable[[], Trainer]) -> None:
    trainer = make()
    gan, batch = trainer.gan, trainer.draw(with_graph=False)
    expected = (_BATCH, gan.shapes.channels, gan.shapes.image_size, gan.shapes.image_size)
    if tuple(batch.fake.shape) != expected:
        raise _MendError(
            f"generate returned {tuple(batch.fake.shape)}, not [N, C, H, W] = {expected}"
        )
    if not torch.isfinite(batch.fake).all():
        raise _MendError("generate returned values that are not finite")
    if batch.fake.abs().max() > 1 + 1e-5:
        raise _MendError(
            f"generate returned values up to {batch.fake.abs().max():.3g}; "
            "images are in [-1, 1]: end with tanh"
        )
    if tuple(batch.z.shape) != (_BATCH, gan.latent.dimension):
        raise _MendError(
            f"sample_latent returned {tuple(batch.z.shape)}, "
            f"but `latent` says {gan.latent.dimension} dimensions"
        )
    for images, labels in ((batch.real, batch.real_labels), (batch.fake, batch.fake_labels)):
        logits = gan.discriminate(images, labels)
        if tuple(logits.shape) != (_BATCH,):
            raise _MendError(
                f"discriminate returned {tuple(logits.shape)}, "
                f"not logits [N] = {(_BATCH,)}: flatten it"
            )


def _check_losses(make: Callable[[], Trainer]) -> None:
    trainer = make()
    batch = trainer.draw(with_graph=True)
    turn = trainer.for_discriminator(batch, detach=True)
    for name, loss, seen in (
        ("discriminator_loss", trainer.gan.discriminator_loss, turn),
        ("generator_loss", trainer.gan.generator_loss, batch),
    ):
        losses: Losses = loss(seen)
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


def _check_gradients(make: Callable[[], Trainer]) -> None:
    trainer = make()
    sets = {
        "discriminator": _parameters(trainer.optimizers.discriminator),
        "generator": _parameters(trainer.optimizers.generator),
    }
    if {id(p) for p in sets["discriminator"]} & {id(p) for p in sets["generator"]}:
        raise _MendError("both optimisers hold the same parameter; each is moved in one turn only")
    before = copy.deepcopy(trainer.gan.state_dict())
    turns: dict[str, Callable[[Batch], Losses]] = {
        "discriminator": trainer.gan.discriminator_loss,
        "generator": trainer.gan.generator_loss,
    }
    for player, loss in turns.items():
        batch = trainer.draw(with_graph=True)
        if player == "discriminator":
            batch = trainer.for_discriminator(batch, detach=True)
        total = loss(batch).total
        if player == "discriminator":
            stray = torch.autograd.grad(
                total, sets["generator"], retain_graph=True, allow_unused=True
            )
            if any(g is not None for g in stray):
                raise _MendError(
                    "discriminator_loss sends gradients into the generator: "
                    "use the detached batch.fake"
                )
        gradients = torch.autograd.grad(total, sets[player], allow_unused=True)
        missing = sum(g is None for g in gradients)
        if missing:
            raise _MendError(
                f"{missing} of the {len(gradients)} parameters that the {player}'s turn moves "
                f"get no gradient from {player}_loss: is the graph cut (detach, no_grad), "
                "or do they belong to the other optimiser?"
            )
        if not any(bool(g.abs().sum() > 0) for g in gradients if g is not None):
            raise _MendError(f"every gradient of {player}_loss is zero")
        if any(not bool(torch.isfinite(g).all()) for g in gradients if g is not None):
            raise _MendError(f"{player}_loss has gradients that are not finite")
    after = trainer.gan.state_dict()
    for player in ("discriminator", "generator"):
        for key, _ in getattr(trainer.gan, player).named_parameters(prefix=player):
            if not torch.equal(before[key], after[key]):
                raise _MendError(
                    f"computing the losses changed {key}; "
                    "weights move in the optimisers' steps only"
                )


def _check_training(make: Callable[[], Trainer]) -> None:
    trainer = make()
    before = copy.deepcopy(trainer.gan.state_dict())
    for _ in range(3):
        for key, value in trainer.step().items():
            if not torch.isfinite(value):
                raise _MendError(f"{key} is {value.item()} at step {trainer.steps}")
    after = trainer.gan.state_dict()
    for player in ("discriminator", "generator"):
        keys = [key for key, _ in getattr(trainer.gan, player).named_parameters(prefix=player)]
        if keys and all(torch.equal(before[key], after[key]) for key in keys):
            raise _MendError(
                f"three steps did not move the {player}: does optimizers() hold its parameters?"
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
    expected = _run(trainer, 2)
    other = make()
    torch.manual_seed(12345)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    if _run(other, 2) != expected:
        raise _MendError(
            "a saved and restored model goes on differently: keep state in buffers and "
            "parameters, and make schedule a pure function of progress"
        )


def _check_sampling(make: Callable[[], Trainer]) -> None:
    trainer = make()
    _run(trainer, 1)
    sample_grid = plan_sample_grid(trainer.gan)
    random_state = torch.get_rng_state()
    before = copy.deepcopy(trainer.gan.state_dict())
    first = generate_pixels(trainer.gan, sample_grid.latents, y=sample_grid.labels)
    second = generate_pixels(trainer.gan, sample_grid.latents, y=sample_grid.labels)
    if not (first == second).all():
        raise _MendError("the same latents give other images the second time, in evaluation mode")
    after = trainer.gan.state_dict()
    if any(not torch.equal(before[key], after[key]) for key in before):
        raise _MendError("sampling changed the model's state")
    if not torch.equal(random_state, torch.get_rng_state()) or not trainer.gan.training:
        raise _MendError("sampling changed the random state or the training mode")


_CHECKS: dict[str, Callable[[Callable[[], Trainer]], None]] = {
    "networks have the right shapes and range": _check_networks,
    "losses are finite scalars": _check_losses,
    "each loss moves its own network only": _check_gradients,
    "training moves both and stays finite": _check_training,
    "one seed, one result": _check_determinism,
    "saved, restored, resumed": _check_resume,
    "sampling repeats itself and changes nothing": _check_sampling,
}


def _run(trainer: Trainer, steps: int) -> list[dict[str, float]]:
    return [{key: value.item() for key, value in trainer.step().items()} for _ in range(steps)]


def _parameters(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


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
