"""The zoo of gantool: GANs of the papers, a folder for each.

In a folder are the description, which does not import torch, and the model.
"""

from __future__ import annotations

import gantool
from gantool_zoo import (
    began,
    dragan,
    ebgan,
    lsgan,
    pacgan,
    r3gan,
    r3gan_full,
    sagan,
    sngan,
    stylegan2,
    unrolled,
    wgan,
    wgan_gp,
)

VARIANTS = (
    began,
    dragan,
    ebgan,
    lsgan,
    pacgan,
    r3gan,
    r3gan_full,
    sagan,
    sngan,
    stylegan2,
    unrolled,
    wgan,
    wgan_gp,
)


@gantool.hookimpl
def register_models(register):
    """Register every variant."""
    for variant in VARIANTS:
        register(variant.SPEC)
