"""Models without a discriminator, to compare GANs with: a folder for each.

In a folder are the description, which does not import torch, and the model.
"""

from __future__ import annotations

import gantool
from gantool_outsiders import flow, vae

VARIANTS = (flow, vae)


@gantool.hookimpl
def register_models(register):
    """Register every variant."""
    for variant in VARIANTS:
        register(variant.SPEC)
