"""SNGAN's networks."""

from __future__ import annotations

from torch import nn

from gantool import GAN, Shapes
from gantool.data.prepared import Split
from gantool.gan.layers import ResidualGenerator, ResidualTrunk, initialize_residual
from gantool_zoo.sngan import SNGANConfig


class SNGAN(GAN[SNGANConfig]):
    """SNGAN (Miyato et al. 2018, tables 4a and 4b); the game is the configuration's."""

    attention = False

    def build(self, shapes: Shapes) -> None:
        """Set both networks, for any size."""
        config, attention = self.config, self.attention
        self.generator = ResidualGenerator(
            shapes, nz=config.nz, width=config.ngf, attention=attention
        )
        self.discriminator = nn.Sequential(
            ResidualTrunk(shapes, width=config.ndf, attention=attention), nn.Linear(config.ndf, 1)
        )

    def initialize(self, train_data: Split) -> None:
        """The authors' first weights."""
        initialize_residual(self)
