"""PacGAN: DCGAN whose discriminator judges several samples at once."""

from __future__ import annotations

import gantool
from gantool.models.dcgan import SMALL_DATA
from gantool.models.dcgan import Config as DCGANConfig


class PacGANConfig(DCGANConfig):
    """The options of pacgan; `--pack` serves other GANs too."""

    pack: int = 2
    epochs: int | None = 12


SPEC = gantool.ModelSpec(
    name="pacgan",
    summary="dcgan whose discriminator judges packs of samples",
    paper="Lin et al. 2018, arXiv:1712.04086",
    config=PacGANConfig,
    implementation="gantool_zoo.pacgan.model:PacGAN",
    kinds=("images", "points"),
    defaults={
        "points": {
            "steps": 1500,
            "batch_size": 128,
            "lr": 5e-4,
            "ema": 0.99,
            "ema_rampup": None,
        }
    },
    small_data=SMALL_DATA,
)
