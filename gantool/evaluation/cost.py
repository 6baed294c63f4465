"""The cost of drawing samples: multiply-adds of one, and how many a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from gantool.machine.device import describe_machine


def multiply_adds(draw: Callable[[], object]) -> int | None:
    """Multiply-adds of a function, half of the floating-point operations that torch counts.

    Those of matrix products, convolutions and attention count; normalization, activations,
    resampling and all else that works on each element do not. It is None where torch cannot count.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode  # Triton, which training does without

    counter = FlopCounterMode(display=False)
    try:
        # The counter does not know a CPU's fused attention, but the products that it is made of.
        with counter, sdpa_kernel(SDPBackend.MATH):
            draw()
    except Exception:  # a plugin's model may do what the counter cannot follow
        return None
    return counter.get_total_flops() // 2


def cost_of_drawing(
    draw_one: Callable[[], object], *, samples: int, seconds: float, device: torch.device
) -> dict[str, Any]:
    """The cost of drawing as run.json holds it.

    Args:
        draw_one: draws one sample.
        samples: the number that were drawn.
        seconds: that it took, on this machine.
        device: that they were drawn on.
    """
    return {
        "multiply_adds": multiply_adds(draw_one),
        "samples": samples,
        "seconds": round(seconds, 4),
        "samples_per_second": round(samples / max(seconds, 1e-9), 1),
        **describe_machine(device),
    }
