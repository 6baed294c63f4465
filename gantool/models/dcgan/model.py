"""The networks of DCGAN, for any height and width from 8 up."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from gantool.config import GANConfig
from gantool.data.prepared import Split
from gantool.errors import ConfigError
from gantool.gan.base import GAN
from gantool.gan.layers import perceptron
from gantool.gan.shapes import Shapes, between, maps
from gantool.models.dcgan import Config


def widths(base: int, layers: int) -> list[int]:
    """Channels of the hidden layers, from the image inwards.

    They are 1, 2, 4 and 8 times the base, and never more than 8 times.
    """
    return [base * min(2**i, 8) for i in range(layers)]


def generator(shapes: Shapes, nz: int, ngf: int) -> nn.Sequential:
    """A network from latents [N, nz] to images [N, C, H, W] in [-1, 1].

    It has transposed convolutions with BatchNorm and ReLU between them, and a tanh at the end.
    """
    inwards = maps(shapes.size)
    channels = widths(ngf, len(inwards) - 1)
    layers: list[nn.Module] = [
        nn.Unflatten(1, (nz, 1, 1)),
        nn.ConvTranspose2d(nz, channels[-1], kernel_size=inwards[-1], bias=False),
    ]
    for larger, smaller, width_in, width_out in zip(
        reversed(inwards[:-1]),
        reversed(inwards[1:]),
        reversed(channels),
        [*reversed(channels[:-1]), shapes.channels],
        strict=True,
    ):
        layers += [
            nn.BatchNorm2d(width_in),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(width_in, width_out, bias=False, **between(larger, smaller)),
        ]
    return nn.Sequential(*layers, nn.Tanh())


def discriminator(shapes: Shapes, ndf: int, *, batch_norm: bool, outputs: int = 1) -> nn.Sequential:
    """A network from images [N, C, H, W] to logits [N, outputs, 1, 1].

    It has convolutions with LeakyReLU 0.2 between them, and BatchNorm on all but the first if
    `batch_norm`; without it they have biases, or D(a x) = a D(x), and that of gray ones is 0.
    """
    inwards = maps(shapes.size)
    layers: list[nn.Module] = []
    width_in = shapes.channels
    steps = zip(pairwise(inwards), widths(ndf, len(inwards) - 1), strict=True)
    for i, ((larger, smaller), width) in enumerate(steps):
        layers.append(nn.Conv2d(width_in, width, bias=not batch_norm, **between(larger, smaller)))
        if i and batch_norm:
            layers.append(nn.BatchNorm2d(width))
        layers.append(nn.LeakyReLU(0.2, inplace=True))
        width_in = width
    last = nn.Conv2d(width_in, outputs, kernel_size=inwards[-1], bias=not batch_norm)
    return nn.Sequential(*layers, last)


def treats_images_apart(config: GANConfig) -> bool:
    """Whether the game asks for a discriminator without BatchNorm.

    Its answer to an image then does not depend on the rest of the batch.
    """
    return (
        config.penalty != "none"
        or config.clip > 0
        or config.spectral_norm
        or config.loss == "wasserstein"
    )


def initialize_weights(module: nn.Module) -> None:
    """DCGAN's first weights: convolutions N(0, 0.02); BatchNorm weights N(1, 0.02), biases 0."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class DCGAN(GAN[Config]):
    """DCGAN (Radford et al. 2015) in the form of PyTorch's tutorial.

    At 64 x 64 x 3 its networks are the tutorial's own.
    """

    def build(self, shapes: Shapes) -> None:
        """Derive both networks from the data's shape."""
        self.generator = self.make_generator(self.config.nz)
        self.discriminator = self.make_discriminator()

    def make_generator(self, inputs: int) -> nn.Sequential:
        """A network from float [N, inputs] to samples.

        For points, which variants may draw, it is a perceptron of 4 ngf units a layer.
        """
        if self.shapes.kind == "points":
            return perceptron(inputs, self.shapes.values, width=4 * self.config.ngf)
        return generator(self.shapes, inputs, ngf=self.config.ngf)

    def make_discriminator(self, outputs: int = 1) -> nn.Sequential:
        """A network from what D judges to [N, outputs], of images [N, outputs, 1, 1].

        For points it is a perceptron of 4 ndf units a layer.
        """
        batch_norm, ndf = self._batch_norm(), self.config.ndf
        if self.shapes.kind == "points":
            return perceptron(self.judged.values, outputs, width=4 * ndf)
        return discriminator(self.judged, ndf, batch_norm=batch_norm, outputs=outputs)

    def _batch_norm(self) -> bool:
        config = self.config
        if config.discriminator_norm == "batch" and self.shapes.kind == "points":
            raise ConfigError(
                "--discriminator-norm: points have no BatchNorm in D.", "Leave it at auto."
            )
        if config.discriminator_norm == "batch" and config.penalty != "none":
            raise ConfigError(
                "--discriminator-norm batch with a gradient penalty: BatchNorm ties the images of "
                "a batch together, so the gradient of one image's logit is not its own.",
                "Leave --discriminator-norm at auto, or drop the penalty.",
            )
        return config.discriminator_norm == "batch" or (
            config.discriminator_norm == "auto" and not treats_images_apart(config)
        )

    def initialize(self, train_data: Split) -> None:
        """The tutorial's first weights; a discriminator without BatchNorm keeps PyTorch's.

        Without BatchNorm behind them, weights of N(0, 0.02) leave logits and gradients so small
        that training crawls.
        """
        self.generator.apply(initialize_weights)
        if self._batch_norm():
            self.discriminator.apply(initialize_weights)
