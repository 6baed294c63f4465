"""Packs (Lin et al. 2018): a discriminator that judges several samples as one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool.config import GANConfig
from gantool.data.batches import Batches
from gantool.data.points.plane import PointSplit
from gantool.data.prepared import ImageSplit
from gantool.errors import ConfigError
from gantool.gan.base import GAN
from gantool.gan.game import Batch
from gantool.gan.shapes import Shapes
from gantool.models.dcgan import Config
from gantool.models.dcgan.model import DCGAN
from gantool.sampling.landscape import survey
from gantool.training.trainer import Trainer

CPU = torch.device("cpu")
IMAGES = Shapes((8, 8), 3, classes=0)


class Packs(GAN[GANConfig]):
    """Perceptrons whose D is drawn from what it judges."""

    def build(self, shapes: Shapes) -> None:
        self.generator = nn.Sequential(
            nn.Linear(4, shapes.values), nn.Tanh(), nn.Unflatten(1, shapes.sample)
        )
        self.discriminator = nn.Sequential(
            nn.Flatten(), nn.Linear(self.judged.values, 9), nn.Tanh(), nn.Linear(9, 1)
        )


class Labeled(Packs):
    conditional = True

    def build(self, shapes: Shapes) -> None:
        super().build(shapes)
        self.seen: list[Tensor] = []
        self.told: list[Tensor] = []

    def judge(self, x: Tensor, y: Tensor | None) -> Tensor:
        assert y is not None
        self.seen.append(x)
        self.told.append(y)
        return self.discriminator(x).flatten() + y


def split(labels: bool = False) -> ImageSplit:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, size=(60, 8, 8, 3), dtype=np.uint8)
    if not labels:
        return ImageSplit(pixels, None)
    pixels[:, 0, 0, 0] = np.arange(60) % 3  # an image that tells its class
    return ImageSplit(pixels, np.arange(60) % 3)


def trainer_of(kind: type[GAN[Any]], shapes: Shapes, data: Any, **options: Any) -> Trainer:
    torch.manual_seed(0)
    given = {"nz": 4, "batch_size": 12, "lr": 1e-2, "steps": 100, "epochs": None, "pack": 3}
    config = (Config if kind is DCGAN else GANConfig)(**{**given, **options})
    model = kind.create(config, shapes, train_data=data).double()
    batches = Batches(data, batch_size=12, seed=5, device=CPU, per_label=model.samples_per_label)
    return Trainer(model, batches, total_steps=100, rng=torch.Generator().manual_seed(3))


def packs_of(images: Tensor) -> Tensor:
    """Packs written out: image 3 i + j is part j of pack i, channels behind channels."""
    return torch.stack([torch.cat(list(images[i : i + 3])) for i in range(0, len(images), 3)])


@pytest.mark.parametrize("update", ["alternating", "simultaneous"])
def test_the_game_of_packs_follows_a_loop_written_out(update: str) -> None:
    """Lin et al. 2018, section 2: D(x_1, ..., x_m), the mean over packs; G's turn sees them too."""
    trainer = trainer_of(Packs, IMAGES, split(), update=update)
    model = trainer_of(Packs, IMAGES, split()).model
    batches, rng = Batches(split(), batch_size=12, seed=5, device=CPU), torch.Generator()
    rng.manual_seed(3)
    own = {
        name: torch.optim.Adam(getattr(model, name).parameters(), lr=1e-2, betas=(0.5, 0.999))
        for name in ("discriminator", "generator")
    }

    def gradients(player: str, loss: Tensor) -> None:
        parameters = list(getattr(model, player).parameters())
        found = torch.autograd.grad(loss, parameters, retain_graph=True)
        for parameter, gradient in zip(parameters, found, strict=True):
            parameter.grad = gradient

    def d(images: Tensor) -> Tensor:
        logits: Tensor = model.discriminator(packs_of(images))[:, 0]
        return logits

    for _ in range(4):
        real = next(batches)[0].double()
        fake = model.generator(model.sample_latent(12, rng).double())
        on_real, on_fake = d(real), d(fake)
        gradients("discriminator", F.softplus(-on_real).mean() + F.softplus(on_fake).mean())
        if update == "simultaneous":
            gradients("generator", F.softplus(-on_fake).mean())
        own["discriminator"].step()
        if update == "alternating":
            gradients("generator", F.softplus(-d(fake)).mean())
        own["generator"].step()
        metrics = trainer.step()
        assert metrics["d_real"].item() == pytest.approx(on_real.sigmoid().mean().item(), abs=1e-9)
        assert metrics["d_fake"].item() == pytest.approx(on_fake.sigmoid().mean().item(), abs=1e-9)
    for one, other in zip(trainer.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-9, rtol=0)
    assert trainer.draws.images == 48


