"""WGAN-GP and R3GAN for gantool.

They are two games on DCGAN's networks, without BatchNorm in the discriminator; on points in the
plane on perceptrons.
"""

from __future__ import annotations

import gantool
from gantool import Field
from gantool.models.dcgan import Config as DCGANConfig


class ZooConfig(DCGANConfig):
    """The options of both: Adam without a first moment, and sizes that suit small data."""

    beta1: float = 0.0
    beta2: float = 0.9
    batch_size: int | None = 32
    ngf: int = 32
    ndf: int = 32


class WGANGPConfig(ZooConfig):
    """The options of wgan-gp; the game is the paper's."""

    loss: str = "wasserstein"
    penalty: str = "gp"
    discriminator_steps: int = 5
    lr: float = 1e-4
    epochs: int | None = 60


class R3GANConfig(ZooConfig):
    """The options of r3gan.

    Learning rate, beta2 and gamma go from the first value to the final one along a cosine.
    """

    loss: str = "relativistic"
    penalty: str = "r1+r2"
    penalty_weight: float | None = 1.0
    generator_batch: str = "fresh"
    ema: float = 0.99
    epochs: int | None = 48
    final_lr: float = Field(5e-5, gt=0, le=10, description="learning rate at the end")
    final_beta2: float = Field(0.99, ge=0, lt=1, description="Adam's second beta at the end")
    final_penalty_weight: float = Field(
        0.1, gt=0, le=1e6, description="gamma of the penalties at the end"
    )


# On points penalties weigh less: modes are narrow, and D must be steep between them. Averaged
# weights suit a game that circles around its solution.
WGANGP_POINTS = {
    "steps": 600,
    "batch_size": 128,
    "lr": 1e-3,
    "penalty_weight": 0.1,
    "ema": 0.98,
}
R3GAN_POINTS = {
    "steps": 1500,
    "batch_size": 128,
    "lr": 2e-3,
    "penalty_weight": 0.05,
    "final_penalty_weight": 0.005,
}


@gantool.hookimpl
def register_models(register):
    """Register wgan-gp and r3gan."""
    register(
        gantool.ModelSpec(
            name="wgan-gp",
            summary="Wasserstein critic with a gradient penalty",
            paper="Gulrajani et al. 2017, arXiv:1704.00028",
            config=WGANGPConfig,
            implementation="gantool_zoo.model:WGANGP",
            kinds=("images", "points"),
            defaults={"points": WGANGP_POINTS},
        )
    )
    register(
        gantool.ModelSpec(
            name="r3gan",
            summary="relativistic pairing with both zero-centred penalties",
            paper="Huang et al. 2024, arXiv:2501.05441",
            config=R3GANConfig,
            implementation="gantool_zoo.model:R3GAN",
            kinds=("images", "points"),
            defaults={"points": R3GAN_POINTS},
        )
    )
