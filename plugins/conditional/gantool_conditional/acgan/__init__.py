"""AC-GAN: a discriminator that says the class too: its description."""

from __future__ import annotations

import gantool
from gantool import Field
from gantool.models import dcgan
from gantool.models.dcgan import Config as DCGANConfig


class ACGANConfig(gantool.LabelOptions, DCGANConfig):
    """The options of acgan; the authors' learning rate and betas are gantool's own."""

    epochs: int | None = 10
    class_weight: float = Field(
        1.0, ge=0, le=1000, description="weight of the class losses beside those of the source"
    )


SMALL_DATA = {**dcgan.SMALL_DATA, "epochs": 26, "ngf": 32, "ndf": 32, "lr": 1e-3}

PAPER = {
    "epochs": 10,
    "ngf": 64,
    "ndf": 64,
    "lr": 2e-4,
    "beta1": 0.5,
    "beta2": 0.999,
    "ema": 0.0,
    "batch_size": 100,
}

SPEC = gantool.ModelSpec(
    name="acgan",
    summary="the discriminator names the class of what it sees, real and fake",
    paper="Odena et al. 2016, arXiv:1610.09585",
    formula="D adds w E[-log P(y | x)] of real images and fakes, G of fakes",
    config=ACGANConfig,
    implementation="gantool_conditional.acgan.model:ACGAN",
    presets={"paper": PAPER},
    preset_notes={"paper": "the authors' Adam and batch, on DCGAN's networks"},
    needs_labels=True,
    kinds=("images", "points"),
    defaults={"points": {"steps": 1500, "batch_size": 128, "lr": 1e-3}},
    small_data=SMALL_DATA,
)
