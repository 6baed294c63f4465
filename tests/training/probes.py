"""Small games of every kind: what the one loop must carry without naming any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool import (
    GAN,
    Batch,
    GANConfig,
    Latent,
    Losses,
    Model,
    Progress,
    Shapes,
    TrainConfig,
    Turn,
)


def mlp(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, 12), nn.Tanh(), nn.Linear(12, outputs))


def images(shapes: Shapes) -> nn.Unflatten:
    return nn.Unflatten(1, shapes.sample)


class Plain(GAN[GANConfig]):
    """Two small networks without BatchNorm."""

    def build(self, shapes: Shapes) -> None:
        self.generator = nn.Sequential(
            *mlp(self.latent.dimension, shapes.values), nn.Tanh(), images(shapes)
        )
        self.discriminator = nn.Sequential(nn.Flatten(), *mlp(shapes.values, 1))


class InfoGAN(Plain):
    """Chen et al. 2016: Q moves with G, on a code of three classes after the noise."""

    def build(self, shapes: Shapes) -> None:
        super().build(shapes)
        self.q = nn.Sequential(nn.Flatten(), *mlp(shapes.values, 3))

    @property
    def latent(self) -> Latent:
        noise, digit = Latent("normal", self.config.nz), Latent("categorical", 3)
        return Latent.of(noise=noise, digit=digit)

    def players(self) -> dict[str, Sequence[nn.Module]]:
        return {"discriminator": (self.discriminator,), "generator": (self.generator, self.q)}

    def generator_loss(self, batch: Batch) -> Losses:
        losses = super().generator_loss(batch)
        digit = self.latent.split(batch.z)["digit"]
        code = F.cross_entropy(self.q(batch.fake), digit.argmax(1))
        return Losses(losses.total + code, fake_logits=losses.fake_logits, extra={"code": code})


class BiGAN(Plain):
    """Donahue et al. 2017: D sees pairs; G and E move against it in one turn."""

    keeps = ("generator", "encoder")

    def build(self, shapes: Shapes) -> None:
        super().build(shapes)
        self.encoder = nn.Sequential(nn.Flatten(), *mlp(shapes.values, self.config.nz))
        self.discriminator = mlp(shapes.values + self.config.nz, 1)

    def players(self) -> dict[str, Sequence[nn.Module]]:
        return {
            "discriminator": (self.discriminator,),
            "generator": (self.generator, self.encoder),
        }

    def judge(self, x: Tensor, y: Tensor | None) -> Tensor:
        return self.pair(x, self.encoder(x))

    def pair(self, x: Tensor, z: Tensor) -> Tensor:
        return self.discriminator(torch.cat([x.flatten(1), z], dim=1)).flatten()

    def discriminator_loss(self, batch: Batch) -> Losses:
        real = self.pair(batch.real, self.encoder(batch.real).detach())
        fake = self.pair(batch.fake, batch.z)
        return Losses(self.objective.discriminator(real, fake), real_logits=real, fake_logits=fake)

    def generator_loss(self, batch: Batch) -> Losses:
        real = self.pair(batch.real, self.encoder(batch.real))
        fake = self.pair(batch.fake, batch.z)
        return Losses(F.softplus(real).mean() + F.softplus(-fake).mean(), fake_logits=fake)


class BEGAN(Plain):
    """Berthelot et al. 2017: D is an autoencoder, and k is a state of the game."""

    def build(self, shapes: Shapes) -> None:
        super().build(shapes)
        self.discriminator = nn.Sequential(
            nn.Flatten(), *mlp(shapes.values, shapes.values), images(shapes)
        )
        self.register_buffer("k", torch.tensor(0.1, dtype=torch.float64))

    @property
    def d_scale(self) -> None:
        return None

    def judge(self, x: Tensor, y: Tensor | None) -> Tensor:
        return -(x - self.discriminator(x)).abs().flatten(1).mean(1)

    def discriminator_loss(self, batch: Batch) -> Losses:
        real, fake = -self.real_logits(batch).mean(), -self.fake_logits(batch).mean()
        return Losses(
            real - self.k.to(fake) * fake, extra={"energy_real": real, "energy_fake": fake}
        )

    def generator_loss(self, batch: Batch) -> Losses:
        return Losses(-self.fake_logits(batch).mean())

    def after_step(self, metrics: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        balance = 0.5 * metrics["energy_real"] - metrics["energy_fake"]
        self.k.add_(0.001 * balance).clamp_(0, 1)
        return {"k": self.k.clone().float()}


class LazyR1(Plain):
    """Karras et al. 2020: R1 in a turn of its own, every third step, three times as strong."""

    def turns(self, progress: Progress) -> Sequence[Turn]:
        lazy = Turn("discriminator", self.r1, real="new", latent="none", name="r1")
        return [*super().turns(progress), *([lazy] if progress.step % 3 == 0 else [])]

    def r1(self, batch: Batch) -> Losses:
        real = batch.real.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(
            self.discriminate(real, None).sum(), real, create_graph=True
        )
        return Losses(3 * 5.0 * gradient.flatten(1).square().sum(1).mean())


class ChangingCritic(Plain):
    """Arjovsky et al. 2017: many critic steps at first, few later."""

    def turns(self, progress: Progress) -> Sequence[Turn]:
        d, g = super().turns(progress)
        return [d] * (4 if progress.step < 3 else 2) + [g]


class VAE(Model[TrainConfig]):
    """Kingma and Welling 2014: an outsider, with noise inside its loss."""

    keeps = ("generator", "encoder")

    def build(self, shapes: Shapes) -> None:
        self.generator = nn.Sequential(
            *mlp(self.config.nz, shapes.values), nn.Tanh(), images(shapes)
        )
        self.encoder = nn.Sequential(nn.Flatten(), *mlp(shapes.values, 2 * self.config.nz))

    def players(self) -> dict[str, Sequence[nn.Module]]:
        return {"vae": (self.encoder, self.generator)}

    def turns(self, progress: Progress) -> Sequence[Turn]:
        return [Turn("vae", self.elbo, latent="none")]

    def elbo(self, batch: Batch) -> Losses:
        mean, log_variance = self.encoder(batch.real).chunk(2, dim=1)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        difference = (self.generate(z, None) - batch.real).square().flatten(1).sum(1).mean()
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return Losses(difference + kl, extra={"kl": kl})


PROBES: dict[str, type[Model[Any]]] = {
    "infogan": InfoGAN,
    "bigan": BiGAN,
    "began": BEGAN,
    "lazy-r1": LazyR1,
    "changing-critic": ChangingCritic,
    "vae": VAE,
}
