"""Opening a run's trained generator, on any machine, without its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from torch import Tensor

from gantool.config import TrainConfig
from gantool.data.load import load
from gantool.data.prepared import Prepared
from gantool.display import OnProgress
from gantool.errors import ConfigError, GantoolError
from gantool.gan.base import GAN, Model
from gantool.gan.game import DISCRIMINATOR
from gantool.gan.shapes import Shapes
from gantool.plugins.registry import Registry
from gantool.plugins.spec import ModelSpec, load_implementation
from gantool.runs import checkpoints
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord

Step = int | Literal["best"]  # of a generator that was kept


@dataclass(frozen=True, slots=True)
class Trained:
    """A model with trained weights in its generator, in evaluation mode.

    Attributes:
        model: draws with `generate`.
        step: that the generator was trained for.
        averaged: whether its weights are averaged ones.
        judged: whether its discriminator has the trained weights of that step, which are looked
            for where it can be shown (on points); else they are those it was built with.
    """

    model: Model[Any]
    step: int
    averaged: bool
    judged: bool = False


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of a run.

    Attributes:
        run: its name.
        tensors: on the CPU, by their names in the model; averaged ones where the run averages.
        step: that they were trained for.
        averaged: whether those that samples are drawn with are averaged ones.
        whole: whether all networks are there, and not those alone that samples are drawn with.
    """

    run: str
    tensors: dict[str, Tensor]
    step: int
    averaged: bool
    whole: bool


def refuse_samples(record: RunRecord) -> None:
    """Raise `ConfigError` if a record is of samples from elsewhere, which have no networks."""
    if record.origin is not None:
        raise ConfigError(
            f"{record.name} is no run, but samples that another program drew: there are no "
            "networks to draw from or to train.",
            f"They can be compared and scored; the samples themselves are in {record.origin.path}.",
        )


def spec_of(record: RunRecord, registry: Registry) -> ModelSpec:
    """The description of a run's model.

    Raises:
        ConfigError: the distribution that brings it is not installed, or broken; or there are but
            samples from elsewhere.
    """
    refuse_samples(record)
    maker = record.plugin.get("distribution")
    if (
        maker
        and record.model not in registry.models
        and all(p.distribution != maker for p in registry.plugins)
    ):
        version = record.plugin.get("version", "")
        raise ConfigError(
            f"{record.name} is a run of {record.model}, a model of {maker} {version}, "
            "which is not installed.",
            f"Install it: `pip install {maker}`.",
        )
    return registry.model(record.model)


def open_trained(
    folder: RunFolder, registry: Registry, *, device: torch.device, at: Step | None = None
) -> Trained:
    """Open a run's generator: the final one, else that of the newest sound state.

    With `at`, it is the generator of that step, if it was kept, or the best (`--keep-best`).

    Raises:
        ConfigError: the model's plugin is missing, or no generator of that step is kept.
        GantoolError: the run has no generator yet, or its files do not fit its record.
    """
    record = folder.read()
    model = _build(folder, record, registry=registry)
    state, step, averaged = _state(folder, record, at=at)
    try:
        for name in model.keeps:
            getattr(model, name).load_state_dict(_part(state, f"{name}."))
    except RuntimeError as error:
        detail = str(error).splitlines()[0]
        raise GantoolError(
            f"{folder.path}: its generator is of other networks than its record says: {detail}",
            "Install the version of the plugin that made the run.",
        ) from None
    judged = model.shapes.kind == "points" and _take_discriminator(folder, model, step)
    return Trained(model.to(device).eval(), step=step, averaged=averaged, judged=judged)


def open_data(
    folder: RunFolder,
    config: TrainConfig,
    registry: Registry,
    *,
    progress: OnProgress = lambda done, total: None,
) -> Prepared:
    """The data that a run was trained on.

    Args:
        folder: the run's.
        config: the run's, with another `data_dir` where the data has moved.
        registry: the data sets there are.
        progress: told of images prepared.

    Raises:
        ConfigError: the data is another today.
        GantoolError: it cannot be had.
    """
    data = load(config, registry, progress=progress)
    if data.fingerprint != folder.read().data.get("fingerprint"):
        raise ConfigError(
            f"{folder.path} was trained on other {data.kind} than {data.name} has now.",
            f"Bring the data back as it was; what other {data.kind} give would not be the run's.",
        )
    return data


def _take_discriminator(folder: RunFolder, model: Model[Any], step: int) -> bool:
    """Load the discriminator of a step, if the state of that step is still there and sound."""
    state = folder.states().get(step)
    if not isinstance(model, GAN) or state is None:
        return False
    try:
        weights = _part(checkpoints.load(state)["model"], f"{DISCRIMINATOR}.")
        model.discriminator.load_state_dict(weights)
    except (checkpoints.DamagedCheckpointError, KeyError, AttributeError, RuntimeError):
        return False
    return True


