"""SAGAN's networks."""

from __future__ import annotations

from gantool.gan.layers import normalize_spectrally
from gantool_zoo.sngan.model import SNGAN


class SAGAN(SNGAN):
    """SAGAN (Zhang et al. 2018): SNGAN with self-attention in the middle of both networks."""

    attention = True

    def finish(self) -> None:
        """Normalise the generator's layers as well, whatever the discriminator's option says."""
        super().finish()
        normalize_spectrally(self.generator)
