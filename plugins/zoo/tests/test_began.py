from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from gantool_zoo.began import BEGANConfig
from gantool_zoo.began.model import BEGAN

from gantool import Shapes
from gantool.data.batches import Batches
from gantool.data.prepared import ImageSplit
from gantool.testing import check_model
from gantool.training.trainer import Trainer

IMAGES = ImageSplit(
    np.random.default_rng(0).integers(0, 256, size=(60, 8, 8, 1), dtype=np.uint8), None
)


def test_began_keeps_gantools_contract():
    check_model("began", sizes=(16, (8, 12)), channels=(3,), classes=(0,), filters=3, nz=4)


def batches():
    return Batches(IMAGES, batch_size=6, seed=5, device=torch.device("cpu"))


def trainer_of():
    torch.manual_seed(0)
    config = BEGANConfig(
        nz=4, filters=2, lr=1e-3, beta2=0.999, k_rate=0.5, epochs=None, steps=9, gamma=0.9
    )
    gan = BEGAN.create(config, Shapes((8, 8), 1, classes=0), train_data=IMAGES).double()
    return Trainer(gan, batches(), total_steps=9, rng=torch.Generator().manual_seed(3))


def test_the_game_follows_section_3_3_written_out():
    """Berthelot et al. 2017: fresh latents for G, and k moved by gamma L(x) - L(G(z_G))."""
    trainer, own = trainer_of(), trainer_of().model
    data, rng = batches(), torch.Generator().manual_seed(3)
    adams = {
        network: torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.5, 0.999))
        for network in (own.discriminator, own.generator)
    }

    def error(images):
        return (images - own.discriminator(images)).abs().mean()

    def descend(network, loss):
        parameters = list(network.parameters())
        for p, g in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            p.grad = g
        adams[network].step()

    k, weights = 0.0, []
    for _ in range(5):
        real = next(data)[0].double()
        fake = own.generator(own.sample_latent(6, rng).double()).detach()
        on_real = error(real)
        descend(own.discriminator, on_real - k * error(fake))
        on_fake = error(own.generator(own.sample_latent(6, rng).double()))
        descend(own.generator, on_fake)
        balance = 0.9 * on_real.item() - on_fake.item()
        k = min(1.0, max(0.0, k + 0.5 * balance))
        metrics = trainer.step()
        assert trainer.model.k.item() == pytest.approx(k, abs=1e-9)
        expected = on_real.item() + abs(balance)
        assert metrics["convergence"].item() == pytest.approx(expected, abs=1e-6)  # float32
        weights.append(k)
    assert max(weights) > 0
    for one, other in zip(trainer.model.parameters(), own.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-9, rtol=0)


def test_k_is_resumed_and_stays_between_0_and_1():
    trainer = trainer_of()
    for _ in range(3):
        trainer.step()
    buffer = io.BytesIO()
    torch.save(trainer.state_dict(), buffer)
    other = trainer_of()
    buffer.seek(0)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    assert torch.equal(other.model.k, trainer.model.k)
    single = BEGAN.create(BEGANConfig(nz=4, filters=2), Shapes((8, 8), 1, classes=0))
    assert single.k.dtype is torch.float32  # MPS has no float64
    gan = trainer.model
    for real, fake, expected in ((10.0, 0.0, 1.0), (0.0, 10.0, 0.0)):
        told = gan.after_step({"d_real": torch.tensor(-real), "loss_g": torch.tensor(fake)})
        assert gan.k.item() == expected
        assert told["convergence"].item() == pytest.approx(real + abs(0.9 * real - fake))
