from __future__ import annotations

import torch
from torch import nn

from gantool.gan.layers import normalize_spectrally


def test_each_layer_has_spectral_norm_one() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(2, 6, 3),
        nn.Sequential(nn.ConvTranspose2d(6, 4, 3)),
        nn.Flatten(),
        nn.Linear(64, 5),
    )
    layers = [network[0], network[1][0], network[3]]
    for layer in layers:
        nn.init.normal_(layer.weight, std=3.0)
    normalize_spectrally(network)
    for _ in range(100):
        network(torch.zeros(1, 2, 4, 4))
    network.eval()
    for layer in layers:
        outputs = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
        matrix = layer.weight.detach().movedim(outputs, 0).flatten(1)
        assert abs(torch.linalg.matrix_norm(matrix, 2) - 1) < 0.02
        assert layer.parametrizations.weight.original.std() > 1
