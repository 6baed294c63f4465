"""Convolutions whose weights follow a style (Karras et al. 2020, StyleGAN2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool.gan.layers.equalized import equalized


class ModulatedConv(nn.Module):
    """A convolution with a style for each image (Karras et al. 2020, equations 1 and 3).

    The weight W[o, i, k] becomes W' = s_i W, and with `demodulate` W'' = W' / ||W'_o||, so that
    each output keeps its variance. s = A(w) is a dense layer that begins at 1. It takes maps float
    [N, inputs, H, W] and styles float [N, styles] to [N, outputs, H, W], with zeros at the border.
    There is no bias; the learning rate is equalised.
    """

    def __init__(
        self, inputs: int, outputs: int, *, styles: int, kernel: int = 3, demodulate: bool = True
    ) -> None:
        super().__init__()
        self.affine = equalized(nn.Linear(styles, inputs))
        nn.init.ones_(self.affine.bias)
        self.conv = equalized(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False))
        self.demodulate = demodulate

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """The maps."""
        # Scaling what goes in and what comes out is the same as scaling each image's weights, and
        # needs one convolution for all.
        s, weight = self.affine(w), self.conv.weight
        y = F.conv2d(x * s[:, :, None, None], weight, padding=self.conv.padding)
        if self.demodulate:
            squares = s.square() @ weight.square().sum((2, 3)).T
            y = y * torch.rsqrt(squares + 1e-8)[:, :, None, None]
        return y