@pytest.mark.parametrize("penalty", ["r1", "r2", "gp", "dragan"])
def test_penalties_take_a_pack_for_one_sample(penalty: str) -> None:
    """D = w . (x_1, x_2, x_3) has one slope everywhere: |w|, over the whole pack."""

    class Linear(Packs):
        def judge(self, x: Tensor, y: Tensor | None) -> Tensor:
            return (x.flatten(1) @ self.weight).flatten()

        def build(self, shapes: Shapes) -> None:
            super().build(shapes)
            values = torch.linspace(-1, 2, self.judged.values, dtype=torch.float32)
            self.weight = nn.Parameter(values)

    gan = trainer_of(Linear, IMAGES, split(), penalty=penalty, penalty_weight=7.0).model
    real, fake = torch.rand(2, 12, 3, 8, 8, dtype=torch.float64)
    losses = gan.discriminator_loss(Batch(real=real, fake=fake))
    slope = gan.weight.norm()
    expected = 3.5 * slope**2 if penalty in ("r1", "r2") else 7 * (slope - 1) ** 2
    assert losses.extra["penalty"].item() == pytest.approx(expected.item(), rel=1e-9)
    assert losses.real_logits is not None and losses.real_logits.shape == (4,)


def test_gp_takes_one_epsilon_for_a_pack() -> None:
    seen: list[Tensor] = []

    class Spy(Packs):
        def judge(self, x: Tensor, y: Tensor | None) -> Tensor:
            seen.append(x.detach())
            return super().judge(x, y)

    gan = trainer_of(Spy, IMAGES, split(), penalty="gp").model
    real, fake = torch.ones(12, 3, 8, 8).double(), -torch.ones(12, 3, 8, 8).double()
    gan.discriminator_loss(Batch(real=real, fake=fake))
    between = seen[-1].flatten(1)
    assert torch.equal(between, between[:, :1].expand_as(between))
    assert len(between[:, 0].unique()) == 4


def test_packs_hold_one_class_where_the_model_is_conditional() -> None:
    trainer = trainer_of(Labeled, Shapes((8, 8), 3, classes=3), split(labels=True))
    model = trainer.model
    assert model.samples_per_label == 3
    for _ in range(3):
        model.seen.clear()
        model.told.clear()
        trainer.step()
        real, labels = model.seen[0], model.told[0]
        # The first value of each image tells its class.
        classes = ((real[:, ::3, 0, 0] + 1) * 127.5).round().long()
        assert torch.equal(classes, labels[:, None].expand(4, 3))
        drawn = [labels for labels in model.told if len(labels) == 4]
        assert len(drawn) == 3


def test_fakes_of_a_pack_are_asked_for_one_class() -> None:
    asked: list[Tensor] = []

    class Asked(Labeled):
        def generate(self, z: Tensor, y: Tensor | None) -> Tensor:
            assert y is not None
            asked.append(y)
            return super().generate(z, y)

    trainer = trainer_of(Asked, Shapes((8, 8), 3, classes=3), split(labels=True))
    for _ in range(3):
        trainer.step()
    for labels in asked:
        packs = labels.view(4, 3)
        assert torch.equal(packs, packs[:, :1].expand(4, 3))
    assert len(torch.cat(asked).unique()) > 1


def test_images_are_augmented_one_by_one_before_they_are_packed() -> None:
    shapes: list[tuple[int, ...]] = []
    model = trainer_of(Packs, IMAGES, split(), augment="diff").model
    assert model.augmentation is not None
    model.augmentation.register_forward_hook(lambda _, given, __: shapes.append(given[0].shape))
    assert model.discriminate(torch.zeros(12, 3, 8, 8).double(), None).shape == (4,)
    assert shapes == [(12, 3, 8, 8)]


def test_points_are_packed_value_behind_value() -> None:
    points = PointSplit(np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32), None)
    trainer = trainer_of(Packs, Shapes.of_points(), points)
    assert trainer.model.judged.sample == (6,)
    assert survey(trainer.model, torch.zeros(4, 2), bound=1.0) is None  # of what is one point?
    assert all(torch.isfinite(value) for value in trainer.step().values())


@pytest.mark.parametrize("update", ["simultaneous", "extragradient"])
def test_dcgan_with_packs_trains_in_every_way(update: str) -> None:
    options = {"ngf": 2, "ndf": 2, "update": update, "penalty": "r1", "augment": "ada"}
    trainer = trainer_of(DCGAN, IMAGES, split(), **options)
    first = next(trainer.model.discriminator.children())
    assert first.in_channels == 9
    for _ in range(2):
        assert all(torch.isfinite(value) for value in trainer.step().values())


def test_a_pack_of_one_is_the_plain_game() -> None:
    gan = trainer_of(Packs, IMAGES, split(), pack=1).model
    assert gan.judged == gan.shapes


def test_what_cannot_be_packed_is_refused_in_words() -> None:
    class OneByOne(Packs):
        def build(self, shapes: Shapes) -> None:
            super().build(shapes)
            self.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(shapes.values, 1))

    with pytest.raises(ConfigError, match="takes samples one by one"):
        trainer_of(OneByOne, IMAGES, split())
    with pytest.raises(ConfigError, match="does not hold packs of 5 evenly"):
        trainer_of(Packs, IMAGES, split(), pack=5)
