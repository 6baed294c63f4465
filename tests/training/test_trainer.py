"""The loop, against loops written here straight from the formulas."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool.config import GANConfig
from gantool.data.batches import Batches
from gantool.data.prepared import ImageSplit
from gantool.gan.base import GAN
from gantool.gan.game import Batch, Losses, Progress, Settings
from gantool.gan.shapes import Shapes
from gantool.models.dcgan import Config
from gantool.models.dcgan.model import DCGAN
from gantool.training.trainer import Trainer

CPU = torch.device("cpu")
METRICS = ("loss_d", "loss_g", "d_real", "d_fake", "d_fake_after")


def some_data(n: int = 64, size: int = 16, channels: int = 3, classes: int = 0) -> ImageSplit:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, size=n) if classes else None
    return ImageSplit(rng.integers(0, 256, size=(n, size, size, channels), dtype=np.uint8), labels)


def make_trainer(
    config: GANConfig,
    split: ImageSplit,
    kind: type[GAN] = DCGAN,
    dtype: torch.dtype = torch.float64,
    steps: int = 20,
) -> Trainer:
    torch.manual_seed(0)
    shapes = Shapes(
        split.images.shape[1:3], split.images.shape[3], classes=0 if split.labels is None else 10
    )
    gan = kind.create(config, shapes, train_data=split).to(dtype)
    assert config.batch_size
    return Trainer(
        gan,
        Batches(split, config.batch_size, seed=5, device=CPU),
        total_steps=steps,
        rng=torch.Generator().manual_seed(3),
    )


def small(**options: Any) -> Config:
    return Config(**{"ngf": 8, "ndf": 8, "nz": 10, "batch_size": 8, "lr": 2e-3, **options})


class Reference:
    """The tutorial's loop on the trainer's own weights, batches and latents.

    With sigmoid and binary cross-entropy.
    """

    def __init__(self, trainer: Trainer, beta1: float = 0.5) -> None:
        self.g = copy.deepcopy(trainer.model.generator)
        self.d = copy.deepcopy(trainer.model.discriminator)
        lr = trainer.config.lr
        self.opt_d = torch.optim.Adam(
            self.d.parameters(), lr=lr, betas=(beta1, 0.999), fused=False, foreach=False
        )
        self.opt_g = torch.optim.Adam(
            self.g.parameters(), lr=lr, betas=(beta1, 0.999), fused=False, foreach=False
        )
        self.batches = Batches(
            trainer.batches.split, trainer.batches.batch_size, seed=trainer.batches.seed, device=CPU
        )
        self.rng = torch.Generator().manual_seed(3)
        self.dtype = trainer.draws.dtype
        self.nz = trainer.config.nz

    def noise(self, n: int) -> Tensor:
        return torch.empty(n, self.nz).normal_(generator=self.rng).to(self.dtype)

    def step(self) -> dict[str, float]:
        real = next(self.batches)[0].to(self.dtype).contiguous()
        ones, zeros = (
            torch.ones(len(real), dtype=self.dtype),
            torch.zeros(len(real), dtype=self.dtype),
        )
        self.d.zero_grad()
        out = torch.sigmoid(self.d(real).view(-1))
        err_real = F.binary_cross_entropy(out, ones)
        err_real.backward()
        d_real = out.mean().item()
        fake = self.g(self.noise(len(real)))
        out = torch.sigmoid(self.d(fake.detach()).view(-1))
        err_fake = F.binary_cross_entropy(out, zeros)
        err_fake.backward()
        d_fake = out.mean().item()
        self.opt_d.step()
        self.g.zero_grad()
        out = torch.sigmoid(self.d(fake).view(-1))
        err_g = F.binary_cross_entropy(out, ones)
        err_g.backward()
        self.opt_g.step()
        figures = ((err_real + err_fake).item(), err_g.item(), d_real, d_fake, out.mean().item())
        return dict(zip(METRICS, figures, strict=True))


def test_float64_follows_the_reference_loop_for_20_steps() -> None:
    trainer = make_trainer(small(), some_data())
    trainer.model.to(memory_format=torch.channels_last)
    reference = Reference(trainer)
    for _ in range(20):
        expected, figures = reference.step(), trainer.step()
        for key in METRICS:
            assert figures[key].item() == pytest.approx(expected[key], abs=1e-9), (
                trainer.steps,
                key,
            )


def test_fp32_agrees_with_the_reference_loop_at_the_first_step() -> None:
    trainer = make_trainer(small(lr=2e-4), some_data(), dtype=torch.float32)
    reference = Reference(trainer)
    expected, figures = reference.step(), trainer.step()
    for key in METRICS:
        assert figures[key].item() == pytest.approx(expected[key], abs=1e-3)


def test_several_discriminator_steps_each_take_a_fresh_batch() -> None:
    config = small(discriminator_steps=3, discriminator_norm="none")
    trainer = make_trainer(config, some_data())
    g, d = copy.deepcopy(trainer.model.generator), copy.deepcopy(trainer.model.discriminator)
    opt_d = torch.optim.Adam(d.parameters(), lr=config.lr, betas=(0.5, 0.999))
    opt_g = torch.optim.Adam(g.parameters(), lr=config.lr, betas=(0.5, 0.999))
    batches, rng = (
        Batches(trainer.batches.split, 8, seed=5, device=CPU),
        torch.Generator().manual_seed(3),
    )
    for _ in range(4):
        for _ in range(3):
            x = next(batches)[0].double()
            fake = g(torch.empty(8, 10).normal_(generator=rng).double())
            loss_d = F.softplus(-d(x)).mean() + F.softplus(d(fake.detach())).mean()
            opt_d.zero_grad()
            loss_d.backward()
            opt_d.step()
        loss_g = F.softplus(-d(fake)).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        figures = trainer.step()
        assert figures["loss_d"].item() == pytest.approx(loss_d.item(), abs=1e-9)
        assert figures["loss_g"].item() == pytest.approx(loss_g.item(), abs=1e-9)
    assert trainer.draws.images == 4 * 3 * 8
    assert trainer.batches.drawn == 12


def test_fresh_generator_batch_draws_new_latents_and_where_the_loss_needs_them_new_images() -> None:
    trainer = make_trainer(small(generator_batch="fresh"), some_data())
    trainer.step()
    assert trainer.batches.drawn == 1
    pairing = make_trainer(small(generator_batch="fresh", loss="relativistic"), some_data())
    pairing.step()
    assert pairing.batches.drawn == 2
    assert (
        pairing.draws.images == 8
    )  # those of the generator's turn teach the discriminator nothing


class Mlp(GAN):
    """Small networks with dropout in D, to see whether masks are shared."""

    def build(self, shapes: Shapes) -> None:
        self.generator = nn.Sequential(
            nn.Linear(self.config.nz, shapes.values),
            nn.Tanh(),
            nn.Unflatten(1, (shapes.channels, 16, 16)),
        )
        self.discriminator = nn.Sequential(
            nn.Flatten(), nn.Linear(shapes.values, 32), nn.ReLU(), nn.Dropout(0.5)
        )
        self.discriminator.append(nn.Linear(32, 1))


def test_simultaneous_update_takes_both_gradients_from_one_pass() -> None:
    config = small(update="simultaneous", optimizer="sgd", lr=0.1)
    trainer = make_trainer(config, some_data(), Mlp)
    g, d = copy.deepcopy(trainer.model.generator), copy.deepcopy(trainer.model.discriminator)
    batches, rng = (
        Batches(trainer.batches.split, 8, seed=5, device=CPU),
        torch.Generator().manual_seed(3),
    )
    state = torch.get_rng_state()
    expected = []
    for _ in range(5):
        x = next(batches)[0].double()
        fake = g(torch.empty(8, 10).normal_(generator=rng).double())
        real_logits, fake_logits = d(x), d(fake)  # one pass: one dropout mask serves both losses
        loss_d = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
        loss_g = F.softplus(-fake_logits).mean()
        gradients_d = torch.autograd.grad(loss_d, list(d.parameters()), retain_graph=True)
        gradients_g = torch.autograd.grad(loss_g, list(g.parameters()))
        with torch.no_grad():
            for network, gradients in ((d, gradients_d), (g, gradients_g)):
                for parameter, gradient in zip(network.parameters(), gradients, strict=True):
                    parameter -= 0.1 * gradient
        expected.append((loss_d.item(), loss_g.item()))
    torch.set_rng_state(state)
    for loss_d_value, loss_g_value in expected:
        figures = trainer.step()
        assert figures["loss_d"].item() == pytest.approx(loss_d_value, abs=1e-12)
        assert figures["loss_g"].item() == pytest.approx(loss_g_value, abs=1e-12)
        assert "d_fake_after" not in figures


def test_each_turn_moves_its_own_network_only_and_leaves_no_gradient_elsewhere() -> None:
    seen: dict[str, bool] = {}

    class Spy(DCGAN):
        def generator_loss(self, batch: Batch) -> Losses:
            seen["g clean in D's turn"] = all(p.grad is None for p in self.generator.parameters())
            self.gradient_of_d = [p.grad.clone() for p in self.discriminator.parameters()]
            return super().generator_loss(batch)

    trainer = make_trainer(small(), some_data(), Spy)
    trainer.step()
    assert seen["g clean in D's turn"]
    after = [p.grad for p in trainer.model.discriminator.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(trainer.model.gradient_of_d, after, strict=True))


def test_the_default_update_makes_no_more_passes_than_the_tutorial() -> None:
    calls = {"g": 0, "d": 0}
    trainer = make_trainer(small(), some_data())
    trainer.model.generator.register_forward_hook(lambda *_: calls.__setitem__("g", calls["g"] + 1))
    trainer.model.discriminator.register_forward_hook(
        lambda *_: calls.__setitem__("d", calls["d"] + 1)
    )
    trainer.step()
    assert calls == {"g": 1, "d": 3}


def test_penalties_reach_the_discriminator_loss() -> None:
    plain = make_trainer(small(discriminator_norm="none"), some_data()).step()
    for name in ("gp", "r1", "r2", "r1+r2"):
        figures = make_trainer(small(penalty=name, penalty_weight=3.0), some_data()).step()
        assert figures["penalty"].item() > 0
        assert figures["loss_d"].item() == pytest.approx(
            plain["loss_d"].item() + figures["penalty"].item(), abs=1e-9
        )
    r1, r2, both = (
        make_trainer(small(penalty=name), some_data()).step()["penalty"].item()
        for name in ("r1", "r2", "r1+r2")
    )
    assert both == pytest.approx(r1 + r2)


def test_clip_bounds_every_weight_of_the_critic() -> None:
    trainer = make_trainer(small(loss="wasserstein", clip=0.01, optimizer="rmsprop"), some_data())
    trainer.step()
    assert max(p.abs().max().item() for p in trainer.model.discriminator.parameters()) <= 0.01
    assert max(p.abs().max().item() for p in trainer.model.generator.parameters()) > 0.01


def test_spectral_norm_bounds_the_largest_singular_value() -> None:
    trainer = make_trainer(small(loss="hinge", spectral_norm=True), some_data())
    for _ in range(30):
        trainer.step()
    trainer.model.eval()
    for layer in trainer.model.discriminator.modules():
        if isinstance(layer, nn.Conv2d):
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(
                1, abs=0.2
            )


@pytest.mark.parametrize(
    ("rampup", "decays"),
    # 2 ** (-1 / (share * steps done)), and never more than 0.9
    [(None, (0.9, 0.9, 0.9)), (1.0, (0.5, 0.5**0.5, 0.5 ** (1 / 3)))],
)
def test_averaged_weights_follow_the_formula(
    rampup: float | None, decays: tuple[float, ...]
) -> None:
    trainer = make_trainer(small(ema=0.9, ema_rampup=rampup), some_data())
    trainer.step()
    average = {
        k: v.clone()
        for k, v in trainer.model.generator.state_dict().items()
        if v.is_floating_point()
    }
    for decay in decays:
        trainer.step()
        now = trainer.model.generator.state_dict()
        for key, _parameter in trainer.model.generator.named_parameters():
            average[key] = decay * average[key] + (1 - decay) * now[key]
    trained = trainer.model.generator
    with trainer.averaged() as gan:
        for key, parameter in gan.generator.named_parameters():
            torch.testing.assert_close(parameter.detach(), average[key])
        for key, buffer in gan.generator.named_buffers():
            torch.testing.assert_close(
                buffer, trainer.averages["generator"].module.state_dict()[key]
            )
        assert gan.generator is not trained
    assert trainer.model.generator is trained


def weight_of(trainer: Trainer) -> float:
    (term,) = trainer.model.penalties._terms
    return term.weight


def test_settings_hold_for_the_step_before_which_they_are_asked_for() -> None:
    class Scheduled(DCGAN):
        def settings(self, progress: Progress) -> Settings:
            rate = 0.1 / (1 + progress.step)
            return Settings(
                players={"discriminator": {"lr": rate}, "generator": {"lr": rate / 2}},
                penalty_weight=progress.epoch + 1,
            )

    trainer = make_trainer(small(penalty="r1"), some_data(), Scheduled)
    trainer.optimizers["generator"].param_groups[0]["lr_factor"] = 0.01
    for step in range(4):
        trainer.step()
        rates = {
            player: optimizer.param_groups[0]["lr"]
            for player, optimizer in trainer.optimizers.items()
        }
        assert rates["discriminator"] == pytest.approx(0.1 / (1 + step))
        assert rates["generator"] == pytest.approx(0.01 * 0.05 / (1 + step))
        assert weight_of(trainer) == pytest.approx(step / 8 + 1)


def test_settings_that_say_nothing_mean_the_configured_weight() -> None:
    class Sometimes(DCGAN):
        def settings(self, progress: Progress) -> Settings:
            return Settings(penalty_weight=3.0 if progress.step == 0 else None)

    trainer = make_trainer(small(penalty="r1", penalty_weight=7.0), some_data(), Sometimes)
    trainer.step()
    assert weight_of(trainer) == 3.0
    trainer.step()
    assert weight_of(trainer) == 7.0
    own = make_trainer(small(penalty="r1:0.5", penalty_weight=7.0), some_data(), Sometimes)
    own.step()
    assert weight_of(own) == 0.5


def test_the_default_settings_decay_each_rate_and_raise_the_momentum() -> None:
    config = small(
        optimizer="sgd", lr=0.1, discriminator_lr=0.2, lr_decay=2, momentum=0.5, final_momentum=0.7
    )
    model = make_trainer(config, some_data()).model
    later = model.settings(Progress(3, 10, epoch=125.5, images=0)).players
    momentum = pytest.approx(0.6)
    assert later["discriminator"] == {"lr": pytest.approx(0.2 / 8), "momentum": momentum}
    assert later["generator"] == {"lr": pytest.approx(0.1 / 8), "momentum": momentum}
    end = model.settings(Progress(10**6, 10**6, epoch=300, images=0)).players
    assert end["generator"] == {"lr": 1e-6, "momentum": 0.7}
    slow = make_trainer(small(lr=5e-7, lr_decay=1.5), some_data()).model
    slowest = slow.settings(Progress(3, 10, epoch=1, images=0)).players
    assert slowest["generator"] == {"lr": 5e-7}  # a decay never raises it
    plain = make_trainer(small(), some_data()).model
    nothing = plain.settings(Progress(3, 10, epoch=1, images=0))
    assert nothing == Settings(players={"discriminator": {}, "generator": {}})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ema": 0.9},
        {"discriminator_steps": 2, "generator_batch": "fresh"},
        {"penalty": "gp", "loss": "wasserstein"},
        {"precision": "bf16"},
        {"update": "simultaneous", "optimizer": "sgd", "momentum": 0.5},
        {"spectral_norm": True, "loss": "hinge"},
        {"update": "extragradient", "penalty": "r1+r2"},
        {"augment": "diff"},
        {"augment": "ada", "ada_images": 64, "ema": 0.9, "ema_rampup": 0.5},
    ],
)
def test_a_restored_state_goes_on_bit_for_bit(options: dict[str, Any]) -> None:
    trainer = make_trainer(small(**options), some_data(), Mlp, dtype=torch.float32)
    for _ in range(5):
        trainer.step()
    state = copy.deepcopy(trainer.state_dict())
    expected = [{k: v.item() for k, v in trainer.step().items()} for _ in range(5)]
    other = make_trainer(small(**options), some_data(), Mlp, dtype=torch.float32)
    torch.manual_seed(77)
    other.load_state_dict(state)
    assert [{k: v.item() for k, v in other.step().items()} for _ in range(5)] == expected
