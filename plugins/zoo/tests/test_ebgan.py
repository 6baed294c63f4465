from __future__ import annotations

import math

import pytest
import torch
from gantool_zoo.ebgan import EBGANConfig
from gantool_zoo.ebgan.model import EBGAN, pulling_away

from gantool import Batch, Shapes
from gantool.testing import check_model


def test_ebgan_keeps_gantools_contract():
    check_model("ebgan", sizes=(16, (8, 12)), channels=(3,), classes=(0,), ngf=4, ndf=4, code=3)


def gan_of(**options):
    config = EBGANConfig(ngf=2, ndf=2, nz=4, code=3, discriminator_norm="none", **options)
    gan = EBGAN.create(config, Shapes((8, 8), 1, classes=0)).double()
    # One image at a time below: no image may depend on the others.
    for network in (gan.generator, gan.discriminator):
        for layer in network.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.eval()
    return gan


def energies(gan, images):
    """The mean squared error of each image's reconstruction."""
    found = []
    for image in images:
        code = gan.discriminator.encoder(image[None])
        found.append(((gan.discriminator.decoder(code)[0] - image) ** 2).mean().item())
    return found


@pytest.mark.parametrize("weight", [0.0, 0.1])
def test_the_losses_are_the_papers_equations_1_and_2(weight):
    torch.manual_seed(1)
    gan = gan_of(margin=0.6, pulling_away=weight)
    real = torch.rand(6, 1, 8, 8, dtype=torch.float64) * 2 - 1
    fake = torch.rand(6, 1, 8, 8, dtype=torch.float64).sign() * torch.linspace(
        0, 1, 6, dtype=torch.float64
    ).view(6, 1, 1, 1)
    batch = Batch(real=real, fake=fake)
    e_real, e_fake = energies(gan, real), energies(gan, fake)
    assert min(e_fake) < 0.6 < max(e_fake)  # on both sides of the margin
    d = sum(e_real) / 6 + sum(max(0.0, 0.6 - e) for e in e_fake) / 6
    codes = gan.discriminator.encoder(fake)
    g = sum(e_fake) / 6 + weight * pulling_away(codes).item()
    assert gan.discriminator_loss(batch).total.item() == pytest.approx(d, abs=1e-9)
    assert gan.generator_loss(batch).total.item() == pytest.approx(g, abs=1e-9)


def test_the_pulling_away_term_is_the_mean_squared_cosine_of_all_pairs():
    torch.manual_seed(1)
    codes = torch.randn(5, 3, dtype=torch.float64)
    total = 0.0
    for i in range(5):
        for j in range(5):
            if i != j:
                cosine = codes[i] @ codes[j] / (codes[i].norm() * codes[j].norm())
                total += cosine.item() ** 2
    assert pulling_away(codes).item() == pytest.approx(total / 20, abs=1e-9)
    assert pulling_away(torch.eye(3)).item() == 0  # orthogonal codes
    assert pulling_away(torch.ones(1, 3)).item() == 0  # there is no pair
    assert math.isclose(pulling_away(torch.ones(4, 3)).item(), 1, rel_tol=1e-6)


def test_the_pulling_away_term_can_be_left_out():
    torch.manual_seed(1)
    real = torch.rand(2, 1, 8, 8).double()
    assert "pulling_away" not in gan_of(pulling_away=0).generator_loss(Batch(fake=real)).extra
