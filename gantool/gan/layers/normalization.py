"""Normalisation that depends on the class."""

from __future__ import annotations

from torch import Tensor, nn


class ConditionalBatchNorm2d(nn.Module):
    """BatchNorm with a gain and a shift of each class: gain_y (x - mean) / std + shift_y.

    Mean and standard deviation are those of each channel over the whole batch, of all classes
    together (de Vries et al. 2017, section 3.1). It takes maps float [N, channels, h, w] and labels
    int64 [N]; gains begin at 1, shifts at 0.
    """

    def __init__(self, channels: int, *, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Embedding(classes, channels)
        self.shift = nn.Embedding(classes, channels)
        nn.init.ones_(self.gain.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The normalised maps."""
        gain, shift = (part(y)[:, :, None, None] for part in (self.gain, self.shift))
        normalized: Tensor = self.norm(x) * gain + shift
        return normalized
