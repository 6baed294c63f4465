from __future__ import annotations

import numpy as np
import pytest
import torch
from gantool_zoo.wgan import SPEC, WGANConfig
from gantool_zoo.wgan.model import WGAN

from gantool import Progress, Shapes
from gantool.data.batches import Batches
from gantool.data.points.plane import PointSplit
from gantool.testing import check_model
from gantool.training.trainer import Trainer

POINTS = PointSplit(np.random.default_rng(0).uniform(-1, 1, (600, 2)).astype(np.float32), None)


def test_wgan_keeps_gantools_contract():
    few = {"discriminator_steps": 2, "critic_boost": 2}
    check_model("wgan", sizes=(16, (8, 12)), channels=(1,), classes=(0,), ngf=4, ndf=4, **few)


def batches():
    return Batches(POINTS, batch_size=6, seed=5, device=torch.device("cpu"))


def model_of(**options):
    torch.manual_seed(0)
    given = {"discriminator_norm": "none", "clip": 0.01, "epochs": None, "steps": 9}
    config = WGANConfig(nz=2, ngf=2, ndf=2, batch_size=6, **given, **options)
    return WGAN.create(config, Shapes.of_points(), train_data=POINTS).double()


def test_some_steps_follow_algorithm_1_written_out():
    """Arjovsky et al. 2017: RMSprop, weights clipped after each update, G on the last latents."""
    gan = model_of(discriminator_steps=3, critic_boost=2, lr=1e-3)
    own = model_of(discriminator_steps=3, critic_boost=2, lr=1e-3)
    trainer = Trainer(gan, batches(), total_steps=9, rng=torch.Generator().manual_seed(3))
    data, rng = batches(), torch.Generator().manual_seed(3)
    squares = {p: torch.zeros_like(p) for p in own.parameters()}

    def descend(network, loss):
        parameters = list(network.parameters())
        for p, g in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            squares[p] = 0.99 * squares[p] + 0.01 * g**2
            p.data -= 1e-3 * g / (squares[p].sqrt() + 1e-8)

    for _ in range(2):
        for _ in range(6):
            real = next(data)[0].double()
            fake = own.generator(own.sample_latent(6, rng).double())
            critic = own.discriminator
            descend(critic, critic(fake.detach()).mean() - critic(real).mean())
            for p in critic.parameters():
                p.data.clamp_(-0.01, 0.01)
        descend(own.generator, -own.discriminator(fake).mean())
        trainer.step()
    for one, other in zip(gan.parameters(), own.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-9, rtol=0)


def test_the_papers_schedule():
    """100 critic steps in the first 25 generator steps and in every 500th, else 5."""
    gan = WGAN.create(WGANConfig(**SPEC.presets["paper"]), Shapes((8, 8), 1, classes=0))

    def critics(step):
        turns = gan.turns(Progress(step, 0, epoch=0.0, images=0))
        assert [turn.player for turn in turns[-1:]] == ["generator"]
        return len(turns) - 1

    wanted = {0: 100, 24: 100, 25: 5, 499: 5, 500: 100, 501: 5, 1000: 100}
    assert {step: critics(step) for step in wanted} == wanted
    assert (gan.config.lr, gan.config.optimizer, gan.config.clip) == (5e-5, "rmsprop", 0.01)


def test_the_critic_begins_within_its_bounds():
    gan = model_of()
    assert max(p.abs().max().item() for p in gan.discriminator.parameters()) == pytest.approx(0.01)
