"""Averaged weights that are followed without asking the device for anything."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class Average(AveragedModel):
    """The exponential moving average of a network's weights: average += (1 - decay) difference.

    The first update takes the weights as they are; buffers are always the network's own.

    Attributes:
        decay: in [0, 1).
    """

    def __init__(self, network: nn.Module, *, decay: float) -> None:
        super().__init__(network)
        self.decay = decay
        self._begun = False

    def update_parameters(self, model: nn.Module) -> None:
        """Follow a network.

        PyTorch's own asks the device each time how often it was called, and so waits for all that
        the device has still to do.
        """
        self._begun = self._begun or bool(self.n_averaged > 0)
        own, given = list(self.module.parameters()), list(model.parameters())
        with torch.no_grad():
            if self._begun:
                get_ema_multi_avg_fn(self.decay)(own, given, self.n_averaged)
            else:
                for average, weights in zip(own, given, strict=True):
                    average.copy_(weights)
            for buffer, values in zip(self.module.buffers(), model.buffers(), strict=True):
                buffer.copy_(values)
        self.n_averaged += 1
        self._begun = True
