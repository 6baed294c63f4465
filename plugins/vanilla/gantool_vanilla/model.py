"""The networks of the first GAN, the authors' and today's."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import sqrt

import numpy as np
import torch
from torch import nn

from gantool import GAN, Batch, ConfigError, Latent, Losses, Shapes
from gantool.gan.layers import Maxout, Scale, perceptron

_WIDTH = 128  # of the hidden layers for points in the plane


class Vanilla(GAN):
    """Goodfellow et al. 2014, Algorithm 1, on images flattened to vectors, or points."""

    def build(self, shapes: Shapes) -> None:
        """Today's layers by default, the authors' MNIST model with networks = paper."""
        wrong = {"images": "pacgan", "points": "paper"}[shapes.kind]
        if self.config.networks == wrong:
            raise ConfigError(
                f"--networks {wrong} is not for {shapes.kind}.",
                "Leave it out, and the preset that names it.",
            )
        if shapes.kind == "points":
            self._build_for_points(shapes)
            return
        image = nn.Unflatten(1, shapes.sample)
        nz, pixels, judged = self.config.nz, shapes.values, self.judged.values
        if self.config.networks == "paper":
            # The authors' pixels are in [0, 1]: the sigmoid's are brought to [-1, 1], and back in
            # front of D.
            self.generator = nn.Sequential(
                nn.Linear(nz, 1200),
                nn.ReLU(),
                nn.Linear(1200, 1200),
                nn.ReLU(),
                nn.Linear(1200, pixels),
                nn.Sigmoid(),
                Scale(2, -1),
                image,
            )
            self.discriminator = nn.Sequential(
                Scale(0.5, 0.5),
                nn.Flatten(),
                nn.Dropout(0.2),
                Maxout(judged, 240, pieces=5),
                nn.Dropout(0.5),
                Maxout(240, 240, pieces=5),
                nn.Dropout(0.5),
                nn.Linear(240, 1),
            )
        else:
            hidden = [
                layer
                for a, b in ((nz, 256), (256, 512), (512, 1024))
                for layer in (nn.Linear(a, b), nn.BatchNorm1d(b), nn.LeakyReLU(0.2))
            ]
            self.generator = nn.Sequential(*hidden, nn.Linear(1024, pixels), nn.Tanh(), image)
            self.discriminator = nn.Sequential(
                nn.Flatten(),
                nn.Linear(judged, 512),
                nn.LeakyReLU(0.2),
                nn.Linear(512, 256),
                nn.LeakyReLU(0.2),
                nn.Linear(256, 1),
            )

    def _build_for_points(self, shapes: Shapes) -> None:
        if self.config.networks == "modern":
            self.generator = perceptron(self.config.nz, shapes.values, width=_WIDTH)
            self.discriminator = perceptron(self.judged.values, 1, width=_WIDTH)
            return
        widths = [self.config.nz, 400, 400, 400, 400]
        hidden = [
            layer
            for a, b in pairwise(widths)
            for layer in (nn.Linear(a, b, bias=False), nn.BatchNorm1d(b), nn.ReLU())
        ]
        self.generator = nn.Sequential(*hidden, nn.Linear(400, shapes.values))
        self.discriminator = nn.Sequential(
            *(Maxout(a, 200, pieces=5) for a in (self.judged.values, 200, 200)),
            nn.Linear(200, 1),
        )

    def initialize(self, train_data) -> None:
        """The authors' first weights, for the authors' networks.

        PacGAN's are normal, of standard deviation 0.02. Of the networks of 2014, G's output bias is
        the logit of each pixel's mean over the training images.
        """
        if self.config.networks == "pacgan":
            for layer in self.modules():
                if isinstance(layer, nn.Linear):
                    nn.init.normal_(layer.weight, std=0.02)
                    if layer.bias is not None:
                        nn.init.zeros_(layer.bias)
        if self.config.networks != "paper":
            return
        for network, bound in ((self.generator, 0.05), (self.discriminator, 0.005)):
            for layer in network.modules():
                if isinstance(layer, nn.Linear):
                    nn.init.uniform_(layer.weight, -bound, bound)
                    nn.init.zeros_(layer.bias)
        mean = np.mean(train_data.images, axis=0, dtype=np.float64).transpose(2, 0, 1).ravel() / 255
        output = [layer for layer in self.generator if isinstance(layer, nn.Linear)][-1]
        output.bias.copy_(torch.logit(torch.from_numpy(mean.clip(1e-7, 1 - 1e-7))))

    @property
    def latent(self) -> Latent:
        """Uniform latents have unit variance, as the authors' had."""
        return Latent(self.config.latent, self.config.nz, low=-sqrt(3), high=sqrt(3))

    def discriminator_loss(self, batch: Batch) -> Losses:
        """The authors halve the sum of D's two cross-entropies."""
        losses = super().discriminator_loss(batch)
        return (
            replace(losses, total=losses.total / 2) if self.config.networks == "paper" else losses
        )
