"""StyleGAN2, small: styles for each layer, noise, lazy regularisation of both networks."""

from __future__ import annotations

from typing import Literal

import gantool
from gantool import Field


class StyleGAN2Config(gantool.GANConfig):
    """The options of stylegan2; the defaults are narrow and suit small data."""

    latent: Literal["normal"] = Field("normal", description="prior of z; it is put on a sphere")
    generator_batch: str = "fresh"
    batch_size: int | None = 32
    nz: int = 32
    lr: float = 4e-3
    beta1: float = 0.0
    beta2: float = 0.99
    ema: float = 0.999
    ema_rampup: float | None = 0.05
    epochs: int | None = 14
    ngf: int = Field(16, ge=1, le=4096, description="channels of the generator's layers")
    ndf: int = Field(16, ge=1, le=4096, description="channels of the discriminator's layers")
    mapping_layers: int = Field(4, ge=1, le=16, description="dense layers from z to the styles")
    style_mixing: float = Field(
        0.9, ge=0, le=1, description="share of training samples with the styles of two latents"
    )
    r1_weight: float = Field(
        1.0, ge=0, le=1e6, description="gamma of R1 in a turn of its own; 0 leaves it out"
    )
    r1_every: int = Field(16, ge=1, le=1000, description="steps between those turns")
    path_weight: float = Field(
        2.0, ge=0, le=1e6, description="weight of the path length penalty; 0 leaves it out"
    )
    path_every: int = Field(4, ge=1, le=1000, description="steps between its turns")


PAPER = {
    "ngf": 512,
    "ndf": 512,
    "nz": 512,
    "mapping_layers": 8,
    "batch_size": 32,
    "lr": 2e-3,
    "ema": 0.9978,  # a half-life of 10,000 images
    "ema_rampup": None,
    "r1_weight": 10.0,
}

SPEC = gantool.ModelSpec(
    name="stylegan2",
    summary="styles drive each layer of the generator, noise its details; R1 and path length",
    paper="Karras et al. 2020, arXiv:1912.04958",
    config=StyleGAN2Config,
    implementation="gantool_zoo.stylegan2.model:StyleGAN2",
    presets={"paper": PAPER},
    preset_notes={"paper": "the authors' widths up to 32 x 32, where they stay the same"},
)
