"""The arithmetic that a run would do best in, in a word at its start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gantool.gan.base import Model
from gantool.machine.device import bf16_instructions

# Multiply-adds of the generator on one batch: docs/performance.md has what was measured.
_WORTH = 10**8


def advice(
    model: Model[Any], device: torch.device, *, batch_size: int, sources: Mapping[str, str]
) -> str | None:
    """A line on bf16 where it is slow, or would be a gain that was not decided against.

    Args:
        model: as it will be trained.
        device: to train on.
        batch_size: of a step.
        sources: of the run's options.
    """
    there = bf16_instructions(device)
    if model.config.precision == "bf16":
        if there is False:
            return (
                "this CPU has no bf16 instructions: --precision bf16 will be slower here than fp32."
            )
        return None
    if (
        there
        and sources.get("precision") == "default"
        and not model.config.compile  # for one sample it would be compiled once more
        and batch_size * multiply_adds(model) >= _WORTH
    ):
        return (
            "this CPU has bf16 instructions: --precision bf16 would save about a third of the time."
        )
    return None


def multiply_adds(model: Model[Any]) -> int:
    """Multiply-adds of linear and convolutional layers while one sample is generated.

    Torch's own counter, with which scoring counts, imports Triton: too slow for a run's start.
    The model, its mode and the random generators stay as they are.
    """
    counted = 0

    def count(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal counted
        # Each weight is used once at each place, of the input where a transposed layer spreads it.
        places = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
        channels = places.shape[-1 if isinstance(layer, nn.Linear) else 1]
        counted += layer.weight.numel() * places.numel() // channels

    hooks = [
        layer.register_forward_hook(count)
        for layer in model.modules()
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d))
    ]
    training = {module: module.training for module in model.modules()}
    z, y = model.example(1)
    try:
        model.eval()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            model.generate(z, y)
    finally:
        for module, mode in training.items():
            module.training = mode
        for hook in hooks:
            hook.remove()
    return counted
