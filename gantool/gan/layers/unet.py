"""A small U-Net of images and times, for any height and width, and times told as waves.

The feature maps are `gantool.gan.shapes.maps`: sides are halved, rounded up.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from gantool.gan.shapes import Shapes, between, maps

WAVES = 16
_LEVELS = 3


def waves(t: Tensor) -> Tensor:
    """cos(pi k t) for k = 0 to 15: times float [N] in [0, 1] to [N, 16]."""
    return (t[:, None] * torch.arange(WAVES, device=t.device, dtype=t.dtype) * math.pi).cos()


class TimedBlock(nn.Module):
    """x + second(first(x) + time(t)), where both are 3 x 3 convolutions of silu(norm(.)).

    It takes maps float [N, width, h, w] and waves of times [N, 16] to maps of the same shape.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _normalized(width, nn.Conv2d(width, width, 3, padding=1))
        self.time = nn.Linear(WAVES, width)
        self.second = _normalized(width, nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """The changed maps."""
        h = self.first(x) + self.time(told)[:, :, None, None]
        changed: Tensor = x + self.second(h)
        return changed


class UNet(nn.Module):
    """A U-Net (Ronneberger et al. 2015) that is told a time: images to images, in no bounds.

    A strided convolution and a block for each halving, at most three, and the same back; each block
    on the way back also takes, as a sum, what the one of its size gave on the way in. To the result
    comes x times a factor for each channel that depends on the time alone, so that noise need not
    pass through the smaller maps.

    Args:
        shapes: those of the images, float [N, C, H, W].
        width: channels after the first halving; twice that after the others.
    """

    def __init__(self, shapes: Shapes, *, width: int) -> None:
        super().__init__()
        steps = list(pairwise(maps(shapes.size)[: _LEVELS + 1]))
        channels = [shapes.channels, width, *[2 * width] * (len(steps) - 1)]
        self.down, self.left, self.right, self.up = (nn.ModuleList() for _ in range(4))
        for (larger, smaller), (outside, inside) in zip(steps, pairwise(channels), strict=True):
            shape = between(larger, smaller)
            self.down.append(nn.Conv2d(outside, inside, **shape))
            self.left.append(TimedBlock(inside))
            self.right.append(TimedBlock(inside))
            self.up.append(_normalized(inside, nn.ConvTranspose2d(inside, outside, **shape)))
        self.straight = nn.Linear(WAVES, shapes.channels)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Images of the same shape, from images and times [N] in [0, 1]."""
        told, h, on_the_way = waves(t), x, []
        for down, left in zip(self.down, self.left, strict=True):
            h = left(down(h), told)
            on_the_way.append(h)
        back = torch.zeros_like(h)
        for up, right in zip(reversed(self.up), reversed(self.right), strict=True):
            back = up(right(back + on_the_way.pop(), told))
        result: Tensor = back + self.straight(told)[:, :, None, None] * x
        return result


def _normalized(width: int, layer: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.GroupNorm(math.gcd(width, 8), width), nn.SiLU(), layer)
