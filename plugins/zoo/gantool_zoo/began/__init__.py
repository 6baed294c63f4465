"""BEGAN: an autoencoder as discriminator, and a balance between both players."""

from __future__ import annotations

import gantool
from gantool import Field
from gantool_zoo.options import NO_LOGITS


class BEGANConfig(gantool.GANConfig):
    """The options of began."""

    fixed = NO_LOGITS
    nz: int = 32
    latent: str = "uniform"
    batch_size: int | None = 16
    generator_batch: str = "fresh"
    lr: float = 4e-4
    beta2: float = 0.99
    ema: float = 0.99
    epochs: int | None = 8
    filters: int = Field(12, ge=1, le=1024, description="channels of the largest feature maps")
    gamma: float = Field(1.0, ge=0, le=1, description="error of fakes over that of real images")
    k_rate: float = Field(0.003, gt=0, le=1, description="rate at which k follows that balance")


PAPER = {
    "nz": 64,
    "filters": 128,
    "gamma": 0.7,
    "lr": 1e-4,
    "beta2": 0.999,
    "k_rate": 1e-3,
    "ema": 0.0,
}

SPEC = gantool.ModelSpec(
    name="began",
    summary="D is an autoencoder, kept in balance with G",
    paper="Berthelot et al. 2017, arXiv:1703.10717",
    formula="D: -E[r] + k E[f]; G: -E[f]; D(x) = -(error of x)",
    config=BEGANConfig,
    implementation="gantool_zoo.began.model:BEGAN",
    presets={"paper": PAPER},
    preset_notes={"paper": "the paper's sizes; its learning rate was halved by hand on the way"},
)
