"""Layers of the papers that PyTorch does not have, a file for each kind."""

from __future__ import annotations

from gantool.gan.layers.dense import Maxout, Scale, perceptron
from gantool.gan.layers.residual import (
    DownBlock,
    ResidualGenerator,
    ResidualTrunk,
    UpBlock,
    initialize_residual,
)

__all__ = [
    "DownBlock",
    "Maxout",
    "ResidualGenerator",
    "ResidualTrunk",
    "Scale",
    "UpBlock",
    "initialize_residual",
    "perceptron",
]
