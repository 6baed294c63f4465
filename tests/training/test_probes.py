"""Games of every kind through the one loop, each against a loop written here from its formulas."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from probes import PROBES, BiGAN, ChangingCritic, LazyR1, Plain
from torch import Tensor, nn

from gantool.config import CHOICES, GANConfig, TrainConfig
from gantool.data.batches import Batches
from gantool.data.prepared import ImageSplit
from gantool.errors import ConfigError, GantoolError
from gantool.gan.base import GAN, Model
from gantool.gan.game import Batch, Losses, Progress, Turn
from gantool.gan.shapes import Shapes
from gantool.machine.distributed import ALONE
from gantool.plugins.registry import load_registry
from gantool.plugins.spec import PenaltySpec
from gantool.training.draws import steps_in
from gantool.training.trainer import Trainer

CPU = torch.device("cpu")
STEPS = 10
Metrics = dict[str, float]


def split() -> ImageSplit:
    pixels = np.random.default_rng(0).integers(0, 256, size=(64, 8, 8, 1), dtype=np.uint8)
    return ImageSplit(pixels, None)


def trainer_of(kind: type[Model[Any]], **options: Any) -> Trainer:
    torch.manual_seed(0)
    given = {"nz": 4, "batch_size": 8, "lr": 1e-2, "steps": 100, "epochs": None}
    config = (GANConfig if issubclass(kind, GAN) else TrainConfig)(**{**given, **options})
    model = kind.create(config, Shapes((8, 8), 1, classes=0), train_data=split()).double()
    batches = Batches(split(), batch_size=8, seed=5, device=CPU)
    return Trainer(model, batches, total_steps=100, rng=torch.Generator().manual_seed(3))


class Reference:
    """The networks, batches and latents of a trainer, for a loop of one's own."""

    def __init__(self, trainer: Trainer) -> None:
        self.model = copy.deepcopy(trainer.model)
        self.batches = Batches(split(), batch_size=8, seed=5, device=CPU)
        self.rng = torch.Generator().manual_seed(3)
        self.adams = {
            name: torch.optim.Adam(
                [p for module in modules for p in module.parameters()], lr=1e-2, betas=(0.5, 0.999)
            )
            for name, modules in self.model.players().items()
        }

    def real(self) -> Tensor:
        return next(self.batches)[0].double()

    def z(self) -> Tensor:
        return self.model.sample_latent(8, self.rng).double()

    def move(self, player: str, loss: Tensor, *, retain: bool = False) -> float:
        adam = self.adams[player]
        adam.zero_grad()
        own = adam.param_groups[0]["params"]
        gradients = torch.autograd.grad(loss, own, retain_graph=retain, allow_unused=True)
        for p, g in zip(own, gradients, strict=True):
            p.grad = g
        adam.step()
        return loss.item()


