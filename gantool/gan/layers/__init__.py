"""Layers of the papers that PyTorch does not have, a file for each kind."""

from __future__ import annotations

from gantool.gan.layers.dense import Maxout, Scale, perceptron
from gantool.gan.layers.normalization import ConditionalBatchNorm2d
from gantool.gan.layers.residual import (
    DownBlock,
    ResidualGenerator,
    ResidualTrunk,
    UpBlock,
    initialize_residual,
)
from gantool.gan.layers.unet import TimedBlock, UNet, waves

__all__ = [
    "ConditionalBatchNorm2d",
    "DownBlock",
    "Maxout",
    "ResidualGenerator",
    "ResidualTrunk",
    "Scale",
    "TimedBlock",
    "UNet",
    "UpBlock",
    "initialize_residual",
    "perceptron",
    "waves",
]
