"""InfoGAN: codes that take on a meaning without labels: its description."""

from __future__ import annotations

import gantool
from gantool import Field
from gantool.models.dcgan import Config as DCGANConfig


class InfoGANConfig(DCGANConfig):
    """The options of infogan; `nz` is the noise beside the codes, which are of one sample."""

    fixed = ("pack",)
    nz: int = 62
    lr: float = 1e-3
    discriminator_lr: float | None = 2e-4
    epochs: int | None = 12
    categories: int = Field(10, ge=2, le=1000, description="values of the code `category`")
    styles: int = Field(2, ge=1, le=100, description="continuous codes `style`, in [-1, 1]")
    category_weight: float = Field(
        1.0, ge=0, le=1000, description="lambda of the information in `category`"
    )
    style_weight: float = Field(
        0.1, ge=0, le=1000, description="lambda of the information in `style`"
    )


SPEC = gantool.ModelSpec(
    name="infogan",
    summary="part of the latent is a code that a third network reads from the image",
    paper="Chen et al. 2016, arXiv:1606.03657",
    formula="G and Q add -lambda E[log Q(c | G(z, c))]",
    config=InfoGANConfig,
    implementation="gantool_latent.infogan.model:InfoGAN",
    presets={"paper": {"latent": "uniform", "batch_size": 128, "ema": 0.0, "beta2": 0.999}},
    preset_notes={
        "paper": "the authors' noise, rates and codes for digits, on DCGAN's networks; they hold "
        "the deviation of `style` at 1"
    },
    group="GANs that read latents",
    kinds=("images", "points"),
    defaults={"points": {"steps": 1500, "batch_size": 128, "categories": 8, "styles": 1}},
    small_data={"discriminator_lr": 6e-4, "beta2": 0.99, "ema": 0.999, "ema_rampup": 0.05},
)