def weights_of(folder: RunFolder, record: RunRecord) -> Weights:
    """The weights of all networks in a run's newest sound state, else of its final generator.

    Raises:
        GantoolError: it has neither, or they are damaged.
    """
    whole = True
    try:
        state, step, averaged = _newest_state(folder)
    except GantoolError:
        if not folder.generator_file.is_file():
            raise
        state, about = _read_generator(folder.generator_file)
        step, averaged = int(about.get("step", record.steps)), bool(about.get("averaged"))
        whole = False
    tensors = {name: tensor for name, tensor in state.items() if isinstance(tensor, Tensor)}
    return Weights(record.name, tensors, step, averaged, whole)


def _state(
    folder: RunFolder, record: RunRecord, *, at: Step | None
) -> tuple[Mapping[str, Any], int, bool]:
    if at == "best":
        if not folder.best_file.is_file():
            raise ConfigError(
                f"{folder.path} keeps no best generator.",
                "`gantool run ... --evaluate-every N --keep-best SCORE` keeps one.",
            )
        state, about = _read_generator(folder.best_file)
        return state, int(about.get("step", record.steps)), bool(about.get("averaged"))
    final = folder.generator_file
    if final.is_file():
        state, about = _read_generator(final)
        step, averaged = int(about.get("step", record.steps)), bool(about.get("averaged"))
        if at == step or (at is None and step >= record.steps):
            return state, step, averaged
        if at is None:  # the run was extended and has not finished again
            newer = any(saved > step for saved in folder.states())
            return _newest_state(folder) if newer else (state, step, averaged)
    if at is None:
        return _newest_state(folder)
    kept = folder.generators()
    if at in kept:
        state, about = _read_generator(kept[at])
        return state, at, bool(about.get("averaged"))
    states = folder.states()
    if at in states:
        return _from_state(states[at])
    known = sorted({*kept, *states, *([record.steps] if final.is_file() else [])})
    raise ConfigError(
        f"{folder.path} has no generator of step {at}.",
        f"Kept are those of steps {', '.join(map(str, known)) or 'none'}; "
        "`--keep-generators-every N` keeps more.",
    )


def _build(folder: RunFolder, record: RunRecord, *, registry: Registry) -> Model[Any]:
    spec = spec_of(record, registry)
    try:
        config = spec.config(**record.config)
        shapes = Shapes.recorded(record.data)
    except (ValueError, KeyError, TypeError) as error:
        raise GantoolError(
            f"{folder.record_file}: its configuration does not fit {record.model}: {error}"
        ) from None
    implementation: type[Model[Any]] = load_implementation(spec.implementation)
    return implementation.create(config, shapes)


def _read_generator(file: Path) -> tuple[Mapping[str, Any], dict[str, Any]]:
    try:
        tensors, about = checkpoints.weights_from_bytes(file.read_bytes())
    except (OSError, SafetensorError, ValueError, RecursionError) as error:
        raise GantoolError(
            f"{file} is damaged: {error}", "Bring it back from a copy, or train the run again."
        ) from None
    if "networks" not in about:  # the generator alone, whose names stand by themselves
        tensors = {f"generator.{key}": tensor for key, tensor in tensors.items()}
    return tensors, about


def _part(tensors: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The tensors whose names begin so, without that beginning."""
    return {k.removeprefix(prefix): tensor for k, tensor in tensors.items() if k.startswith(prefix)}


def _newest_state(folder: RunFolder) -> tuple[Mapping[str, Any], int, bool]:
    for path in reversed(folder.states().values()):
        try:
            return _from_state(path)
        except GantoolError:
            continue
    raise GantoolError(
        f"{folder.path} has no generator yet: "
        "neither generator.safetensors nor a sound state in checkpoints.",
        f"Train it first: gantool resume {folder.path}",
    )


def _from_state(path: Path) -> tuple[Mapping[str, Any], int, bool]:
    try:
        state = checkpoints.load(path)
        tensors, averaged = dict(state["model"]), bool(state["averages"])
        for name, average in state["averages"].items():
            found = _part(average, "module.")
            tensors |= {f"{name}.{key}": tensor for key, tensor in found.items()}
        return tensors, int(state["steps"]), averaged
    except (
        checkpoints.DamagedCheckpointError,
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
    ) as error:
        raise GantoolError(f"{path} cannot be used: {error}", "Use another step (--at).") from None
