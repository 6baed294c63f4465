"""BEGAN's networks and balance."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from gantool import GAN, Batch, Losses, Shapes
from gantool.models.dcgan.model import between, maps
from gantool_zoo.began import BEGANConfig


def convolution(inputs: int, outputs: int) -> list[nn.Module]:
    """3 x 3, and an exponential linear unit."""
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ELU()]


def encoder(shapes: Shapes, filters: int, code: int) -> nn.Sequential:
    """Images [N, C, H, W] to codes [N, code]: channels grow by `filters` where the sides halve."""
    sizes = maps(shapes.size)[:-1]
    layers = convolution(shapes.channels, filters)
    for i, (larger, smaller) in enumerate(pairwise(sizes), 1):
        layers += [
            *convolution(i * filters, i * filters),
            nn.Conv2d(i * filters, (i + 1) * filters, **between(larger, smaller)),
            nn.ELU(),
        ]
    width, (height, across) = len(sizes) * filters, sizes[-1]
    return nn.Sequential(
        *layers,
        *convolution(width, width),
        nn.Flatten(),
        nn.Linear(width * height * across, code),
    )


def decoder(shapes: Shapes, filters: int, code: int) -> nn.Sequential:
    """Codes [N, code] to images [N, C, H, W] in no bounds: pixels are repeated to go up a size."""
    *larger, (height, across) = maps(shapes.size)[:-1]
    layers: list[nn.Module] = [
        nn.Linear(code, filters * height * across),
        nn.Unflatten(1, (filters, height, across)),
        *convolution(filters, filters),
    ]
    for size in reversed(larger):
        layers += [
            *convolution(filters, filters),
            nn.Upsample(size),
            *convolution(filters, filters),
        ]
    return nn.Sequential(*layers, nn.Conv2d(filters, shapes.channels, 3, padding=1))


class BEGAN(GAN):
    """BEGAN (Berthelot et al. 2017): losses of an autoencoder, L(v) = E|v - D(v)|.

    A logit is an error turned around, so that D(x) is higher the more real x seems.
    """

    config: BEGANConfig
    k: Tensor

    def build(self, shapes: Shapes) -> None:
        """A generator, which is such a decoder as D has, and the autoencoder."""
        nz, filters = self.config.nz, self.config.filters
        self.generator = nn.Sequential(decoder(shapes, filters, nz), nn.Tanh())
        self.discriminator = nn.Sequential(
            encoder(shapes, filters, nz), decoder(shapes, filters, nz)
        )
        self.register_buffer("k", torch.zeros((), dtype=torch.float64))

    @property
    def d_scale(self) -> Literal["raw"]:
        """Errors are no probabilities."""
        return "raw"

    def judge(self, x: Tensor, y: Tensor | None) -> Tensor:
        """The negative of the mean absolute error of each image, [N]."""
        return -(x - self.discriminator(x)).abs().flatten(1).mean(1)

    def discriminator_loss(self, batch: Batch) -> Losses:
        """L(x) - k L(G(z))."""
        real, fake = self.real_logits(batch), self.fake_logits(batch)
        total = -real.mean() + self.k.to(fake) * fake.mean()
        return Losses(total, real_logits=real, fake_logits=fake)

    def generator_loss(self, batch: Batch) -> Losses:
        """L(G(z))."""
        fake = self.fake_logits(batch)
        return Losses(-fake.mean(), fake_logits=fake)

    def after_step(self, metrics: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Move k by gamma L(x) - L(G(z)), and tell the measure of convergence M."""
        real, fake = -metrics["d_real"].double(), metrics["loss_g"].double()
        balance = self.config.gamma * real - fake
        self.k.add_((self.config.k_rate * balance).to(self.k.device)).clamp_(0, 1)
        return {"k": self.k.clone().float(), "convergence": (real + balance.abs()).float()}
