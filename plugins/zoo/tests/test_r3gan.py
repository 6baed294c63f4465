from __future__ import annotations

import pytest
from gantool_zoo import wgan_gp
from gantool_zoo.r3gan import R3GANConfig
from gantool_zoo.r3gan.model import R3GAN
from gantool_zoo.wgan_gp import WGANGPConfig
from gantool_zoo.wgan_gp.model import WGANGP
from torch import nn

from gantool import ConfigError, Progress, Shapes
from gantool.testing import check_model


@pytest.mark.parametrize("name", ["wgan-gp", "r3gan"])
def test_the_models_keep_gantools_contract(name):
    check_model(name, sizes=(16, (8, 12)), classes=(0,), ngf=4, ndf=4)


def test_wgan_gp_is_the_papers_game():
    config = WGANGPConfig()
    assert (config.loss, config.penalty, config.discriminator_steps) == ("wasserstein", "gp", 5)
    assert (config.beta1, config.beta2) == (0.0, 0.9)
    assert wgan_gp.SPEC.presets["paper"]["lr"] == 1e-4


def test_r3gan_goes_from_the_first_values_to_the_final_ones():
    config = R3GANConfig()
    assert (config.loss, config.penalty, config.generator_batch) == (
        "relativistic",
        "r1+r2",
        "fresh",
    )
    gan = R3GAN.create(R3GANConfig(ngf=4, ndf=4), Shapes((28, 28), 1, classes=0))
    assert not any(isinstance(m, nn.BatchNorm2d) for m in gan.discriminator.modules())

    def at(step):
        settings = gan.settings(Progress(step, 1000, epoch=0, images=0))
        own = settings.players["generator"]
        return own["lr"], *own["betas"], settings.penalty_weight

    assert at(0) == pytest.approx((2e-4, 0, 0.9, 1.0))
    assert at(500) == pytest.approx((1.25e-4, 0, 0.945, 0.55))
    assert at(1000) == pytest.approx((5e-5, 0, 0.99, 0.1))


def test_the_discriminators_own_rate_declines_with_it():
    gan = R3GAN.create(
        R3GANConfig(ngf=4, ndf=4, discriminator_lr=4e-4), Shapes((28, 28), 1, classes=0)
    )
    for step, rate in ((0, 4e-4), (10, 1e-4)):
        settings = gan.settings(Progress(step, 10, epoch=0, images=0))
        assert settings.players["discriminator"]["lr"] == pytest.approx(rate)


def test_the_schedules_of_every_model_hold_too():
    config = R3GANConfig(ngf=4, ndf=4, lr_decay=2.0, final_momentum=0.9)
    gan = R3GAN.create(config, Shapes((28, 28), 1, classes=0))
    first, later = (
        gan.settings(Progress(step, 10**9, epoch=300, images=0)).players["generator"]
        for step in (0, 3)
    )
    assert later["lr"] == pytest.approx(first["lr"] / 8)
    assert later["momentum"] == pytest.approx(0.9)


def test_the_penalties_can_be_switched_off_and_changed():
    assert R3GANConfig(penalty="none").penalty_weight == 1.0
    assert R3GANConfig(penalty="r1", penalty_weight=3).penalty_weight == 3


@pytest.mark.parametrize("kind", [R3GAN, WGANGP])
def test_on_points_the_widths_are_four_times_those_of_the_options(kind):
    config = {R3GAN: R3GANConfig, WGANGP: WGANGPConfig}[kind](nz=2, ngf=3, ndf=5)
    gan = kind.create(config, Shapes.of_points(8))
    shapes = {
        name: [tuple(m.weight.shape) for m in network if isinstance(m, nn.Linear)]
        for name, network in gan.named_children()
        if isinstance(network, nn.Sequential)
    }
    assert shapes["generator"] == [(12, 2), (12, 12), (12, 12), (2, 12)]
    assert shapes["discriminator"] == [(20, 2), (20, 20), (20, 20), (1, 20)]
    with pytest.raises(ConfigError, match="no BatchNorm"):
        kind.create(
            type(config)(penalty="none", spectral_norm=True, discriminator_norm="batch"),
            Shapes.of_points(),
        )
