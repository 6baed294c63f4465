"""Opening what a run has trained: its generator, on any machine, without its data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from

from gantool import checkpoints
from gantool.errors import ConfigError, GantoolError
from gantool.gan import GAN, Shapes
from gantool.plugins import Registry
from gantool.runs import RunFolder, RunRecord
from gantool.spec import ModelSpec, load_implementation


@dataclass(frozen=True, slots=True)
class Trained:
    """A model with trained weights in its generator, in evaluation mode; its discriminator is as it was built.

    Attributes:
        gan: draws with `generate`.
        step: that the generator was trained for.
        averaged: whether its weights are averaged ones.
    """

    gan: GAN
    step: int
    averaged: bool


def spec_of(record: RunRecord, registry: Registry) -> ModelSpec:
    """The description of a run's model.

    Raises:
        ConfigError: the distribution that brings it is not installed, or broken.
    """
    maker = record.plugin.get("distribution")
    if maker and record.model not in registry.models and all(p.distribution != maker for p in registry.plugins):
        raise ConfigError(
            f"{record.name} is a run of {record.model}, a model of {maker} {record.plugin.get('version', '')}, "
            "which is not installed.",
            f"Install it: `pip install {maker}`.",
        )
    return registry.model(record.model)


def open_trained(folder: RunFolder, registry: Registry, device: torch.device) -> Trained:
    """Open the generator of a finished run, or that of the newest sound state of one that is not.

    Raises:
        ConfigError: the model's plugin is missing.
        GantoolError: the run has no generator yet, or its files do not fit its record.
    """
    record = folder.read()
    gan = _build(folder, record, registry)
    if folder.generator_file.is_file():
        state, about = _read_generator(folder)
        step, averaged = int(about.get("step", record.steps)), bool(about.get("averaged"))
    else:
        state, step, averaged = _newest_state(folder)
    try:
        gan.generator.load_state_dict(state)
    except RuntimeError as error:
        raise GantoolError(
            f"{folder.path}: its generator is of other networks than its record says: {str(error).splitlines()[0]}",
            "Install the version of the plugin that made the run.",
        ) from None
    return Trained(gan.to(device).eval(), step, averaged)


def _build(folder: RunFolder, record: RunRecord, registry: Registry) -> GAN:
    spec = spec_of(record, registry)
    try:
        config = spec.config(**record.config)
        shapes = Shapes(
            int(record.data["image_size"]), int(record.data["channels"]), len(record.data.get("classes", ()))
        )
    except (ValueError, KeyError, TypeError) as error:
        raise GantoolError(f"{folder.record_file}: its configuration does not fit {record.model}: {error}") from None
    implementation: type[GAN] = load_implementation(spec.implementation)
    return implementation.create(config, shapes)


def _read_generator(folder: RunFolder) -> tuple[Mapping[str, Any], dict[str, Any]]:
    content = folder.generator_file.read_bytes()
    try:
        tensors = tensors_from(content)
        length = int.from_bytes(content[:8], "little")
        about = json.loads(json.loads(content[8 : 8 + length]).get("__metadata__", {}).get("gantool", "{}"))
    except (SafetensorError, ValueError) as error:
        raise GantoolError(
            f"{folder.generator_file} is damaged: {error}",
            f"Bring it back from a copy, or remove it and `gantool resume {folder.path}`.",
        ) from None
    return tensors, about if isinstance(about, dict) else {}


def _newest_state(folder: RunFolder) -> tuple[Mapping[str, Any], int, bool]:
    for path in checkpoints.newest_first(folder.checkpoints):
        try:
            state = checkpoints.load(path)
        except checkpoints.DamagedCheckpointError:
            continue
        averaged = state.get("ema") is not None
        source, prefix = (state["ema"], "module.") if averaged else (state["gan"], "generator.")
        tensors = {key.removeprefix(prefix): value for key, value in source.items() if key.startswith(prefix)}
        return tensors, int(state["steps"]), averaged
    raise GantoolError(
        f"{folder.path} has no generator yet: neither generator.safetensors nor a sound state in checkpoints.",
        f"Train it first: gantool resume {folder.path}",
    )
