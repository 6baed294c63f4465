"""The VAE's networks and its bound."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool import ConfigError, Losses, Model, Shapes, Turn
from gantool.gan.layers import perceptron
from gantool.models.dcgan import model as dcgan


class VAE(Model):
    """A variational autoencoder (Kingma and Welling 2013): one player, one turn a step."""

    keeps = ("generator", "encoder")

    def build(self, shapes: Shapes) -> None:
        """An encoder to mean and log variance [N, 2 nz], and a decoder."""
        nz, width, points = self.config.nz, self.config.width, shapes.kind == "points"
        if points and (self.config.backbone, self.config.likelihood) != ("mlp", "gaussian"):
            raise ConfigError("points have --backbone mlp and --likelihood gaussian.")
        if self.config.backbone == "conv":
            encoder = dcgan.discriminator(shapes, width, batch_norm=False, outputs=2 * nz)
            self.generator = dcgan.generator(shapes, nz, ngf=width)
        else:
            hidden, activation = (3, nn.ReLU) if points else (1, nn.Tanh)
            layers = {"width": width, "hidden": hidden, "activation": activation}
            encoder = [nn.Flatten(), *perceptron(shapes.values, 2 * nz, **layers)]
            output = [] if points else [nn.Unflatten(1, shapes.sample), nn.Tanh()]
            self.generator = nn.Sequential(*perceptron(nz, shapes.values, **layers), *output)
        self.encoder = nn.Sequential(*encoder, nn.Flatten())

    def players(self):
        """One player, which moves both networks."""
        return {"vae": (self.encoder, self.generator)}

    def turns(self, progress):
        """One turn a step, on real images; it draws its latents itself."""
        return [Turn("vae", self.negative_bound, latent="none")]

    def negative_bound(self, batch):
        """The negative of the paper's equation 10 with L = 1, in nats, a mean over the batch."""
        mean, log_variance = self.posterior(batch.real)
        z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        reconstruction = self.surprise(batch.real, z).mean()
        kl = divergence(mean, log_variance).mean()
        return Losses(reconstruction + kl, extra={"reconstruction": reconstruction, "kl": kl})

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of q(z|x), [N, nz] each."""
        mean, log_variance = self.encoder(x).to(x.dtype).chunk(2, dim=1)
        return mean, log_variance

    def surprise(self, x: Tensor, z: Tensor) -> Tensor:
        """-log p(x|z) in nats, [N]: of pixels in [0, 1] (Bernoulli), or in [-1, 1] (Gaussian)."""
        if self.config.likelihood == "bernoulli":  # tanh(a) = 2 sigmoid(2 a) - 1
            logits, target = 2 * self.generator[:-1](z).to(x.dtype), (x + 1) / 2
            loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
            return loss.flatten(1).sum(1)
        std = self.config.pixel_std
        squares = (self.generator(z).to(x.dtype) - x).square().flatten(1) / (2 * std**2)
        return (squares + math.log(std * math.sqrt(2 * math.pi))).sum(1)

    def encode(self, x, y):
        """The mean of q(z|x)."""
        return self.posterior(x)[0]


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of each row: [N] (appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
