"""R3GAN's networks."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from gantool import Shapes
from gantool.data.prepared import Split
from gantool.gan.layers import Resample
from gantool.gan.shapes import maps
from gantool_zoo.r3gan.model import R3GAN

_GROUP = 16  # channels that a 3 x 3 convolution takes together
_GAIN = math.sqrt(2 / (1 + 0.2**2))  # keeps the variance through LeakyReLU 0.2


def linear(inputs, outputs, *, gain=1.0, kernel=1, groups=1):
    """A convolution without bias, its first weights N(0, gain^2 / fan-in)."""
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.weight[0].numel()))
    return layer


class BiasedActivation(nn.Module):
    """LeakyReLU 0.2 of x + b, a b for each channel that begins at 0."""

    def __init__(self, channels):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x):
        """The activations, same shape."""
        return F.leaky_relu(x + self.bias, 0.2)


class BottleneckBlock(nn.Module):
    """x -> x + 1 x 1 (act(3 x 3 in groups (act(1 x 1 (x))))), twice as wide within.

    The last layer begins at 0: the block as identity. The others' variance falls with the number of
    such blocks in the network (Zhang et al. 2019, Fixup, with 3 layers a block).
    """

    def __init__(self, channels, *, depth):
        super().__init__()
        inner, gain = 2 * channels, _GAIN * depth ** (-1 / 4)
        self.residual = nn.Sequential(
            linear(channels, inner, gain=gain),
            BiasedActivation(inner),
            linear(inner, inner, gain=gain, kernel=3, groups=inner // _GROUP),
            BiasedActivation(inner),
            linear(inner, channels, gain=0),
        )

    def forward(self, x):
        """The maps, same shape."""
        return x + self.residual(x)


class Basis(nn.Module):
    """Latents to the smallest maps: a learned picture for each channel, scaled by a dense layer."""

    def __init__(self, nz, channels, size):
        super().__init__()
        self.pictures = nn.Parameter(torch.randn(channels, *size))
        self.scale = linear(nz, channels)

    def forward(self, z):
        """Latents [N, nz] to maps [N, channels, *size]."""
        return self.pictures * self.scale(z[:, :, None, None])


class R3GANFull(R3GAN):
    """R3GAN (Huang et al. 2024) with its networks: no normalisation, bilinear resampling.

    Beyond the paper's, images go through tanh, since here they are in [-1, 1].
    """

    def build(self, shapes: Shapes) -> None:
        """Set both networks: at each size residual blocks, from 4 x 4 to the image and back."""
        config, sizes = self.config, maps(shapes.size)

        def blocks(channels):
            depth = config.blocks * len(sizes)
            return [BottleneckBlock(channels, depth=depth) for _ in range(config.blocks)]

        made = [Basis(config.nz, config.ngf, sizes[-1]), *blocks(config.ngf)]
        for before, after in pairwise(reversed(sizes)):
            made += [Resample(before, after), *blocks(config.ngf)]
        self.generator = nn.Sequential(*made, linear(config.ngf, shapes.channels), nn.Tanh())

        judging = [linear(shapes.channels, config.ndf), *blocks(config.ndf)]
        for before, after in pairwise(sizes):
            judging += [Resample(before, after), *blocks(config.ndf)]
        last = nn.Conv2d(config.ndf, config.ndf, sizes[-1], groups=config.ndf, bias=False)
        nn.init.normal_(last.weight, std=1 / math.sqrt(math.prod(sizes[-1])))
        self.discriminator = nn.Sequential(*judging, last, linear(config.ndf, 1))

    def initialize(self, train_data: Split) -> None:
        """The first weights are those of `build`."""
