from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from gantool_zoo.unrolled import UnrolledConfig
from gantool_zoo.unrolled.model import Unrolled

from gantool import Batch, ConfigError, Shapes
from gantool.testing import check_model


def test_unrolled_keeps_gantools_contract():
    few = {"unrolled_steps": 2, "ngf": 2, "ndf": 2}
    check_model("unrolled", sizes=(16, (8, 12)), channels=(1,), classes=(0,), **few)


def gan_of(steps, **options):
    torch.manual_seed(0)
    fixed = {"nz": 2, "ngf": 2, "ndf": 2, "spectral_norm": False, "unrolled_lr": 0.3}
    config = UnrolledConfig(**{**fixed, **options}, unrolled_steps=steps)
    return Unrolled.create(config, Shapes.of_points()).double()


def ahead(gan, real, fake, *, steps, minimax=False):
    """G's loss after some steps of D: equations 6 to 8, layer by layer.

    That is E log D(x) + E log(1 - D(G(z))), or -E log D(G(z)) in the place of the second term;
    without steps it does not know the first. What no gradient passes through is added.
    """
    weights = [p.clone() for p in gan.discriminator.parameters()]

    def d(x):
        for i in range(0, len(weights), 2):
            x = x @ weights[i].T + weights[i + 1]
            x = x.relu() if i + 2 < len(weights) else x
        return x[:, 0]

    for _ in range(steps):
        loss = F.softplus(-d(real)).mean() + F.softplus(d(fake)).mean()
        slopes = torch.autograd.grad(loss, weights, create_graph=True)
        weights = [w - 0.3 * slope for w, slope in zip(weights, slopes, strict=True)]
    own = -F.softplus(d(fake)).mean() if minimax else F.softplus(-d(fake)).mean()
    if not steps:
        return own
    return own - F.softplus(-d(real)).mean() - F.softplus(d(fake)).mean().detach()


@pytest.mark.parametrize("loss", ["non-saturating", "minimax"])
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_the_gradient_passes_through_the_steps_of_d(steps, loss):
    torch.manual_seed(1)
    gan, minimax = gan_of(steps, loss=loss), loss == "minimax"
    real, z = torch.randn(2, 8, 2, dtype=torch.float64)
    parameters = list(gan.generator.parameters())

    def gradients(loss_of):
        loss = loss_of(gan.generate(z, None))
        return loss.item(), torch.autograd.grad(loss, parameters)

    value, found = gradients(lambda fake: gan.generator_loss(Batch(real=real, fake=fake)).total)
    expected, wanted = gradients(lambda fake: ahead(gan, real, fake, steps=steps, minimax=minimax))
    assert value == pytest.approx(expected, abs=1e-9)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-9, rtol=0)
    if steps:  # other ones than those against D_K held fast
        held = ahead(gan, real, gan.generate(z, None).detach(), steps=0, minimax=minimax)
        assert abs(held.item() - value) > 1e-6


@pytest.mark.parametrize("options", [{"spectral_norm": False}, {"spectral_norm": True}])
def test_weights_and_buffers_of_d_are_what_they_were(options):
    """BatchNorm's running statistics and spectral norm's vectors, too."""
    torch.manual_seed(0)
    config = UnrolledConfig(nz=2, ngf=2, ndf=2, unrolled_steps=3, **options)
    gan = Unrolled.create(config, Shapes((16, 16), 1, classes=0))
    before = copy.deepcopy(gan.discriminator.state_dict())
    assert any("running" in name or "_u" in name for name in before)
    fake = gan.generate(torch.randn(4, 2), None)
    loss = gan.generator_loss(Batch(real=torch.randn(4, 1, 16, 16), fake=fake)).total
    loss.backward(inputs=list(gan.generator.parameters()))
    after = gan.discriminator.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(p.grad is None for p in gan.discriminator.parameters())
    assert gan._ahead is None


def test_a_compiled_discriminator_is_refused():
    with pytest.raises(ConfigError, match="no second derivatives"):
        gan_of(1, compile=True)


def test_penalties_are_unrolled_with_the_loss():
    torch.manual_seed(1)
    real, fake = torch.randn(2, 6, 2, dtype=torch.float64)
    totals = [
        gan_of(2, penalty=penalty).generator_loss(Batch(real=real, fake=fake)).total.item()
        for penalty in ("none", "r1")
    ]
    assert totals[0] != totals[1]
