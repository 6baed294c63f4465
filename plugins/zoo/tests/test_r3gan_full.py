from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from gantool_zoo.r3gan_full import PAPER, R3GANFullConfig
from gantool_zoo.r3gan_full.model import Basis, BottleneckBlock, R3GANFull
from torch import nn

from gantool import Batch, Progress, Shapes
from gantool.testing import check_model


def made(size=(16, 16), **options):
    torch.manual_seed(0)
    config = R3GANFullConfig(**{"nz": 6, "ngf": 8, "ndf": 8, **options})
    return R3GANFull.create(config, Shapes(size, 1, classes=0)).double()


def test_it_keeps_gantools_contract():
    check_model("r3gan-full", sizes=(16, (16, 24)), channels=(3,), classes=(0,), nz=8, ngf=8, ndf=8)


def test_blocks_begin_as_the_identity_and_are_the_papers():
    torch.manual_seed(0)
    block = BottleneckBlock(16, depth=81).double()
    x = torch.randn(2, 16, 5, 5, dtype=torch.float64)
    assert torch.equal(block(x), x)
    first, a, second, b, third = block.residual
    assert first.weight.std().item() == pytest.approx((2 / 1.04 / 16) ** 0.5 / 3, rel=0.1)
    assert second.weight.std().item() == pytest.approx((2 / 1.04 / 144) ** 0.5 / 3, rel=0.1)
    for part in (a, b):
        nn.init.normal_(part.bias)
    nn.init.normal_(third.weight)

    def act(x, bias):
        x = x + bias
        return torch.maximum(x, 0.2 * x)

    h = act(torch.einsum("oi,nihw->nohw", first.weight[:, :, 0, 0], x), a.bias)
    halves = [
        F.conv2d(part, weight, padding=1)
        for part, weight in zip(h.split(16, dim=1), second.weight.split(16), strict=True)
    ]
    h = act(torch.cat(halves, dim=1), b.bias)
    expected = x + torch.einsum("oi,nihw->nohw", third.weight[:, :, 0, 0], h)
    assert torch.allclose(block(x), expected, rtol=0, atol=1e-11)


def test_latents_scale_learned_pictures():
    torch.manual_seed(0)
    basis = Basis(3, 5, (4, 2)).double()
    z = torch.randn(2, 3, dtype=torch.float64)
    expected = torch.einsum("chw,ci,ni->nchw", basis.pictures, basis.scale.weight[:, :, 0, 0], z)
    assert torch.allclose(basis(z), expected)


def test_there_is_no_normalisation_and_each_size_has_its_blocks():
    model = made((28, 28), blocks=2)
    for network in (model.generator, model.discriminator):
        names = {type(m).__name__ for m in network.modules()}
        assert not any("Norm" in name for name in names)
        assert sum(isinstance(m, BottleneckBlock) for m in network) == 2 * 4
    assert "spectral_norm" not in R3GANFullConfig.model_fields  # a layer of zeros has none


def test_the_game_is_relativistic_with_r1_and_r2():
    model = made()
    for block in model.discriminator.modules():
        if isinstance(block, BottleneckBlock):
            nn.init.normal_(block.residual[-1].weight, std=0.3)
    real, fake = torch.rand(2, 4, 1, 16, 16, dtype=torch.float64) * 2 - 1
    model.use(model.settings(Progress(500, 1000, epoch=0, images=0)))
    gamma = (model.config.penalty_weight + model.config.final_penalty_weight) / 2

    def judged(x):
        x = x.clone().requires_grad_()
        logits = model.discriminator(x).flatten()
        (slope,) = torch.autograd.grad(logits.sum(), x)
        return logits.detach(), slope.flatten(1).square().sum(1).mean()

    (r, r1), (f, r2) = judged(real), judged(fake)
    expected = (1 + (f - r).exp()).log().mean() + gamma / 2 * (r1 + r2)
    batch = Batch(real=real, fake=fake)
    assert model.discriminator_loss(batch).total.item() == pytest.approx(expected.item(), abs=1e-9)
    expected = (1 + (r - f).exp()).log().mean()
    assert model.generator_loss(batch).total.item() == pytest.approx(expected.item(), abs=1e-9)


def test_the_preset_is_the_authors_for_cifar10():
    config = R3GANFullConfig(**PAPER)
    assert (config.ngf, config.ndf, config.blocks, config.nz) == (768, 768, 2, 64)
    assert (config.lr, config.final_lr) == (2e-4, 5e-5)
