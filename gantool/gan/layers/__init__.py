"""Layers of the papers that PyTorch does not have, a file for each kind."""

from __future__ import annotations

from gantool.gan.layers.attention import SelfAttention
from gantool.gan.layers.dense import Maxout, Scale, perceptron
from gantool.gan.layers.normalization import ConditionalBatchNorm2d
from gantool.gan.layers.residual import (
    DownBlock,
    ResidualGenerator,
    ResidualTrunk,
    UpBlock,
    initialize_residual,
)
from gantool.gan.layers.spectral import normalize_spectrally
from gantool.gan.layers.unet import WAVES, TimedBlock, UNet, waves

__all__ = [
    "WAVES",
    "ConditionalBatchNorm2d",
    "DownBlock",
    "Maxout",
    "ResidualGenerator",
    "ResidualTrunk",
    "Scale",
    "SelfAttention",
    "TimedBlock",
    "UNet",
    "UpBlock",
    "initialize_residual",
    "normalize_spectrally",
    "perceptron",
    "waves",
]
