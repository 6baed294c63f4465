"""WGAN-GP: a Wasserstein critic with a gradient penalty."""

from __future__ import annotations

import gantool
from gantool_zoo.options import NarrowConfig


class WGANGPConfig(NarrowConfig):
    """The options of wgan-gp; the game is the paper's."""

    loss: str = "wasserstein"
    penalty: str = "gp"
    discriminator_steps: int = 5
    ngf: int = 16
    ndf: int = 16
    lr: float = 8e-4
    ema: float = 0.999
    ema_rampup: float | None = 0.05
    epochs: int | None = 70


PAPER = {
    "generator_batch": "fresh",
    "batch_size": 64,
    "ngf": 64,
    "ndf": 64,
    "lr": 1e-4,
    "ema": 0.0,
}

# On points penalties weigh less: modes are narrow, and D must be steep between them. Averaged
# weights suit a game that circles around its solution.
POINTS = {
    "steps": 600,
    "batch_size": 128,
    "lr": 1e-3,
    "penalty_weight": 0.1,
    "ngf": 32,
    "ndf": 32,
    "ema": 0.98,
    "ema_rampup": None,
}

SPEC = gantool.ModelSpec(
    name="wgan-gp",
    summary="Wasserstein critic with a gradient penalty",
    paper="Gulrajani et al. 2017, arXiv:1704.00028",
    config=WGANGPConfig,
    implementation="gantool_zoo.wgan_gp.model:WGANGP",
    presets={"paper": PAPER},
    preset_notes={"paper": "the authors' Adam, batch and widths; their networks were others"},
    kinds=("images", "points"),
    defaults={"points": POINTS},
)
