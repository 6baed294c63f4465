"""A discriminator's view of how much images differ from each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MinibatchStd(nn.Module):
    """One more channel: the mean standard deviation of all features over a group of images.

    Karras et al. 2018, section 3, with StyleGAN2's groups: the n-th image goes with those that are
    N / group, 2 N / group ... behind it. A group has `group` images, or the largest number below
    that divides N. It takes float [N, C, H, W] to [N, C + 1, H, W].
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """The maps, with the further channel behind them."""
        n, _, height, width = x.shape
        group = next(size for size in range(self.group, 0, -1) if n % size == 0)
        variance = x.unflatten(0, (group, n // group)).var(0, correction=0)
        std = (variance + 1e-8).sqrt().mean((1, 2, 3))  # [N / group]
        return torch.cat([x, std.repeat(group).view(n, 1, 1, 1).expand(-1, -1, height, width)], 1)
