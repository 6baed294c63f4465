"""Unrolled GAN: the generator moves against the discriminator of some steps ahead."""

from __future__ import annotations

import gantool
from gantool import Field
from gantool_zoo.options import NarrowConfig


class UnrolledConfig(NarrowConfig):
    """The options of unrolled."""

    beta1: float = 0.5
    ngf: int = 16
    ndf: int = 16
    lr: float = 1e-3
    discriminator_lr: float | None = 1e-3
    spectral_norm: bool = True  # D ahead wins at once without it
    ema: float = 0.999
    ema_rampup: float | None = 0.05
    epochs: int | None = 16
    unrolled_steps: int = Field(
        2, ge=0, le=100, description="steps of D that G looks ahead; 0 is the plain game"
    )
    unrolled_lr: float = Field(3e-3, gt=0, le=100, description="learning rate of D's steps ahead")


# D is a small perceptron here, which is left free. Its steps ahead are small: where they overshoot,
# G gains by sending samples to where they do.
POINTS = {
    "steps": 1500,
    "batch_size": 128,
    "ngf": 32,
    "ndf": 32,
    "spectral_norm": False,
    "unrolled_steps": 5,
    "unrolled_lr": 1e-3,
    "ema": 0.0,
}

PAPER = {
    "unrolled_steps": 10,
    "batch_size": 512,
    "nz": 256,
    "steps": 25_000,
    "discriminator_lr": 1e-4,
    "ngf": 32,
    "ndf": 32,
    "beta2": 0.999,
    "ema": 0.0,
}

SPEC = gantool.ModelSpec(
    name="unrolled",
    summary="G moves against the D of some steps ahead",
    paper="Metz et al. 2017, arXiv:1611.02163",
    formula="G, at the D some steps ahead, adds the negative of what D loses on real samples",
    config=UnrolledConfig,
    implementation="gantool_zoo.unrolled.model:Unrolled",
    presets={"paper": PAPER},
    preset_notes={
        "paper": "for points; the authors' steps ahead are Adam's, here gradient descent"
    },
    kinds=("images", "points"),
    defaults={"points": POINTS},
)
