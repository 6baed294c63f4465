"""Equalised learning rates."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

L = TypeVar("L", nn.Linear, nn.Conv2d)


class Gain(nn.Module):
    """x * factor, for any shape."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """The product."""
        return x * self.factor


def equalized(layer: L) -> L:
    """The layer with weights N(0, 1), divided by sqrt(fan-in) when they are used; biases 0.

    Karras et al. 2018 (progressive GAN), section 4.1: so Adam, whose steps are of one size for all
    weights, moves each layer by the same share.
    """
    with torch.no_grad():
        layer.weight.normal_()
        if layer.bias is not None:
            layer.bias.zero_()
    gain = Gain(layer.weight[0].numel() ** -0.5)
    parametrize.register_parametrization(layer, "weight", gain)
    return layer
