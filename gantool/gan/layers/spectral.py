"""Spectral normalisation of a whole network."""

from __future__ import annotations

from torch import nn
from torch.nn.utils import parametrizations


def normalize_spectrally(network: nn.Module) -> None:
    """Divide the weight of each dense and convolutional layer by its largest singular value.

    Miyato et al. 2018, section 2.1: that of the weight as a matrix of the outputs' rows, followed
    by one power iteration in each training pass.
    """
    for layer in list(network.modules()):
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            parametrizations.spectral_norm(layer)
