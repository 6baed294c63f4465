"""Layers of StyleGAN2 (Karras et al. 2020): styles that scale weights, noise, skips."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool.gan.layers.equalized import equalized
from gantool.gan.layers.resampling import Resample
from gantool.gan.shapes import Shapes, maps

Size = tuple[int, int]
_AVERAGE = 0.995  # decay of the mean style


def activated(x: Tensor) -> Tensor:
    """LeakyReLU 0.2, times sqrt(2) to keep the variance; any shape."""
    return F.leaky_relu(x, 0.2) * math.sqrt(2)


class Activated(nn.Module):
    """A layer, then `activated`."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """The activations."""
        return activated(self.layer(x))


class ModulatedConv(nn.Module):
    """A convolution with a style for each image (Karras et al. 2020, equations 1 and 3).

    The weight W[o, i, k] becomes W' = s_i W, and with `demodulate` W'' = W' / ||W'_o||, so that
    each output keeps its variance. s = A(w) is a dense layer that begins at 1. It takes maps float
    [N, inputs, H, W] and styles float [N, styles] to [N, outputs, H, W], with zeros at the border.
    There is no bias; the learning rate is equalised.
    """

    def __init__(
        self, inputs: int, outputs: int, *, styles: int, kernel: int = 3, demodulate: bool = True
    ) -> None:
        super().__init__()
        self.affine = equalized(nn.Linear(styles, inputs))
        nn.init.ones_(self.affine.bias)
        self.conv = equalized(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False))
        self.demodulate = demodulate

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """The maps."""
        # Scaling what goes in and what comes out is the same as scaling each image's weights, and
        # needs one convolution for all.
        s, weight = self.affine(w), self.conv.weight
        y = F.conv2d(x * s[:, :, None, None], weight, padding=self.conv.padding)
        if self.demodulate:
            squares = s.square() @ weight.square().sum((2, 3)).T
            y = y * torch.rsqrt(squares + 1e-8)[:, :, None, None]
        return y


class StyledConv(nn.Module):
    """Modulated 3 x 3 convolution, noise of a learned strength, bias, activation.

    It takes maps float [N, inputs, *size] and styles [N, styles] to [N, outputs, *size]. Noise is
    one for all channels, and fresh in training; else it is fixed, so that a latent has one image.
    """

    noise: Tensor

    def __init__(self, inputs: int, outputs: int, *, styles: int, size: Size) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, styles=styles)
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs, 1, 1))
        self.register_buffer("noise", torch.randn(1, 1, *size))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """The maps."""
        x = self.conv(x, w)
        noise = torch.randn_like(x[:, :1]) if self.training else self.noise
        return activated(x + self.strength * noise + self.bias)


class StyleBlock(nn.Module):
    """One size of a skip generator (Karras et al. 2020, figure 7b).

    Enlarged maps pass two styled convolutions, or one where nothing is enlarged; what they show is
    added to the enlarged picture of the block before.

    Args:
        width: channels of the maps.
        channels: of the picture.
        styles: dimensions of a style.
        before: (height, width) of what comes in.
        after: of what goes out.
    """

    def __init__(
        self, width: int, *, channels: int, styles: int, before: Size, after: Size
    ) -> None:
        super().__init__()
        self.up = Resample(before, after)
        self.convs = nn.ModuleList(
            StyledConv(width, width, styles=styles, size=after)
            for _ in range(1 if before == after else 2)
        )
        self.picture = ModulatedConv(width, channels, styles=styles, kernel=1, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    @property
    def layers(self) -> int:
        """The number of styles that it takes."""
        return len(self.convs) + 1

    def forward(
        self, x: Tensor, picture: Tensor, styles: Iterator[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Maps [N, width, *before] and picture [N, channels, *before], both to *after.

        Each layer takes the next of the styles, float [N, styles].
        """
        x = self.up(x)
        for conv in self.convs:
            x = conv(x, next(styles))
        return x, self.up(picture) + self.picture(x, next(styles)) + self.bias


class StyleGenerator(nn.Module):
    """Latents to a style for each layer, styles to images: mapping network and skip generator.

    It takes float [N, nz] to images [N, C, H, W] in [-1, 1]; a tanh at the end keeps them there.

    Args:
        shapes: those of the data.
        nz: dimensions of latents and styles.
        width: channels of all maps.
        mapping_layers: dense layers from latents, put on a sphere, to styles.
        mixing: share of training samples whose later layers have the style of another latent.

    Attributes:
        layers: the number of styles that an image is drawn from.
        mean: the mean style of training, float [nz].
        psi: of the truncation outside of training: styles are mean + psi (w - mean).
    """

    mean: Tensor

    def __init__(
        self, shapes: Shapes, *, nz: int, width: int, mapping_layers: int = 8, mixing: float = 0.9
    ) -> None:
        super().__init__()
        dense = (Activated(equalized(nn.Linear(nz, nz))) for _ in range(mapping_layers))
        self.mapping = nn.Sequential(*dense)
        sizes = [*reversed(maps(shapes.size))]
        self.start = nn.Parameter(torch.randn(1, width, *sizes[0]))
        blocks = [
            StyleBlock(width, channels=shapes.channels, styles=nz, before=before, after=after)
            for before, after in pairwise([sizes[0], *sizes])
        ]
        self.blocks = nn.ModuleList(blocks)
        self.channels = shapes.channels
        self.layers = sum(block.layers for block in blocks)
        self.mixing, self.psi = mixing, 1.0
        self.register_buffer("mean", torch.zeros(nz))

    def forward(self, z: Tensor) -> Tensor:
        """The images."""
        return self.draw(self.styles(z))

    def styles(self, z: Tensor) -> Tensor:
        """The styles of all layers, [N, layers, nz]: mixed in training, else truncated."""
        w = self._map(z)
        if not self.training:
            return torch.lerp(self.mean, w, self.psi)[:, None].expand(-1, self.layers, -1)
        self.mean.lerp_(w.detach().mean(0).to(self.mean), 1 - _AVERAGE)
        n, places = len(z), torch.arange(self.layers, device=z.device)
        crossing = torch.randint(1, self.layers, (n, 1), device=z.device)
        mixed = torch.rand(n, 1, device=z.device) < self.mixing
        other = self._map(torch.randn_like(z))
        takes_other = (places >= crossing) & mixed
        return torch.where(takes_other[:, :, None], other[:, None], w[:, None])

    def draw(self, styles: Tensor) -> Tensor:
        """Images from the styles of all layers, [N, layers, nz]."""
        each = iter(styles.unbind(1))
        x = self.start.expand(styles.shape[0], -1, -1, -1)
        picture = x.new_zeros(x.shape[0], self.channels, *x.shape[2:])
        for block in self.blocks:
            x, picture = block(x, picture, each)
        return picture.tanh()

    def _map(self, z: Tensor) -> Tensor:
        w: Tensor = self.mapping(z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8))
        return w


class ShrinkingBlock(nn.Module):
    """The discriminator's block: two convolutions and a 1 x 1 skip, to the next smaller size.

    It takes float [N, width, *before] to [N, width, *after]; both ways are reduced before their
    last convolution.
    """

    def __init__(self, width: int, *, before: Size, after: Size) -> None:
        super().__init__()
        self.down = Resample(before, after)
        self.first, self.second = (
            Activated(equalized(nn.Conv2d(width, width, 3, padding=1))) for _ in range(2)
        )
        self.skip = equalized(nn.Conv2d(width, width, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """The reduced maps."""
        residual: Tensor = self.second(self.down(self.first(x)))
        reduced: Tensor = self.skip(self.down(x)) + residual
        return reduced / math.sqrt(2)
