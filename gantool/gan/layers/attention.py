"""Self-attention over the places of feature maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Each place looks at all others (Zhang et al. 2018, equations 1 to 3).

    y_j = x_j + gamma v sum_i a_ji h(x_i), where a_ji is the softmax over i of f(x_i)^T g(x_j), and
    f, g, h and v are 1 x 1 convolutions, the first three to an eighth of the channels. gamma begins
    at 0: the layer as identity. It takes float [N, channels, H, W] to the same shape.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // 8)
        self.f, self.g, self.h = (nn.Conv2d(channels, inner, 1, bias=False) for _ in range(3))
        self.v = nn.Conv2d(inner, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """The maps, with what each place found elsewhere."""
        f, g, h = (part(x).flatten(2) for part in (self.f, self.g, self.h))
        # Written out, since PyTorch's own attention cannot be differentiated twice everywhere.
        attention = (g.transpose(1, 2) @ f).softmax(dim=2)  # [N, j, i]
        found = (h @ attention.transpose(1, 2)).unflatten(2, x.shape[2:])
        y: Tensor = x + self.gamma * self.v(found)
        return y
