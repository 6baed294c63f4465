"""WGAN-GP: a Wasserstein critic with a gradient penalty."""

from __future__ import annotations

import gantool
from gantool_zoo.options import NarrowConfig


class WGANGPConfig(NarrowConfig):
    """The options of wgan-gp; the game is the paper's."""

    loss: str = "wasserstein"
    penalty: str = "gp"
    discriminator_steps: int = 5
    lr: float = 1e-4
    epochs: int | None = 60


# On points penalties weigh less: modes are narrow, and D must be steep between them. Averaged
# weights suit a game that circles around its solution.
POINTS = {
    "steps": 600,
    "batch_size": 128,
    "lr": 1e-3,
    "penalty_weight": 0.1,
    "ema": 0.98,
}

SPEC = gantool.ModelSpec(
    name="wgan-gp",
    summary="Wasserstein critic with a gradient penalty",
    paper="Gulrajani et al. 2017, arXiv:1704.00028",
    config=WGANGPConfig,
    implementation="gantool_zoo.wgan_gp.model:WGANGP",
    kinds=("images", "points"),
    defaults={"points": POINTS},
)
