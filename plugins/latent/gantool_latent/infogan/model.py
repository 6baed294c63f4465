"""InfoGAN's networks and game."""

from __future__ import annotations

import math
from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor, nn

from gantool import Batch, Latent, Losses, Shapes
from gantool.models.dcgan.model import DCGAN


class InfoGAN(DCGAN):
    """InfoGAN (Chen et al. 2016): Q reads the codes from D's features, and moves with G."""

    @property
    def latent(self) -> Latent:
        """Noise, a categorical code and continuous ones."""
        return Latent.of(
            noise=Latent(self.config.latent, self.config.nz),
            category=Latent("categorical", self.config.categories),
            style=Latent("uniform", self.config.styles),
        )

    def build(self, shapes: Shapes) -> None:
        """DCGAN's networks, for points perceptrons; Q takes what D's last layer takes."""
        self.generator = self.make_generator(self.latent.dimension)
        self.discriminator = self.make_discriminator()
        self.q = nn.Sequential(
            nn.Flatten(),
            nn.Linear(self.discriminator[-1].weight.numel(), 128),
            nn.BatchNorm1d(128),
            nn.LeakyReLU(0.1),
            nn.Linear(128, self.config.categories + 2 * self.config.styles),
        )

    def players(self):
        """Q moves with the generator."""
        return {**super().players(), "generator": (self.generator, self.q)}

    def judge(self, x: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor]:
        """Logits [N], and the features that D and Q share."""
        features = self.discriminator[:-1](x)
        return self.discriminator[-1](features).flatten(), features

    def generator_loss(self, batch: Batch) -> Losses:
        """V(D, G) - lambda L_I(G, Q), the paper's equation 6 but for the codes' entropy."""
        fake, features = self.discriminate(batch.fake, batch.fake_labels)
        losses = super().generator_loss(replace(batch, fake_logits=fake))
        category, style = self.surprise(features, batch.z)
        of_codes = self.config.category_weight * category + self.config.style_weight * style
        extra = {**losses.extra, "category": category, "style": style}
        return replace(losses, total=losses.total + of_codes, extra=extra)

    def surprise(self, features: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """-E log Q(c|x) in nats, of the categorical code and of all continuous ones: scalars."""
        codes, n = self.latent.split(z), self.config.categories
        answer = self.q(features).to(z.dtype)
        mean, log_variance = answer[:, n:].chunk(2, dim=1)
        squares = (codes["style"] - mean).square() / log_variance.exp()
        style = 0.5 * (squares + log_variance + math.log(2 * math.pi))
        return F.cross_entropy(answer[:, :n], codes["category"]), style.sum(1).mean()
