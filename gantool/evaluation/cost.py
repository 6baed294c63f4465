"""The cost of drawing samples: multiply-adds of one, and how many a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from gantool.machine.device import describe_machine


def multiply_adds(draw: Callable[[], object], network: nn.Module) -> int | None:
    """Multiply-adds of a function, half of the floating-point operations that torch counts.

    Those of matrix products, convolutions and attention count; normalization, activations,
    resampling and all else that works on each element do not. It is None where torch cannot count.

    Args:
        draw: the function.
        network: that it draws with.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode  # Triton, which training does without

    counter = FlopCounterMode(display=False)
    try:
        # The counter does not know a CPU's fused attention, but the products that it is made of.
        with _without_gradients(network), counter, sdpa_kernel(SDPBackend.MATH):
            draw()
    except Exception:  # a plugin's model may do what the counter cannot follow
        return None
    return counter.get_total_flops() // 2


@contextmanager
def _without_gradients(network: nn.Module) -> Iterator[None]:
    """Torch's counter looks for the graph of parameters that enter a module, as parametrized do."""
    wanting = [parameter for parameter in network.parameters() if parameter.requires_grad]
    try:
        network.requires_grad_(False)
        yield
    finally:
        for parameter in wanting:
            parameter.requires_grad_()


def cost_of_drawing(
    draw_one: Callable[[], object],
    network: nn.Module,
    *,
    samples: int,
    seconds: float,
    device: torch.device,
) -> dict[str, Any]:
    """The cost of drawing as run.json holds it.

    Args:
        draw_one: draws one sample.
        network: that it is drawn with.
        samples: the number that were drawn.
        seconds: that it took, on this machine.
        device: that they were drawn on.
    """
    return {
        "multiply_adds": multiply_adds(draw_one, network),
        "samples": samples,
        "seconds": round(seconds, 4),
        "samples_per_second": round(samples / max(seconds, 1e-9), 1),
        **describe_machine(device),
    }
