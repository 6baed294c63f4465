"""EBGAN's autoencoder and game."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from gantool import Batch, Losses, Shapes
from gantool.models.dcgan import model as dcgan
from gantool_zoo.ebgan import EBGANConfig


class CodeAndImage(nn.Module):
    """An autoencoder of DCGAN's layers: images [N, C, H, W] to themselves and their codes [N, D].

    What it draws is in [-1, 1].
    """

    def __init__(self, shapes: Shapes, width: int, *, code: int, batch_norm: bool) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            dcgan.discriminator(shapes, width, batch_norm=batch_norm, outputs=code), nn.Flatten()
        )
        self.decoder = dcgan.generator(shapes, code, ngf=width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image drawn from the code, and the code."""
        code = self.encoder(x)
        return self.decoder(code), code


def pulling_away(codes: Tensor) -> Tensor:
    """The squared cosine of two codes of a batch [N, D], a mean over all pairs: EBGAN-PT's term."""
    n = len(codes)
    unit = F.normalize(codes, dim=1)
    squares = (unit @ unit.T).square()
    return (squares.sum() - squares.diagonal().sum()) / max(1, n * (n - 1))


class EBGAN(dcgan.DCGAN):
    """EBGAN (Zhao et al. 2017): D gives real images a low energy, and fakes one above a margin.

    A logit is an energy turned around, so that D(x) is higher the more real x seems.
    """

    d_scale = "raw"
    config: EBGANConfig

    def build(self, shapes: Shapes) -> None:
        """DCGAN's generator, and an autoencoder."""
        config = self.config
        self.generator = dcgan.generator(shapes, config.nz, ngf=config.ngf)
        self.discriminator = CodeAndImage(
            shapes, config.ndf, code=config.code, batch_norm=self._batch_norm()
        )

    def judge(self, x: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor]:
        """The negative energy [N], which is the mean squared error of each image, and the code."""
        drawn, code = self.discriminator(x)
        return -(drawn - x).square().flatten(1).mean(1), code

    def discriminator_loss(self, batch: Batch) -> Losses:
        """E(x) + [m - E(G(z))]+, equation 1."""
        real, fake = self.real_logits(batch), self.fake_logits(batch)
        total = -real.mean() + (self.config.margin + fake).relu().mean()
        return Losses(total, real_logits=real, fake_logits=fake)

    def generator_loss(self, batch: Batch) -> Losses:
        """E(G(z)), equation 2, and the pulling-away term, weighted."""
        fake, code = self.discriminate(batch.fake, batch.fake_labels)
        total, weight = -fake.mean(), self.config.pulling_away
        if not weight:
            return Losses(total, fake_logits=fake)
        away = pulling_away(code)
        return Losses(total + weight * away, fake_logits=fake, extra={"pulling_away": away})
