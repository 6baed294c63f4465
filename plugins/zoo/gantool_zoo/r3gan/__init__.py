"""R3GAN's game: relativistic pairing with both zero-centred penalties."""

from __future__ import annotations

import gantool
from gantool import Field
from gantool_zoo.options import NarrowConfig


class R3GANConfig(NarrowConfig):
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


# On points penalties weigh less: modes are narrow, and D must be steep between them.
POINTS = {
    "steps": 1500,
    "batch_size": 128,
    "lr": 2e-3,
    "penalty_weight": 0.05,
    "final_penalty_weight": 0.005,
}

SPEC = gantool.ModelSpec(
    name="r3gan",
    summary="relativistic pairing with both zero-centred penalties",
    paper="Huang et al. 2024, arXiv:2501.05441",
    config=R3GANConfig,
    implementation="gantool_zoo.r3gan.model:R3GAN",
    kinds=("images", "points"),
    defaults={"points": POINTS},
)
