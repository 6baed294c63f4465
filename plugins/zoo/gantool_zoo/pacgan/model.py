"""PacGAN's model."""

from __future__ import annotations

from gantool_zoo.networks import PlainNetworks


class PacGAN(PlainNetworks):
    """PacGAN (Lin et al. 2018): on DCGAN's networks, for points on perceptrons.

    Its discriminator sees `pack` samples of one kind, channel behind channel.
    """
