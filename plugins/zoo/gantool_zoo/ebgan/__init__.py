"""EBGAN: the discriminator is an autoencoder, and its error an energy."""

from __future__ import annotations

import gantool
from gantool import Field
from gantool.models.dcgan import Config as DCGANConfig
from gantool_zoo.options import NO_LOGITS


class EBGANConfig(DCGANConfig):
    """The options of ebgan; the energy is the mean squared error of pixels in [-1, 1]."""

    fixed = NO_LOGITS
    batch_size: int | None = 32
    ngf: int = 32
    ndf: int = 32
    lr: float = 3e-4
    beta2: float = 0.99
    ema: float = 0.999
    ema_rampup: float | None = 0.05
    epochs: int | None = 16
    margin: float = Field(
        0.1, gt=0, le=100, description="energy from which D is content with a fake"
    )
    code: int = Field(32, ge=1, le=65536, description="values of the autoencoder's code")
    pulling_away: float = Field(
        0.1, ge=0, le=100, description="weight of the pulling-away term in G's loss; 0 is off"
    )


SPEC = gantool.ModelSpec(
    name="ebgan",
    summary="D is an autoencoder, and its error an energy with a margin",
    paper="Zhao et al. 2017, arXiv:1609.03126",
    formula="D: -E[r] + E[max(0, margin + f)]; G: -E[f] + w PT; D(x) = -(energy of x)",
    config=EBGANConfig,
    implementation="gantool_zoo.ebgan.model:EBGAN",
    presets={"plain": {"pulling_away": 0.0}},
    preset_notes={"plain": "the paper's EBGAN without the pulling-away term of EBGAN-PT"},
)
