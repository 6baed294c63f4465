"""Networks that several variants share."""

from __future__ import annotations

from gantool.data.prepared import Split
from gantool.models.dcgan.model import DCGAN


class PlainNetworks(DCGAN):
    """DCGAN's networks for images; for points perceptrons of 4 ngf and 4 ndf units a layer."""

    def initialize(self, train_data: Split) -> None:
        """DCGAN's first weights where D has BatchNorm, else PyTorch's in both networks.

        The small ones train slowly without it.
        """
        if self._batch_norm():
            super().initialize(train_data)
