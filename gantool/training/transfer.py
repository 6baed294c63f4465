"""Beginning with the weights of a trained run: transfer learning, or fine-tuning."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gantool.errors import ConfigError, GantoolError
from gantool.gan.base import Model
from gantool.plugins.pretrained import run_at
from gantool.runs.folder import RunFolder
from gantool.sampling.trained import Weights, refuse_samples, weights_of

_NAMED = 4  # tensors that a message names


def open_weights(path: Path, *, model: str) -> Weights:
    """The weights of a run of the model of this name.

    Raises:
        ConfigError: it is no run, or one of another model; or no such pretrained generator.
        GantoolError: it has no weights, or they are damaged or not finite.
    """
    folder = RunFolder.open(run_at(path))
    record = folder.read()
    refuse_samples(record)
    if record.model != model:
        raise ConfigError(
            f"--from {path}: it is a run of {record.model}, not of {model}.",
            f"Name a run of {model}, or use `gantool run {record.model}`.",
        )
    weights = weights_of(folder, record)
    broken = [
        name
        for name, tensor in weights.tensors.items()
        if tensor.is_floating_point() and not tensor.isfinite().all()
    ]
    if broken:
        raise GantoolError(
            f"--from {path}: its weights are not finite any more ({', '.join(broken[:_NAMED])}).",
            "Begin from another run, or train that one again so that it does not diverge.",
        )
    return weights


def take_over(model: Model[Any], weights: Weights) -> None:
    """Copy the weights whose names and shapes agree into a new model; the rest stays as it is.

    Raises:
        ConfigError: no parameter fits.
    """
    own = _weights_in(model)
    fitting = _fitting(own, weights.tensors)
    if not any(name in fitting for name, _ in model.named_parameters()):
        raise ConfigError(
            f"--from {weights.run}: none of its weights fits these networks.",
            "Give options and data with which the networks are the same, as its run.json has them.",
        )
    with torch.no_grad():
        for name in fitting:
            own[name].copy_(weights.tensors[name])


def describe(model: Model[Any], weights: Weights) -> dict[str, Any]:
    """The beginning of a run as run.json records it; `as_new` lists what did not fit."""
    own = _weights_in(model)
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    taken = _fitting(own, weights.tensors)
    return {
        "run": weights.run,
        "step": weights.step,
        "averaged": weights.averaged,
        "sha256": digest(weights),
        "parameters": sum(size for name, size in sizes.items() if name in taken),
        "of": sum(sizes.values()),
        "as_new": _misfits(own, weights.tensors),
        "left_out": sorted(weights.tensors.keys() - model.state_dict().keys()),
    }


def in_words(begun_from: Mapping[str, Any]) -> list[str]:
    """Sentences for the user on what `describe` says."""
    averaged = ", averaged" if begun_from["averaged"] else ""
    lines = [
        f"begins with {begun_from['parameters']:,} of {begun_from['of']:,} parameters from "
        f"{begun_from['run']} (step {begun_from['step']:,}{averaged})."
    ]
    for words, names in (
        ("as new", begun_from["as_new"]),
        ("left out", begun_from["left_out"]),
    ):
        if names:
            rest = len(names) - _NAMED
            more = f"; and {rest} more, which run.json lists" if rest > 0 else ""
            lines.append(f"{words}: {'; '.join(names[:_NAMED])}{more}.")
    return lines


def digest(weights: Weights) -> str:
    """SHA-256 of names, types, shapes and values: the same for equal weights of any file."""
    found = hashlib.sha256()
    for name in sorted(weights.tensors):
        tensor = weights.tensors[name]
        found.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        found.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _weights_in(model: Model[Any]) -> dict[str, Tensor]:
    """The parameters, and the buffers of networks (BatchNorm's statistics), by name.

    Other buffers are the state of the game itself, which begins anew.
    """
    networks = {
        name for name, network in model.named_children() if any(True for _ in network.parameters())
    }
    parameters = {name for name, _ in model.named_parameters()}
    return {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name in parameters or name.split(".")[0] in networks
    }


def _fitting(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> set[str]:
    return {
        name for name, tensor in own.items() if name in given and given[name].shape == tensor.shape
    }


def _misfits(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    """The weights that do not fit, with the reason; a network that is not there at all is one."""
    networks = {name.split(".")[0] for name in given}
    found: dict[str, None] = {}
    for name, tensor in own.items():
        network = name.split(".")[0]
        if network not in networks:
            found[f"{network} (not kept there)"] = None
        elif name not in given:
            found[f"{name} (not there)"] = None
        elif given[name].shape != tensor.shape:
            there_and_here = f"{list(given[name].shape)} there, {list(tensor.shape)} here"
            found[f"{name} ({there_and_here})"] = None
    return list(found)
