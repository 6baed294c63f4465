"""Games on two devices from one beginning, for the tests of accelerators.

`GANTOOL_GPU_TESTS_ON=cpu` runs those tests with the CPU in the accelerator's place, as far as that
means anything: so mistakes in the tests themselves are found where there is no accelerator.
"""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from gantool.data.load import load
from gantool.data.prepared import Prepared
from gantool.models.dcgan import Config
from gantool.plugins.registry import load_registry
from gantool.training.setup import build
from gantool.training.trainer import Trainer

NAME = os.environ.get("GANTOOL_GPU_TESTS_ON", "cuda")
ACCELERATOR, CPU = torch.device(NAME), torch.device("cpu")
THERE = NAME != "cuda" or torch.cuda.is_available()

BATCH = 8
_NARROW = {"ngf": 8, "ndf": 8, "filters": 4, "width": 8, "nz": 16, "mapping_layers": 2}
# Widths that other layers divide.
_OWN: dict[str, dict[str, Any]] = {"began": {"filters": 8}, "r3gan-full": {"ngf": 16, "ndf": 16}}
Figures = list[dict[str, float]]


def trainer_on(
    device: torch.device,
    model: str,
    *,
    data: str = "mnist5k",
    dtype: torch.dtype = torch.float32,
    preset: str | None = None,
    **options: Any,
) -> Trainer:
    """A narrow model before its first step: the same weights and draws on every device."""
    registry = load_registry()
    spec = registry.models[model]
    narrow = {
        name: value
        for name, value in {**_NARROW, **_OWN.get(model, {})}.items()
        if name in spec.config.model_fields
    }
    overlay = {} if preset is None else spec.presets[preset]
    own = {"data": data, "batch_size": BATCH, "epochs": None, "steps": 100}
    usual = spec.defaults_on(registry.datasets[data].kind)
    config = spec.config(**{**usual, **overlay, **narrow, **own, **options})
    made = build(config, _data(data), spec=spec, device=device)
    if dtype == torch.float32:
        return made
    rng = torch.Generator().manual_seed(config.seed)
    return Trainer(made.model.to(dtype), made.batches, total_steps=100, rng=rng)


@functools.cache
def _data(name: str) -> Prepared:
    return load(Config(data=name), load_registry())


def play(trainer: Trainer, steps: int) -> Figures:
    """The figures of so many steps."""
    return [{name: value.item() for name, value in trainer.step().items()} for _ in range(steps)]


def through_a_file(state: Mapping[str, Any]) -> Any:
    """A state as a resumed run finds it."""
    content = io.BytesIO()
    torch.save(state, content)
    content.seek(0)
    return torch.load(content, map_location="cpu", weights_only=True)


class DrawnOnTheCPU(TorchFunctionMode):
    """Random numbers inside losses come from the CPU's generator, whatever device asks for them."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        like = {torch.rand_like: torch.rand, torch.randn_like: torch.randn}
        if func in like:
            x = args[0]
            return like[func](x.shape, dtype=x.dtype).to(x.device)
        if func in (torch.rand, torch.randn, torch.randint) and "generator" not in given:
            device = given.pop("device", None)
            return func(*args, **given).to(device or CPU)
        if func is torch.nn.functional.dropout:
            return _dropout(*args, **given)
        return func(*args, **given)


def _dropout(
    x: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> torch.Tensor:
    if not training:
        return x
    return x * (torch.rand(x.shape) >= p).to(x) / (1 - p)


def on_both(game: Callable[[torch.device], Figures]) -> tuple[Figures, Figures]:
    """The figures of a game on the CPU and on the accelerator, with one source of draws."""
    with DrawnOnTheCPU():
        return game(CPU), game(ACCELERATOR)