def two_losses(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """The non-saturating game's losses of D and of G."""
    return F.softplus(-real).mean() + F.softplus(fake).mean(), F.softplus(-fake).mean()


def infogan(ref: Reference, step: int) -> Metrics:
    m, x, z = ref.model, ref.real(), ref.z()
    fake = m.generator(z)
    d = ref.move("discriminator", two_losses(m.discriminator(x), m.discriminator(fake.detach()))[0])
    code = -torch.log_softmax(m.q(fake), 1)[torch.arange(8), z[:, -3:].argmax(1)].mean()
    g = ref.move("generator", F.softplus(-m.discriminator(fake)).mean() + code)
    return {"loss_d": d, "loss_g": g, "code": code.item()}


def bigan(ref: Reference, step: int) -> Metrics:
    m, x, z = ref.model, ref.real(), ref.z()

    def d_of(images: Tensor, latent: Tensor) -> Tensor:
        return m.discriminator(torch.cat([images.reshape(8, -1), latent], 1))

    fake = m.generator(z)
    d = ref.move(
        "discriminator", two_losses(d_of(x, m.encoder(x).detach()), d_of(fake.detach(), z))[0]
    )
    g = ref.move(
        "generator",
        F.softplus(d_of(x, m.encoder(x))).mean() + F.softplus(-d_of(fake, z)).mean(),
    )
    return {"loss_d": d, "loss_g": g}


def began(ref: Reference, step: int) -> Metrics:
    m, x, z = ref.model, ref.real(), ref.z()

    def energy(images: Tensor) -> Tensor:
        return (images - m.discriminator(images)).abs().mean()

    fake = m.generator(z)
    real, made = energy(x), energy(fake.detach())
    d = ref.move("discriminator", real - m.k * made)
    g = ref.move("generator", energy(fake))
    m.k.copy_((m.k + 0.001 * (0.5 * real.item() - made.item())).clamp(0, 1))
    return {"loss_d": d, "loss_g": g, "k": m.k.item()}


def lazy_r1(ref: Reference, step: int) -> Metrics:
    m, x, z = ref.model, ref.real(), ref.z()
    fake = m.generator(z)
    d = ref.move("discriminator", two_losses(m.discriminator(x), m.discriminator(fake.detach()))[0])
    g = ref.move("generator", F.softplus(-m.discriminator(fake)).mean())
    found = {"loss_d": d, "loss_g": g}
    if step % 3 == 0:
        x = ref.real().requires_grad_()
        (slope,) = torch.autograd.grad(m.discriminator(x).sum(), x, create_graph=True)
        found["r1"] = ref.move("discriminator", 15 * slope.square().sum((1, 2, 3)).mean())
    return found


def changing_critic(ref: Reference, step: int) -> Metrics:
    m = ref.model
    for _ in range(4 if step < 3 else 2):
        x, fake = ref.real(), m.generator(ref.z())
        d = ref.move(
            "discriminator", two_losses(m.discriminator(x), m.discriminator(fake.detach()))[0]
        )
    return {"loss_d": d, "loss_g": ref.move("generator", F.softplus(-m.discriminator(fake)).mean())}


def vae(ref: Reference, step: int) -> Metrics:
    m, x = ref.model, ref.real()
    out = m.encoder(x)
    mean, log_variance = out[:, :4], out[:, 4:]
    z = mean + torch.randn(8, 4, dtype=torch.float64) * torch.exp(log_variance / 2)
    difference = ((m.generator(z) - x) ** 2).sum((1, 2, 3)).mean()
    kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1).mean()
    return {"loss_vae": ref.move("vae", difference + kl), "kl": kl.item()}


LOOPS: dict[str, Callable[[Reference, int], Metrics]] = {
    "infogan": infogan,
    "bigan": bigan,
    "began": began,
    "lazy-r1": lazy_r1,
    "changing-critic": changing_critic,
    "vae": vae,
}


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_follows_its_reference_loop(name: str) -> None:
    trainer = trainer_of(PROBES[name])
    reference = Reference(trainer)
    state = torch.get_rng_state()
    expected = [LOOPS[name](reference, step) for step in range(STEPS)]
    torch.set_rng_state(state)
    for step in range(STEPS):
        metrics = trainer.step()
        for key, value in expected[step].items():
            close = 1e-6 if key == "k" else 1e-9  # k is recorded as float32
            assert metrics[key].item() == pytest.approx(value, abs=close), (step, key)
    for own, other in zip(trainer.model.parameters(), reference.model.parameters(), strict=True):
        torch.testing.assert_close(own, other, atol=1e-9, rtol=0)


