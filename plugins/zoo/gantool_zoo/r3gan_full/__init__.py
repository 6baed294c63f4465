"""R3GAN whole: its game, and the authors' networks, narrower."""

from __future__ import annotations

from typing import ClassVar

import gantool
from gantool import Field
from gantool_zoo.r3gan import R3GANConfig


class R3GANFullConfig(R3GANConfig):
    """The options of r3gan-full; the defaults are narrow and shallow, and suit small data."""

    fixed: ClassVar[tuple[str, ...]] = ("discriminator_norm", "spectral_norm")

    batch_size: int | None = 16
    nz: int = 64
    lr: float = 3e-3
    final_lr: float = 1e-4
    penalty_weight: float | None = 0.1
    final_penalty_weight: float = 0.02
    ema: float = 0.999
    ema_rampup: float | None = 0.05
    epochs: int | None = 14
    ngf: int = Field(
        16, ge=8, le=4096, multiple_of=8, description="channels of the generator, a multiple of 8"
    )
    ndf: int = Field(
        16,
        ge=8,
        le=4096,
        multiple_of=8,
        description="channels of the discriminator, a multiple of 8",
    )
    blocks: int = Field(1, ge=1, le=16, description="residual blocks at each size")


PAPER = {
    "ngf": 768,
    "ndf": 768,
    "blocks": 2,
    "batch_size": 512,
    "lr": 2e-4,
    "final_lr": 5e-5,
    "penalty_weight": 0.05,
    "final_penalty_weight": 0.005,
    "ema": 0.999,
}

SPEC = gantool.ModelSpec(
    name="r3gan-full",
    summary="r3gan with the authors' residual networks, without any normalisation",
    paper="Huang et al. 2024, arXiv:2501.05441",
    config=R3GANFullConfig,
    implementation="gantool_zoo.r3gan_full.model:R3GANFull",
    presets={"paper": PAPER},
    preset_notes={
        "paper": "widths, depth and rates of CIFAR-10; its augmentation is left out, and averages "
        "are shorter"
    },
)
