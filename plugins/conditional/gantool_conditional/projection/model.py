"""The networks of projection; the game is the configuration's."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from gantool import GAN, Shapes
from gantool.data.prepared import Split
from gantool.gan.layers import (
    ConditionalBatchNorm2d,
    ResidualGenerator,
    ResidualTrunk,
    initialize_residual,
)


class Projection(GAN):
    """Miyato and Koyama 2018: D(x, y) = v_y . phi(x) + psi(phi(x)).

    BatchNorms in G's blocks have a gain and a shift a class.
    """

    conditional = True

    def build(self, shapes: Shapes) -> None:
        """Residual networks."""
        norm = partial(ConditionalBatchNorm2d, classes=shapes.classes)
        config = self.config
        self.generator = ResidualGenerator(shapes, nz=config.nz, width=config.ngf, norm=norm)
        self.discriminator = ProjectionHead(
            ResidualTrunk(self.judged, width=config.ndf), width=config.ndf, classes=shapes.classes
        )

    def initialize(self, train_data: Split) -> None:
        """The authors' first weights."""
        initialize_residual(self)

    def generate(self, z: Tensor, y: Tensor) -> Tensor:
        """Samples of the classes y."""
        return self.generator(z, y)

    def judge(self, x: Tensor, y: Tensor) -> Tensor:
        """Logits [N] that x are real samples of the classes y."""
        return self.discriminator(x, y)


class ProjectionHead(nn.Module):
    """Logits [N] of samples and labels int64 [N]: equation 3 of the paper, psi a linear map.

    Args:
        trunk: phi, from samples to features [N, width].
        width: of the features.
        classes: of the labels.
    """

    def __init__(self, trunk: nn.Module, *, width: int, classes: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.psi = nn.Linear(width, 1)
        self.v = nn.Linear(width, classes, bias=False)  # a row a class

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The logits."""
        phi = self.trunk(x)
        return self.psi(phi)[:, 0] + self.v(phi).gather(1, y[:, None])[:, 0]
