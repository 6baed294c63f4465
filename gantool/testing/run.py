"""All checks of a model, on all kinds of data."""

from __future__ import annotations

import contextlib
import functools
import itertools
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from gantool.config import GANConfig, resolve
from gantool.errors import ConfigError
from gantool.gan.shapes import Shapes
from gantool.plugins.registry import load_registry
from gantool.plugins.spec import ModelSpec
from gantool.testing.checks import CHECKS, MendError
from gantool.testing.results import AuthorsCode, CheckResult, faults_in
from gantool.testing.subject import BATCH, IMAGES, Subject, play
from gantool.training.trainer import Trainer

SIZES = (16, 28, 33, 64, (16, 24))
CHANNELS = (1, 3)
CLASSES = (0, 3)
# Of each option of the game values that a GAN is tried with.
_CHANGED: dict[str, tuple[Any, ...]] = {
    "loss": ("least-squares", "hinge"),
    "penalty": ("r1", "gp", "none"),
    "spectral_norm": (True, False),
    "discriminator_steps": (2, 3),
    "generator_batch": ("fresh", "reuse"),
    "pack": (2, 1),
    "augment": ("diff", "none"),
    "discriminator_lr": (0.05, 0.1),
    "update": ("simultaneous", "alternating"),
}
_HONOURED = "options of the game are honoured"


def check_model(
    name: str,
    *,
    sizes: Sequence[int | tuple[int, int]] = SIZES,
    channels: Sequence[int] = CHANNELS,
    classes: Sequence[int] = CLASSES,
    **options: Any,
) -> None:
    """Run every check on a registered model; for a plugin's own tests.

    Every combination of square sizes, channels and classes is tried, on one thread unless
    `threads` says otherwise: small networks are slower on several.

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
    faults = faults_in(results)
    if faults:
        failed = sum(fault.times for fault in faults)
        lines = "\n".join(f"- {fault}" for fault in faults)
        raise AssertionError(f"{name} fails {failed} of {len(results)} checks:\n{lines}")


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
        flags={**options, "batch_size": BATCH, "steps": 20},
    )
    with _on_threads(options.get("threads") or 1):
        module = load_registry().plugin_of(spec.name).module.__name__
        yield CheckResult("starts without torch", problem=_imports_torch(module))
        kinds = _data_of(spec, sizes=sizes, channels=channels, classes=classes)
        yield from _on_all(spec, kinds, options=options)


def _on_all(
    spec: ModelSpec, kinds: Iterator[Shapes], *, options: dict[str, Any]
) -> Iterator[CheckResult]:
    tried = refused = 0
    unlabeled: Subject | None = None
    for shapes in kinds:
        # As a run has them: defaults that follow the data, and what is given.
        chosen = {**spec.defaults_on(shapes.kind), **options}
        if shapes.kind == "images":
            chosen = {**spec.defaults_on_images(IMAGES, spec.config(**chosen)), **chosen}
        twin = None
        if unlabeled is not None and replace(shapes, classes=0) == unlabeled.shapes:
            twin = unlabeled
        subject = Subject(spec, shapes, options=chosen, twin=twin)
        unlabeled = unlabeled if shapes.classes else subject
        outcomes = list(_on_shapes(subject))
        if tried == refused and not any(f.refused or f.problem for f in outcomes):
            outcomes += _options_matter(subject)
        tried += 1
        refused += any(f.refused for f in outcomes)
        yield from outcomes
    if tried and tried == refused:
        yield CheckResult(
            "takes some data", problem="the model refuses every kind of data that was tried"
        )


@contextlib.contextmanager
def _on_threads(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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


def _on_shapes(subject: Subject) -> Iterator[CheckResult]:
    where, code = subject.where, AuthorsCode(subject.spec.implementation)
    try:
        _ = subject.still  # builds it
    except ConfigError as error:
        yield CheckResult("builds", where, refused=error.message)
        return
    except Exception as error:
        yield CheckResult(
            "builds",
            where,
            problem=f"build or initialize raised {_short(error)}; derive layers from `shapes`",
            place=code.line_of(error),
        )
        return
    for name, check in CHECKS.items():
        try:
            check(subject)
        except MendError as error:
            place = "" if error.function is None else code.line_where(error.function)
            yield CheckResult(name, where, problem=str(error), place=place)
        except Exception as error:
            problem = f"raised {_short(error)}"
            yield CheckResult(name, where, problem=problem, place=code.line_of(error))
        else:
            yield CheckResult(name, where)
            continue
        subject.forget()


def _options_matter(subject: Subject) -> list[CheckResult]:
    """Each option of the game must change what two steps do: options are refused, not ignored.

    Every value is tried, and none may raise.
    """
    config = subject.spec.config
    if not issubclass(config, GANConfig):
        return [CheckResult(_HONOURED)]
    code = AuthorsCode(subject.spec.implementation)
    faults = []
    usual = _moved(subject.make())
    for option, values in _CHANGED.items():
        if option not in config.model_fields:
            continue
        default = subject.options.get(option, config.model_fields[option].default)
        problem = place = ""
        changes: dict[Any, bool] = {}
        for value in values:
            if value == default:
                continue
            try:
                moved = _moved(subject.make(**{option: value}))
            except (ConfigError, ValidationError):
                continue  # refused, with a reason
            except Exception as error:
                problem, place = f"{value} raises {_short(error)}", code.line_of(error)
                break
            changes[value] = not all(map(torch.equal, moved, usual))
        # One value that changes something is enough: with small logits the hinge is Wasserstein's.
        if changes and not any(changes.values()) and not problem:
            problem = f"{next(iter(changes))} changes nothing"
        if problem:
            problem = (
                f"--{option.replace('_', '-')} {problem}: let the turns honour it, or name it in "
                "`fixed` of the configuration, which refuses it"
            )
            faults.append(CheckResult(_HONOURED, problem=problem, place=place))
    return faults or [CheckResult(_HONOURED)]


def _moved(trainer: Trainer) -> list[Tensor]:
    """The parameters after two steps."""
    play(trainer, 2)
    return [parameter.detach() for parameter in trainer.model.parameters()]


@functools.cache
def _imports_torch(module: str) -> str:
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
