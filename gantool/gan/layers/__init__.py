"""Layers of the papers that PyTorch does not have, a file for each kind."""

from __future__ import annotations

from gantool.gan.layers.attention import SelfAttention
from gantool.gan.layers.dense import Maxout, Scale, perceptron
from gantool.gan.layers.equalized import equalized
from gantool.gan.layers.minibatch import MinibatchStd
from gantool.gan.layers.normalization import ConditionalBatchNorm2d
from gantool.gan.layers.resampling import Resample
from gantool.gan.layers.residual import (
    DownBlock,
    ResidualGenerator,
    ResidualTrunk,
    UpBlock,
    initialize_residual,
)
from gantool.gan.layers.spectral import normalize_spectrally
from gantool.gan.layers.stylegan2 import (
    Activated,
    ModulatedConv,
    ShrinkingBlock,
    StyleBlock,
    StyledConv,
    StyleGenerator,
)
from gantool.gan.layers.unet import WAVES, TimedBlock, UNet, waves

__all__ = [
    "WAVES",
    "Activated",
    "ConditionalBatchNorm2d",
    "DownBlock",
    "Maxout",
    "MinibatchStd",
    "ModulatedConv",
    "Resample",
    "ResidualGenerator",
    "ResidualTrunk",
    "Scale",
    "SelfAttention",
    "ShrinkingBlock",
    "StyleBlock",
    "StyleGenerator",
    "StyledConv",
    "TimedBlock",
    "UNet",
    "UpBlock",
    "equalized",
    "initialize_residual",
    "normalize_spectrally",
    "perceptron",
    "waves",
]
