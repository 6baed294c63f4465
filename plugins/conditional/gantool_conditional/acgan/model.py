"""AC-GAN's networks and game."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from gantool import Batch, Losses, Shapes
from gantool.models.dcgan.model import DCGAN


class ACGAN(DCGAN):
    """AC-GAN (Odena et al. 2016): D's last layer has a logit of the source and of each class."""

    conditional = True

    def build(self, shapes: Shapes) -> None:
        """DCGAN's networks, with the one-hot label beside the latent; for points perceptrons."""
        self.generator = self.make_generator(self.config.nz + shapes.classes)
        self.discriminator = self.make_discriminator(1 + shapes.classes)

    def generate(self, z: Tensor, y: Tensor) -> Tensor:
        """Samples of the classes y."""
        return self.generator(torch.cat([z, F.one_hot(y, self.shapes.classes).to(z)], dim=1))

    def judge(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the source [N], and of the classes [N, classes]; y is not asked for."""
        answer = self.discriminator(x).flatten(1)
        return answer[:, 0], answer[:, 1:]

    def discriminator_loss(self, batch: Batch) -> Losses:
        """L_S + L_C of the paper's section 3, both negated: real images and fakes have a class."""
        batch = self.penalties.ready(batch)
        real, of_real = self.discriminate(batch.real, batch.real_labels)
        fake, of_fake = self.discriminate(batch.fake, batch.fake_labels)
        losses = super().discriminator_loss(replace(batch, real_logits=real, fake_logits=fake))
        of_classes = self._unnamed(of_real, batch.real_labels)
        of_classes = of_classes + self._unnamed(of_fake, batch.fake_labels)
        return self._with(losses, of_classes, "class_d")

    def generator_loss(self, batch: Batch) -> Losses:
        """The source's loss, and that fakes are of the classes that were asked for."""
        fake, of_fake = self.discriminate(batch.fake, batch.fake_labels)
        losses = super().generator_loss(replace(batch, fake_logits=fake))
        return self._with(losses, self._unnamed(of_fake, batch.fake_labels), "class_g")

    def _unnamed(self, of_classes: Tensor, labels: Tensor) -> Tensor:
        """-E log P(C = c | x); a pack of samples has one class."""
        return F.cross_entropy(of_classes, labels[:: self.config.pack])

    def _with(self, losses: Losses, of_classes: Tensor, name: str) -> Losses:
        total = losses.total + self.config.class_weight * of_classes
        return replace(losses, total=total, extra={**losses.extra, name: of_classes})
