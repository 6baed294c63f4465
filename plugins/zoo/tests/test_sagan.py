from __future__ import annotations

import pytest
import torch
from gantool_zoo.sagan import PAPER, SAGANConfig
from gantool_zoo.sagan.model import SAGAN
from torch import nn

from gantool import Batch, Shapes
from gantool.gan.layers import SelfAttention
from gantool.testing import check_model


def made(size=(16, 16)):
    torch.manual_seed(0)
    config = SAGANConfig(nz=6, ngf=16, ndf=16)
    return SAGAN.create(config, Shapes(size, 1, classes=0)).double()


def test_it_keeps_gantools_contract():
    check_model("sagan", sizes=(16, (16, 24)), channels=(3,), classes=(0,), nz=8, ngf=8, ndf=8)


def attentions(model):
    return [m for m in model.modules() if isinstance(m, SelfAttention)]


def test_attention_begins_as_the_identity_and_learns():
    model = made().eval()
    z = torch.randn(3, 6, dtype=torch.float64)
    first, second = attentions(model)
    before = model.generate(z, None)
    for layer in (first, second):
        assert layer.gamma == 0
        for part in (layer.f, layer.g, layer.h, layer.v):
            nn.init.normal_(part.parametrizations.weight.original)
    assert torch.equal(model.generate(z, None), before)
    with torch.no_grad():
        first.gamma.fill_(0.5)
    assert not torch.equal(model.generate(z, None), before)


def test_each_layer_of_both_networks_has_spectral_norm_one():
    model = made()
    for _ in range(100):
        model.discriminator(model.generate(torch.zeros(2, 6, dtype=torch.float64), None))
    model.eval()
    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert len(layers) == 24
    for layer in layers:
        matrix = layer.weight.detach().flatten(1)
        assert torch.linalg.matrix_norm(matrix, 2).item() == pytest.approx(1, abs=0.02)


def test_the_losses_are_the_papers_equation_4():
    model = made().eval()
    real, fake = torch.rand(2, 5, 1, 16, 16, dtype=torch.float64) * 2 - 1
    r, f = (model.discriminator(x).flatten().tolist() for x in (real, fake))
    expected = sum(-min(0, a - 1) - min(0, -1 - b) for a, b in zip(r, f, strict=True)) / 5
    batch = Batch(real=real, fake=fake)
    assert model.discriminator_loss(batch).total.item() == pytest.approx(expected, abs=1e-9)
    assert model.generator_loss(batch).total.item() == pytest.approx(-sum(f) / 5, abs=1e-9)


def test_the_discriminator_learns_four_times_as_fast():
    for config in (SAGANConfig(**PAPER), SAGANConfig()):
        model = SAGAN(config.model_copy(update={"ngf": 8, "ndf": 8}), Shapes((16, 16), 1, 0))
        rates = {player: model.learning_rate(player) for player in model.players()}
        assert rates["discriminator"] == pytest.approx(4 * rates["generator"])
        assert (config.beta1, config.beta2, config.discriminator_steps) == (0.0, 0.9, 1)
    assert SAGANConfig(**PAPER).lr == 1e-4
