"""WGAN: a Wasserstein critic whose weights are clipped."""

from __future__ import annotations

import gantool
from gantool import Field
from gantool_zoo.options import NarrowConfig


class WGANConfig(NarrowConfig):
    """The options of wgan; the game is the paper's Algorithm 1, with its authors' schedule."""

    loss: str = "wasserstein"
    ngf: int = 16
    ndf: int = 24
    clip: float = 0.03
    discriminator_steps: int = 5
    optimizer: str = "rmsprop"
    discriminator_norm: str = "batch"  # as in the authors' DCGAN: it learns far faster
    lr: float = 5e-4
    ema: float = 0.999
    ema_rampup: float | None = 0.05
    epochs: int | None = 60
    critic_boost: int = Field(
        4,
        ge=1,
        le=1000,
        description="times as many critic updates in each of the first 25 generator steps and in "
        "every 500th",
    )


PAPER = {
    "generator_batch": "fresh",
    "batch_size": 64,
    "ngf": 64,
    "ndf": 64,
    "lr": 5e-5,
    "clip": 0.01,
    "ema": 0.0,
    "critic_boost": 20,
    "epochs": 100,
}

# The bound of the images' critic leaves a perceptron hardly any slope.
POINTS = {
    "steps": 1500,
    "batch_size": 128,
    "discriminator_norm": "none",
    "clip": 0.1,
    "ngf": 32,
    "ndf": 32,
    "ema": 0.98,
    "ema_rampup": None,
}

SPEC = gantool.ModelSpec(
    name="wgan",
    summary="Wasserstein critic with clipped weights",
    paper="Arjovsky et al. 2017, arXiv:1701.07875",
    config=WGANConfig,
    implementation="gantool_zoo.wgan.model:WGAN",
    presets={"paper": PAPER},
    preset_notes={"paper": "the paper's numbers and its authors' schedule"},
    kinds=("images", "points"),
    defaults={"points": POINTS},
)
