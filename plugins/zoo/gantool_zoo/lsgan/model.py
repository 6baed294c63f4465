"""LSGAN's objective, with labels of one's own."""

from __future__ import annotations

from torch import Tensor

from gantool import Objective
from gantool_zoo.lsgan import LSGANConfig
from gantool_zoo.networks import PlainNetworks


class Labeled(Objective):
    """Mao et al. 2017, equation 2, with labels a of fakes, b of real samples and c, G's target.

    D minimises E[(r - b)^2] / 2 + E[(f - a)^2] / 2; G minimises E[(f - c)^2] / 2.
    """

    def __init__(self, config: LSGANConfig) -> None:
        self.fake, self.real = config.fake_label, config.real_label
        self.target = config.target_label

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Half the squared distances from b and from a."""
        return 0.5 * ((real - self.real).square().mean() + (fake - self.fake).square().mean())

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Half the squared distance from c."""
        return 0.5 * (fake - self.target).square().mean()


class LSGAN(PlainNetworks):
    """LSGAN (Mao et al. 2017) on DCGAN's networks; for points on perceptrons."""

    config: LSGANConfig

    def prepare(self) -> None:
        """Set the objective."""
        super().prepare()
        self.objective = Labeled(self.config)
