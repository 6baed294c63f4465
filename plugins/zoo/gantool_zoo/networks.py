"""Networks that several variants share."""

from __future__ import annotations

from gantool import ConfigError, Shapes
from gantool.data.prepared import Split
from gantool.gan.layers import perceptron
from gantool.models.dcgan.model import DCGAN


class PlainNetworks(DCGAN):
    """DCGAN's networks for images; for points perceptrons of 4 ngf and 4 ndf units a layer."""

    def build(self, shapes: Shapes) -> None:
        """Set both networks."""
        if shapes.kind == "images":
            super().build(shapes)
            return
        if self.config.discriminator_norm == "batch":
            raise ConfigError(
                "--discriminator-norm: points have no BatchNorm in D.", "Leave it at auto."
            )
        config = self.config
        self.generator = perceptron(config.nz, shapes.values, width=4 * config.ngf)
        self.discriminator = perceptron(self.judged.values, 1, width=4 * config.ndf)

    def initialize(self, train_data: Split) -> None:
        """DCGAN's first weights where D has BatchNorm, else PyTorch's in both networks.

        The small ones train slowly without it.
        """
        if self._batch_norm():
            super().initialize(train_data)