def test_extragradient_follows_gidels_algorithm() -> None:
    """Both half-steps update Adam's moments, each with a batch of its own; the weights go back."""
    trainer = trainer_of(Plain, update="extragradient")
    reference = Reference(trainer)
    m = reference.model
    parameters = [p for adam in reference.adams.values() for p in adam.param_groups[0]["params"]]
    for _ in range(STEPS):
        before = [p.detach().clone() for p in parameters]
        for half in ("extrapolate", "update"):
            x, z = reference.real(), reference.z()
            fake = m.generator(z)
            d_loss, g_loss = two_losses(m.discriminator(x), m.discriminator(fake))
            gradients = {}
            for player, loss in (("discriminator", d_loss), ("generator", g_loss)):
                own = reference.adams[player].param_groups[0]["params"]
                gradients[player] = torch.autograd.grad(loss, own, retain_graph=True)
            if half == "update":
                with torch.no_grad():
                    for p, weight in zip(parameters, before, strict=True):
                        p.copy_(weight)
            for player, found in gradients.items():
                adam = reference.adams[player]
                for p, g in zip(adam.param_groups[0]["params"], found, strict=True):
                    p.grad = g
                adam.step()
        metrics = trainer.step()
        assert metrics["loss_d"].item() == pytest.approx(d_loss.item(), abs=1e-9)
        assert metrics["loss_g"].item() == pytest.approx(g_loss.item(), abs=1e-9)
        assert "d_fake_after" not in metrics
    for own, other in zip(trainer.model.parameters(), m.parameters(), strict=True):
        torch.testing.assert_close(own, other, atol=1e-9, rtol=0)
    assert trainer.draws.images == 2 * 8 * STEPS
    assert trainer.batches.drawn == 2 * STEPS


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_goes_on_bit_for_bit_after_a_kill(name: str) -> None:
    trainer = trainer_of(PROBES[name], ema=0.9)
    for _ in range(4):
        trainer.step()
    buffer = io.BytesIO()
    torch.save(trainer.state_dict(), buffer)
    buffer.seek(0)
    expected = [{k: v.item() for k, v in trainer.step().items()} for _ in range(4)]
    other = trainer_of(PROBES[name], ema=0.9)
    torch.manual_seed(99)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    assert [{k: v.item() for k, v in other.step().items()} for _ in range(4)] == expected
    assert set(trainer.averages) == set(trainer.model.keeps)


@pytest.mark.parametrize("update", ["simultaneous", "extragradient"])
@pytest.mark.parametrize("name", ["infogan", "bigan", "began", "vae"])
def test_every_game_can_be_played_in_every_way(name: str, update: str) -> None:
    trainer = trainer_of(PROBES[name], update=update)
    for _ in range(3):
        assert all(torch.isfinite(value) for value in trainer.step().values())


def test_turns_that_cannot_be_are_refused_in_words() -> None:
    class SameFirst(Plain):
        def turns(self, progress: Progress) -> list[Turn]:
            return [Turn("generator", self.generator_loss, real="none", latent="same")]

    class Twice(Plain):
        def turns(self, progress: Progress) -> list[Turn]:
            d, g = super().turns(progress)
            return [d, g, g]

    with pytest.raises(ConfigError, match="none has drawn any"):
        trainer_of(SameFirst).step()
    with pytest.raises(ConfigError, match="by one draw of latents"):
        trainer_of(Twice).step()
    with pytest.raises(ConfigError, match="has more"):
        trainer_of(LazyR1, update="extragradient").step()


def test_nothing_is_drawn_in_vain() -> None:
    calls: list[str] = []

    class Counting(Plain):
        def sample_latent(self, n: int, rng: torch.Generator) -> Tensor:
            calls.append("latent")
            return super().sample_latent(n, rng)

        def generate(self, z: Tensor, y: Tensor | None) -> Tensor:
            calls.append("fake")
            return super().generate(z, y)

        def turns(self, progress: Progress) -> list[Turn]:
            return [
                Turn("discriminator", self.quiet, latent="none"),
                Turn("discriminator", self.quiet, real="none", fake=False),
            ]

        def quiet(self, batch: Batch) -> Losses:
            return Losses(sum(p.square().sum() for p in self.discriminator.parameters()))

    trainer = trainer_of(Counting)
    trainer.step()
    assert calls == ["latent"]
    assert trainer.batches.drawn == 1


def test_a_tuple_in_the_place_of_logits_is_refused_where_it_is_given() -> None:
    critic = torch.zeros(4), torch.zeros(4, 2)
    with pytest.raises(
        TypeError, match=r"fake_logits=\.\.\.\) is for the logits \[N\], not a tuple"
    ):
        Losses(torch.zeros(()), fake_logits=critic)  # type: ignore[arg-type]


