from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from gantool_zoo.sngan import PAPER, SNGANConfig
from gantool_zoo.sngan.model import SNGAN
from torch import nn

from gantool import Batch, Shapes
from gantool.testing import check_model


def made(size=(16, 16), channels=1, **options):
    torch.manual_seed(0)
    shapes = Shapes(size, channels, classes=0)
    model = SNGAN.create(SNGANConfig(**{"nz": 6, "ngf": 4, "ndf": 4, **options}), shapes)
    return model.double()


def test_it_keeps_gantools_contract():
    check_model("sngan", sizes=(16, (16, 24)), channels=(1, 3), classes=(0,), nz=8, ngf=4, ndf=4)


def weight(layer):
    """W / sigma(W) by the vectors that the power iteration has found (the paper's algorithm 1)."""
    normalized = layer.parametrizations.weight
    matrix = normalized.original.flatten(1)
    u, v = normalized[0]._u, normalized[0]._v
    return normalized.original / (u @ matrix @ v)


def critic(model, x):
    """D of table 4b, at 16 x 16: one block that halves the sides, and two that leave them."""

    def conv(x, layer):
        return F.conv2d(x, weight(layer), layer.bias, padding=layer.kernel_size[0] // 2)

    trunk, last = model.discriminator
    for i, block in enumerate(trunk.blocks):
        first, second = (layer for layer in block.residual if isinstance(layer, nn.Conv2d))
        h = conv(conv(x.relu() if i else x, first).relu(), second)
        x = h + x if i else F.avg_pool2d(h, 2) + F.avg_pool2d(conv(x, block.skip), 2)
    features = x.relu().sum((2, 3))
    return (features @ weight(last).T + last.bias)[:, 0]


def test_the_game_is_the_hinge_of_equations_16_and_17():
    model = made().eval()  # so that the vectors stay
    contrast = torch.linspace(0.05, 1, 5, dtype=torch.float64).view(5, 1, 1, 1)
    real, fake = contrast * (torch.rand(2, 5, 1, 16, 16, dtype=torch.float64) * 2 - 1)
    with torch.no_grad():
        model.discriminator[1].bias -= critic(model, torch.cat([real, fake])).mean()
    r, f = critic(model, real), critic(model, fake)
    assert r.min() < 1 < r.max() and f.min() < -1 < f.max()  # both sides of both margins
    batch = Batch(real=real, fake=fake)
    expected = -torch.minimum(r - 1, r * 0).mean() - torch.minimum(-f - 1, f * 0).mean()
    assert model.discriminator_loss(batch).total.item() == pytest.approx(expected.item(), abs=1e-9)
    assert model.generator_loss(batch).total.item() == pytest.approx(-f.mean().item(), abs=1e-9)


def test_each_layer_of_the_discriminator_has_spectral_norm_one():
    model = made()
    for _ in range(100):
        model.discriminator(torch.zeros(1, 1, 16, 16, dtype=torch.float64))
    model.eval()
    layers = [m for m in model.discriminator.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert len(layers) == 8
    for layer in layers:
        matrix = layer.weight.detach().flatten(1)
        assert torch.linalg.matrix_norm(matrix, 2).item() == pytest.approx(1, abs=0.02)
    assert not any(nn.utils.parametrize.is_parametrized(m) for m in model.generator.modules())


def test_the_preset_is_the_papers_game():
    config = SNGANConfig(**PAPER)
    assert (config.loss, config.spectral_norm, config.penalty) == ("hinge", True, "none")
    assert (config.lr, config.beta1, config.beta2) == (2e-4, 0.0, 0.9)
    assert (config.discriminator_steps, config.batch_size, config.nz) == (5, 64, 128)
