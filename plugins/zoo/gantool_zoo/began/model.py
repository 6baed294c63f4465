"""BEGAN's networks and balance."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from gantool import GAN, Batch, Losses, Shapes
from gantool.models.dcgan.model import between, maps
from gantool_zoo.began import BEGANConfig


def conv(inputs: int, outputs: int, **how: Any) -> list[nn.Module]:
    """A convolution, 3 x 3 unless `how` says otherwise, and an exponential linear unit."""
    return [nn.Conv2d(inputs, outputs, **{"kernel_size": 3, "padding": 1, **how}), nn.ELU()]


def encoder(shapes: Shapes, n: int, code: int) -> nn.Sequential:
    """Images [N, C, H, W] to codes [N, code]: n more channels where the sides are halved."""
    sizes = maps(shapes.size)[:-1]
    layers = conv(shapes.channels, n)
    for i, (larger, smaller) in enumerate(pairwise(sizes), 1):
        layers += [*conv(i * n, i * n), *conv(i * n, (i + 1) * n, **between(larger, smaller))]
    width = len(sizes) * n
    layers += [*conv(width, width), nn.Flatten(), nn.Linear(width * prod(sizes[-1]), code)]
    return nn.Sequential(*layers)


def decoder(shapes: Shapes, n: int, code: int) -> nn.Sequential:
    """Codes [N, code] to images [N, C, H, W] in no bounds; pixels are repeated to go up a size."""
    *larger, smallest = maps(shapes.size)[:-1]
    layers = [nn.Linear(code, n * prod(smallest)), nn.Unflatten(1, (n, *smallest)), *conv(n, n)]
    for size in reversed(larger):
        layers += [*conv(n, n), nn.Upsample(size), *conv(n, n)]
    return nn.Sequential(*layers, *conv(n, n), nn.Conv2d(n, shapes.channels, 3, padding=1))


class BEGAN(GAN):
    """BEGAN (Berthelot et al. 2017): losses of an autoencoder, L(v) = E|v - D(v)|.

    A logit is an error turned around, so that D(x) is higher the more real x seems.
    """

    d_scale = "raw"
    config: BEGANConfig
    k: Tensor

    def build(self, shapes: Shapes) -> None:
        """A generator, which is such a decoder as D has, and the autoencoder."""
        code, n = self.config.nz, self.config.filters
        self.generator = nn.Sequential(decoder(shapes, n, code), nn.Tanh())
        self.discriminator = nn.Sequential(encoder(shapes, n, code), decoder(shapes, n, code))
        self.register_buffer("k", torch.zeros(()))

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
        real, fake = -metrics["d_real"].to(self.k), metrics["loss_g"].to(self.k)
        balance = self.config.gamma * real - fake
        self.k.add_(self.config.k_rate * balance).clamp_(0, 1)
        return {"k": self.k.clone(), "convergence": real + balance.abs()}
