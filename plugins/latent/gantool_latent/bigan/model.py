"""BiGAN's networks and game."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gantool import Batch, Losses, Shapes
from gantool.data.prepared import Split
from gantool.gan.layers import perceptron
from gantool.models.dcgan import model as dcgan


class BiGAN(dcgan.DCGAN):
    """BiGAN (Donahue et al. 2016): G and E move together, against a D that sees (x, z)."""

    keeps = ("generator", "encoder")

    def build(self, shapes: Shapes) -> None:
        """DCGAN's networks, its discriminator's as encoder too; for points perceptrons."""
        config, nz, norm = self.config, self.config.nz, self._batch_norm()
        self.generator = self.make_generator(nz)
        if shapes.kind == "points":
            self.encoder = perceptron(shapes.values, nz, width=4 * config.ndf)
            seen = perceptron(shapes.values, 4 * config.ndf, width=4 * config.ndf)
        else:
            encoder = dcgan.discriminator(shapes, config.ndf, batch_norm=True, outputs=nz)
            # E(x) is then as large as z from the first step on: D cannot tell by that.
            self.encoder = nn.Sequential(*encoder, nn.Flatten(), nn.BatchNorm1d(nz))
            seen = dcgan.discriminator(shapes, config.ndf, batch_norm=norm, outputs=4 * config.ndf)
        self.discriminator = Pairs(seen, nz, width=4 * config.ndf)

    def initialize(self, train_data: Split) -> None:
        """DCGAN's first weights, the encoder's too; perceptrons keep PyTorch's."""
        super().initialize(train_data)
        self.encoder.apply(dcgan.initialize_weights)
        if self.config.latent == "uniform":  # of this deviation in [-1, 1]
            last = self.encoder[-1]
            if isinstance(last, nn.BatchNorm1d):
                nn.init.constant_(last.weight, 3**-0.5)

    def players(self):
        """The encoder moves with the generator."""
        return {**super().players(), "generator": (self.generator, self.encoder)}

    def encode(self, x: Tensor, y: Tensor | None) -> Tensor:
        """E(x)."""
        return self.encoder(x)

    def judge(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Logits [N] of the pairs (x, E(x)), as real images come."""
        return self.discriminator(x, self.encoder(x))

    def fake_logits(self, batch: Batch) -> Tensor:
        """Logits [N] of the pairs (G(z), z)."""
        if batch.fake_logits is not None:
            return batch.fake_logits
        return self.discriminator(batch.fake, batch.z).to(batch.z.dtype)

    def generator_loss(self, batch: Batch) -> Losses:
        """D's loss with real and fake exchanged: the authors' inverse objective (section 3.4).

        With loss minimax it is D's with the other sign: the zero-sum game (equation 2).
        """
        real, fake = self.real_logits(batch), self.fake_logits(batch)
        if self.config.loss == "minimax":
            total = -self.objective.discriminator(real, fake)
        else:
            total = self.objective.discriminator(fake, real)
        return Losses(total, real_logits=real, fake_logits=fake)


class Pairs(nn.Module):
    """Logits [N] of samples and latents [N, nz]: features of both, joined by two dense layers.

    Args:
        seen: from samples to features [N, width] (or [N, width, 1, 1]).
        nz: dimensions of the latents.
        width: of all layers.
    """

    def __init__(self, seen: nn.Module, nz: int, width: int) -> None:
        super().__init__()
        self.seen, self.told = seen, nn.Linear(nz, width)
        self.joint = nn.Sequential(
            nn.LeakyReLU(0.2), nn.Linear(2 * width, width), nn.LeakyReLU(0.2), nn.Linear(width, 1)
        )

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """The logits."""
        features = torch.cat([self.seen(x).flatten(1), self.told(z)], dim=1)
        return self.joint(features).flatten()
