"""The projection discriminator: its description."""

from __future__ import annotations

import gantool
from gantool import Field


class ProjectionConfig(gantool.LabelOptions, gantool.GANConfig):
    """The options of projection; the game is that of SNGAN."""

    loss: str = "hinge"
    spectral_norm: bool = True
    nz: int = 32
    lr: float = 1e-3
    beta1: float = 0.0
    beta2: float = 0.99
    ema: float = 0.999
    ema_rampup: float | None = 0.05
    batch_size: int | None = 32
    epochs: int | None = 16
    ngf: int = Field(16, ge=1, le=4096, description="channels of the generator's blocks")
    ndf: int = Field(16, ge=1, le=4096, description="channels of the discriminator's blocks")


PAPER = {
    "ngf": 256,
    "ndf": 128,
    "nz": 128,
    "lr": 2e-4,
    "beta2": 0.9,
    "discriminator_steps": 5,
    "generator_batch": "fresh",
    "batch_size": 64,
    "ema": 0.0,
}

SPEC = gantool.ModelSpec(
    name="projection",
    summary="the discriminator multiplies its features with a vector of the class",
    paper="Miyato and Koyama 2018, arXiv:1802.05637",
    config=ProjectionConfig,
    implementation="gantool_conditional.projection.model:Projection",
    presets={"paper": PAPER},
    preset_notes={"paper": "the authors' game, at the widths of their networks for 32 x 32"},
    needs_labels=True,
)
