"""The origin of a run, for its record: data, networks, plugin, versions, machine."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

import torch

from gantool.data.order import order_kind
from gantool.data.prepared import Prepared
from gantool.gan.base import Model
from gantool.machine import distributed
from gantool.machine.device import describe_machine
from gantool.plugins.registry import Registry
from gantool.plugins.spec import ModelSpec
from gantool.runs.records import RunRecord, own_objective


def describe(
    model: Model[Any],
    data: Prepared,
    *,
    registry: Registry,
    spec: ModelSpec,
    device: torch.device,
) -> dict[str, Any]:
    """The parts of run.json that tell a run's origin."""
    return {
        "data": {
            **data.describe(),
            "shares": model.shapes.shares if model.conditional else None,
            "order": order_kind(data.train),
        },
        "latent": model.latent.describe(),
        "networks": {
            name: sum(parameter.numel() for parameter in network.parameters())
            for name, network in model.named_children()
            if any(True for _ in network.parameters())
        },
        "plugin": _plugin(registry, spec),
        "environment": {**_environment(device), **distributed.describe(model)},
        "d_scale": model.d_scale,
        "objective": _objective(model, registry, spec=spec),
    }


def changes(then: RunRecord, now: dict[str, Any]) -> list[str]:
    """The differences, in words, between a run's record and today that would change its metrics."""
    found = []
    if then.data.get("fingerprint") != now["data"]["fingerprint"]:
        found.append("the data")
    if then.data.get("order", "permutation") != now["data"]["order"]:
        found.append("the order of the images in an epoch")
    versions = then.environment.get("versions", {})
    pairs = [
        (name, versions.get(name), version)
        for name, version in now["environment"]["versions"].items()
    ]
    for key in ("distribution", "version"):
        pairs.append((f"plugin's {key}", then.plugin.get(key), now["plugin"][key]))
    return found + [f"{name} ({old} then, {new} now)" for name, old, new in pairs if old != new]


def machine_changes(then: RunRecord, now: dict[str, Any]) -> list[str]:
    """The differences of the machine, in words, that change metrics by rounding only."""
    usual = {"processes": 1}
    pairs = [
        (
            key,
            *(
                environment.get(key, usual.get(key))
                for environment in (then.environment, now["environment"])
            ),
        )
        for key in ("device", "threads", "processes")
    ]
    return [f"{key} ({old} then, {new} now)" for key, old, new in pairs if old != new]


def _plugin(registry: Registry, spec: ModelSpec) -> dict[str, str]:
    plugin = registry.plugin_of(spec.name)
    return {"distribution": plugin.distribution, "version": plugin.version}


def _objective(model: Model[Any], registry: Registry, *, spec: ModelSpec) -> dict[str, str] | None:
    """The objective, or None where the model has one of its own and does not say which."""
    if "loss" in spec.config.model_fields:
        piece = registry.piece("objective", model.config.loss)
        formula = "; ".join(filter(None, (piece.formula, spec.formula)))
        return {"name": piece.name, "formula": formula, "source": piece.paper}
    if not spec.formula:
        return None
    return {"name": own_objective(spec.name), "formula": spec.formula, "source": spec.paper}


def _environment(device: torch.device) -> dict[str, Any]:
    packages = ("gantool", "torch", "torchvision", "numpy", "pillow")
    return {
        "versions": {
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in packages},
        },
        **describe_machine(device),
    }
