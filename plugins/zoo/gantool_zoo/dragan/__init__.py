"""DRAGAN: the game of 2014 with a discriminator whose slope is 1 around real data."""

from __future__ import annotations

import gantool
from gantool_zoo.options import NarrowConfig


class DRAGANConfig(NarrowConfig):
    """The options of dragan; `--penalty dragan` serves any other GAN too."""

    penalty: str = "dragan"
    beta1: float = 0.5
    lr: float = 8e-4
    ema: float = 0.999
    ema_rampup: float | None = 0.05
    epochs: int | None = 24


PAPER = {
    "generator_batch": "fresh",
    "batch_size": 64,
    "ngf": 64,
    "ndf": 64,
    "lr": 2e-4,
    "beta2": 0.999,
    "ema": 0.0,
}

SPEC = gantool.ModelSpec(
    name="dragan",
    summary="non-saturating, with D's slope pulled to 1 around real data",
    paper="Kodali et al. 2017, arXiv:1705.07215",
    config=DRAGANConfig,
    implementation="gantool_zoo.dragan.model:DRAGAN",
    presets={"paper": PAPER},
    preset_notes={"paper": "batch, widths and Adam of DCGAN; D has no BatchNorm here"},
    kinds=("images", "points"),
    defaults={
        "points": {
            "steps": 1500,
            "batch_size": 128,
            "lr": 1e-3,
            "penalty_weight": 0.1,
            "ema": 0.99,
            "ema_rampup": None,
        }
    },
)