def played(trainer: Trainer, epochs: int) -> int:
    steps = 0
    while trainer.batches.drawn <= epochs * trainer.batches.per_epoch:
        trainer.step()
        steps += 1
    return max(1, steps - 1)


@pytest.mark.parametrize("kind", [Plain, LazyR1, ChangingCritic, PROBES["vae"], BiGAN])
def test_a_budget_counted_on_paper_is_what_is_played(kind: type[Model[Any]]) -> None:
    trainer = trainer_of(kind)
    budget = {"batch_size": 8, "batches_per_epoch": trainer.batches.per_epoch}
    assert steps_in(trainer.model, epochs=2, **budget) == played(trainer_of(kind), 2)
    wanted = steps_in(trainer.model, images=300, **budget)
    for _ in range(wanted - 1):
        trainer.step()
    assert trainer.draws.images < 300
    trainer.step()
    assert trainer.draws.images >= 300


def test_a_game_without_real_data_needs_steps() -> None:
    class Blind(Plain):
        def turns(self, progress: Progress) -> Iterator[Turn]:
            return [Turn("generator", self.generator_loss, real="none")]

    model = trainer_of(Blind).model
    with pytest.raises(GantoolError, match="draws no real data"):
        steps_in(model, epochs=1, batch_size=8, batches_per_epoch=8)


class Points:
    """Batches of points on a circle, as the loop asks for real data."""

    device, world, batch_size, per_epoch = CPU, ALONE, 8, 10

    def __init__(self) -> None:
        self.drawn = 0

    @property
    def epoch(self) -> float:
        return self.drawn / self.per_epoch

    def __next__(self) -> tuple[Tensor, None]:
        self.drawn += 1
        angle = torch.arange(8) * 2 * torch.pi / 8 + self.drawn
        return torch.stack([angle.cos(), angle.sin()], dim=1), None


@pytest.mark.parametrize("kind", PROBES.values())
def test_the_loop_does_not_look_at_the_kind_of_the_data(kind: type[Model[Any]]) -> None:
    config = (GANConfig if issubclass(kind, GAN) else TrainConfig)(nz=4, batch_size=8)
    model = kind.create(config, Shapes.of_points())
    points: Any = Points()
    rng = torch.Generator().manual_seed(0)
    trainer = Trainer(model, points, total_steps=3, rng=rng)
    metrics = list(trainer.train())
    assert all(torch.isfinite(value).all() for step in metrics for value in step.values())
    z, y = model.example(5)
    assert model.generate(z, y).shape == (5, *model.shapes.sample)
    assert trainer.draws.images == 8 * points.drawn


class Growing(nn.Module):
    """A penalty with state: it is the heavier the more steps there were."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros(()))
        self.steps: Tensor

    def forward(self, discriminate: Any, batch: Batch, **given: Any) -> Tensor:
        weighted: Tensor = given["weight"] * self.steps * given["real_logits"].square().mean()
        return weighted

    def after_step(self, metrics: Any) -> dict[str, Tensor]:
        self.steps.add_(1)
        return {"heaviness": self.steps.clone()}


def test_the_state_of_a_penalty_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = PenaltySpec(name="growing", summary="a test", make=Growing, weight=0.1)
    monkeypatch.setitem(load_registry().penalties, "growing", spec)
    monkeypatch.setitem(CHOICES, "penalty", {**CHOICES["penalty"], "growing": "a test"})
    whole = trainer_of(Plain, penalty="growing")
    metrics = [trainer_step(whole) for _ in range(4)]
    assert [step["heaviness"] for step in metrics] == [1, 2, 3, 4]
    half = trainer_of(Plain, penalty="growing")
    for _ in range(2):
        half.step()
    resumed = trainer_of(Plain, penalty="growing")
    resumed.load_state_dict(copy.deepcopy(half.state_dict()))
    assert [trainer_step(resumed) for _ in range(2)] == metrics[2:]


def trainer_step(trainer: Trainer) -> dict[str, float]:
    return {name: value.item() for name, value in trainer.step().items()}
