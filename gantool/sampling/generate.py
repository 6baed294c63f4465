"""Samples from latents, as they are shown and scored: evaluation mode, one range for all."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gantool.display import OnProgress
from gantool.gan.base import Model
from gantool.gan.shapes import Shapes

Pixels = npt.NDArray[np.uint8]
Samples = npt.NDArray[Any]
# Samples at a time: what so few leave between layers stays in a CPU's cache, and in its heap.
_CHUNK, _CHUNK_OF_CPU = 256, 32


@torch.no_grad()
def generate_samples(
    gan: Model[Any],
    z: Tensor,
    *,
    y: Tensor | None,
    progress: OnProgress = lambda done, total: None,
) -> Samples:
    """Samples from latents [N, dimension] and labels [N] or None.

    They are images uint8 [N, H, W, C], or points float32 [N, 2] in the data's own units.

    Evaluation mode (BatchNorm's running statistics); neither the training mode nor any random state
    is changed. `progress` is told of samples drawn.
    """
    parameter = next(gan.parameters())
    device, dtype = parameter.device, parameter.dtype
    chunk = _CHUNK_OF_CPU if device.type == "cpu" else _CHUNK
    training = gan.training
    gan.eval()
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            parts = []
            for i in range(0, len(z), chunk):
                labels = None if y is None else y[i : i + chunk].to(device)
                samples = gan.generate(z[i : i + chunk].to(device, dtype), labels)
                parts.append(_as_shown(samples, gan.shapes))
                progress(min(i + chunk, len(z)), len(z))
    finally:
        gan.train(training)
    return np.concatenate(parts)


def _as_shown(samples: Tensor, shapes: Shapes) -> Samples:
    if shapes.kind == "points":
        return samples.float().mul(shapes.scale).cpu().numpy()
    return to_pixels(samples)


def to_pixels(images: Tensor) -> Pixels:
    """Float [N, C, H, W] in [-1, 1] to uint8 [N, H, W, C]: -1 is black, 1 white.

    Values outside are clipped, nan is black.
    """
    scaled = images.float().add(1).mul(127.5).round().nan_to_num(0, 255, 0).clamp(0, 255)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).cpu().contiguous().numpy()
