"""Options that several variants share."""

from __future__ import annotations

from gantool.models.dcgan import Config as DCGANConfig


class NarrowConfig(DCGANConfig):
    """Adam without a first moment, and sizes that suit small data."""

    beta1: float = 0.0
    beta2: float = 0.9
    batch_size: int | None = 32
    ngf: int = 32
    ndf: int = 32


# Options of the game that a discriminator which answers with an energy does not honour.
NO_LOGITS = ("loss", "penalty", "clip", "augment", "pack")
