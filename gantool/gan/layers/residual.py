"""Residual networks of Miyato et al. 2018 (SNGAN, its 32 x 32 form), for any height and width.

The feature maps are `gantool.gan.shapes.maps`: sides are halved, rounded up, to 4 or less.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from gantool.gan.layers.attention import SelfAttention
from gantool.gan.shapes import Shapes, maps

Size = tuple[int, int]
MakeNorm = Callable[[int], nn.Module]


class UpBlock(nn.Module):
    """x -> up(skip(x)) + conv(relu(norm(conv(up(relu(norm(x))))))), the generator's block.

    `up` repeats pixels (nearest neighbours), the convolutions are 3 x 3, `skip` is 1 x 1. It takes
    float [N, inputs, h, w] to [N, outputs, *size].

    Args:
        inputs: channels.
        outputs: channels.
        size: (height, width) afterwards; equal to before where nothing is enlarged.
        norm: makes the normalisation of so many channels. One that is conditional takes the labels
            beside the maps; they are given to `forward`, and passed on to it.
        attention: whether self-attention follows.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        size: Size,
        norm: MakeNorm = nn.BatchNorm2d,
        attention: bool = False,
    ) -> None:
        super().__init__()
        self.size = size
        self.first_norm, self.second_norm = norm(inputs), norm(outputs)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1)
        self.attention = SelfAttention(outputs) if attention else nn.Identity()

    def forward(self, x: Tensor, *labels: Tensor) -> Tensor:
        """The enlarged maps; `labels` is nothing, or int64 [N] for conditional norms."""
        h = self._up(F.relu(self.first_norm(x, *labels)))
        h = self.second(F.relu(self.second_norm(self.first(h), *labels)))
        # 1 x 1 and repeating pixels commute.
        enlarged: Tensor = self.attention(self._up(self.skip(x)) + h)
        return enlarged

    def _up(self, x: Tensor) -> Tensor:
        return F.interpolate(x, size=self.size)


class DownBlock(nn.Module):
    """x -> down(skip(x)) + down(conv(relu(conv(relu(x))))), the discriminator's block.

    `down` averages over 2 x 2 pixels (fewer at the end of an odd side), the convolutions are 3 x 3;
    `skip` is 1 x 1, or nothing where neither channels nor size change. It takes float
    [N, inputs, *before] to [N, outputs, *after].

    Args:
        inputs: channels.
        outputs: channels.
        before: (height, width); each side is halved or stays.
        after: the same afterwards.
        first: whether x are images, which pass no ReLU first.
    """

    def __init__(
        self, inputs: int, outputs: int, *, before: Size, after: Size, first: bool = False
    ) -> None:
        super().__init__()
        self.pool = halving(before, after)
        self.residual = nn.Sequential(
            nn.Identity() if first else nn.ReLU(),
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )
        changed = inputs != outputs or before != after
        self.skip = nn.Conv2d(inputs, outputs, 1) if changed else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """The reduced maps."""
        # 1 x 1 and averaging commute.
        reduced: Tensor = self.skip(self.pool(x)) + self.pool(self.residual(x))
        return reduced


def halving(before: Size, after: Size) -> nn.Module:
    """The mean over 2 pixels along each side that gets smaller, ceil(n / 2) of n."""
    if before == after:
        return nn.Identity()
    height, width = (2 if a > b else 1 for a, b in zip(before, after, strict=True))
    return nn.AvgPool2d((height, width), ceil_mode=True)


class ResidualGenerator(nn.Module):
    """A dense layer, a residual block for each doubling of the sides, BatchNorm, 3 x 3, tanh.

    It takes latents float [N, nz] to images [N, C, H, W] in [-1, 1].

    Args:
        shapes: those of the data.
        nz: dimensions of the latents.
        width: channels of all blocks.
        norm: as in `UpBlock`; the last normalisation, before the image, is BatchNorm.
        attention: whether there is self-attention at the middle size.
    """

    def __init__(
        self,
        shapes: Shapes,
        *,
        nz: int,
        width: int,
        norm: MakeNorm = nn.BatchNorm2d,
        attention: bool = False,
    ) -> None:
        super().__init__()
        smallest, *larger = reversed(maps(shapes.size))
        self.start = nn.Sequential(
            nn.Linear(nz, width * math.prod(smallest)), nn.Unflatten(1, (width, *smallest))
        )
        attended = _middle(shapes) if attention else None
        self.blocks = nn.ModuleList(
            UpBlock(width, width, size=size, norm=norm, attention=size == attended)
            for size in larger
        )
        self.end = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, shapes.channels, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor, *labels: Tensor) -> Tensor:
        """The images; `labels` is nothing, or int64 [N] for conditional norms."""
        x = self.start(z)
        for block in self.blocks:
            x = block(x, *labels)
        images: Tensor = self.end(x)
        return images


class ResidualTrunk(nn.Module):
    """A discriminator up to its last layer: residual blocks, ReLU, the sum over all places.

    Blocks halve the sides to 8 or less (as `maps`, without the last), and two more leave them. It
    takes images float [N, C, H, W] to features phi(x), [N, width].

    Args:
        shapes: those that it judges.
        width: channels of all blocks.
        attention: whether there is self-attention at the middle size.
    """

    def __init__(self, shapes: Shapes, *, width: int, attention: bool = False) -> None:
        super().__init__()
        *sizes, _ = maps(shapes.size)
        sizes += [sizes[-1]] * 2
        self.blocks = nn.Sequential()
        channels = shapes.channels
        for before, after in pairwise(sizes):
            first = len(self.blocks) == 0
            self.blocks.append(DownBlock(channels, width, before=before, after=after, first=first))
            if attention and before != after == _middle(shapes):
                self.blocks.append(SelfAttention(width))
            channels = width

    def forward(self, x: Tensor) -> Tensor:
        """The features."""
        features: Tensor = self.blocks(x)
        return F.relu(features).sum((2, 3))


def _middle(shapes: Shapes) -> Size:
    """The size in the middle of the feature maps, of two the larger: 14 x 14 at 28 x 28."""
    sizes = maps(shapes.size)
    return sizes[(len(sizes) - 1) // 2]


def initialize_residual(network: nn.Module) -> None:
    """The authors' first weights: Glorot's uniform ones, biases 0.

    Those of 3 x 3 convolutions in blocks have a gain of sqrt(2), the others of 1.
    """
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    for block in network.modules():
        if isinstance(block, (UpBlock, DownBlock)):
            for layer in block.modules():
                if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
                    nn.init.xavier_uniform_(layer.weight, gain=2**0.5)
