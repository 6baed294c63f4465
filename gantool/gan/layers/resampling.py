"""Resampling of images and feature maps to any size."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Resample(nn.Module):
    """Bilinear interpolation with a filter that grows as the image shrinks.

    Weights fall along a triangle: to half or to double the size it is the filter [1, 3, 3, 1] of
    StyleGAN2 and R3GAN. It takes float [N, C, *before] to [N, C, *after]. Rows and columns are
    products with fixed matrices, which are deterministic and can be differentiated twice on every
    device.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, before: tuple[int, int], after: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("rows", triangle(before[0], after[0]), persistent=False)
        self.register_buffer("columns", triangle(before[1], after[1]).T, persistent=False)
        self.same = before == after

    def forward(self, x: Tensor) -> Tensor:
        """The resampled maps."""
        return x if self.same else self.rows @ (x @ self.columns)


def triangle(before: int, after: int) -> Tensor:
    """The weights of `before` places for each of `after`, float [after, before]; rows sum to 1."""
    scale = before / after
    centers = (torch.arange(after, dtype=torch.float64)[:, None] + 0.5) * scale
    places = torch.arange(before, dtype=torch.float64)[None] + 0.5
    weights = (1 - (places - centers).abs() / max(scale, 1)).clamp(min=0)
    return (weights / weights.sum(1, keepdim=True)).to(torch.get_default_dtype())
