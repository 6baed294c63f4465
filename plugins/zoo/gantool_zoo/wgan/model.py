"""WGAN's schedule of critic steps."""

from __future__ import annotations

from collections.abc import Sequence

from gantool import Progress, Turn
from gantool.data.prepared import Split
from gantool.gan.game import DISCRIMINATOR
from gantool_zoo.networks import PlainNetworks
from gantool_zoo.wgan import WGANConfig

_WARM_UP, _INTERVAL = 25, 500  # generator steps, as in the authors' code


class WGAN(PlainNetworks):
    """WGAN (Arjovsky et al. 2017, Algorithm 1): the critic is trained towards its optimum.

    Its authors' code gives it many more steps at first, and once in a while.
    """

    config: WGANConfig

    def initialize(self, train_data: Split) -> None:
        """First weights within the critic's bounds."""
        super().initialize(train_data)
        self.constrain(DISCRIMINATOR)

    def turns(self, progress: Progress) -> Sequence[Turn]:
        """The critic's, then the generator's."""
        *critic, generator = super().turns(progress)
        boosted = progress.step < _WARM_UP or progress.step % _INTERVAL == 0
        return critic * (self.config.critic_boost if boosted else 1) + [generator]
