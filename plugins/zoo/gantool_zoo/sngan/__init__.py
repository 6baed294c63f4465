"""SNGAN: residual networks, and a discriminator of spectral norm 1 in each layer."""

from __future__ import annotations

import gantool
from gantool import Field


class SNGANConfig(gantool.GANConfig):
    """The options of sngan; the defaults are narrow and suit small data."""

    loss: str = "hinge"
    spectral_norm: bool = True
    batch_size: int | None = 32
    nz: int = 128
    lr: float = 1.4e-3
    beta1: float = 0.0
    beta2: float = 0.9
    ema: float = 0.999
    ema_rampup: float | None = 0.05
    epochs: int | None = 18
    ngf: int = Field(16, ge=1, le=4096, description="channels of the generator's blocks")
    ndf: int = Field(16, ge=1, le=4096, description="channels of the discriminator's blocks")


PAPER = {
    "generator_batch": "fresh",
    "ngf": 256,
    "ndf": 128,
    "discriminator_steps": 5,
    "batch_size": 64,
    "lr": 2e-4,
    "ema": 0.0,
}

SPEC = gantool.ModelSpec(
    name="sngan",
    summary="residual networks; each layer of the discriminator has spectral norm 1",
    paper="Miyato et al. 2018, arXiv:1802.05957",
    config=SNGANConfig,
    implementation="gantool_zoo.sngan.model:SNGAN",
    presets={"paper": PAPER},
    preset_notes={"paper": "the widths, rates and critic steps of CIFAR-10's residual networks"},
)
