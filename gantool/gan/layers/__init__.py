"""Layers of the papers that PyTorch does not have, a file for each kind."""

from __future__ import annotations

from gantool.gan.layers.dense import Maxout, Scale, perceptron

__all__ = ["Maxout", "Scale", "perceptron"]
