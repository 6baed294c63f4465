"""DRAGAN's model."""

from __future__ import annotations

from gantool_zoo.networks import PlainNetworks


class DRAGAN(PlainNetworks):
    """DRAGAN (Kodali et al. 2017, Algorithm 1): the game is the configuration's."""
