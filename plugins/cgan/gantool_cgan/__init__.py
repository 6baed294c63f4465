"""The conditional GAN of Mirza and Osindero 2014 for gantool: its description."""

from __future__ import annotations

from typing import Literal

import gantool
from gantool import Field


class Config(gantool.LabelOptions, gantool.GANConfig):
    """The options of cgan; the defaults train in a minute on small data."""

    epochs: int | None = 16
    backbone: Literal["dcgan", "mlp", "paper"] = Field(
        "dcgan",
        description="dcgan: convolutions; mlp: BatchNorm and LeakyReLU; paper: the authors' "
        "maxout networks",
    )
    width: int = Field(
        40, ge=1, le=4096, description="channels of the outermost hidden layer of backbone dcgan"
    )


PAPER = {
    "backbone": "paper",
    "latent": "uniform",
    "update": "simultaneous",
    "batch_size": 100,
    "steps": 12000,
    "optimizer": "sgd",
    "lr": 0.1,
    "lr_decay": 1.00004,
    "momentum": 0.5,
    "final_momentum": 0.7,
}

MLP = {
    "backbone": "mlp",
    "epochs": 40,
    "batch_size": 32,
    "lr": 2e-4,
    "beta2": 0.999,
    "ema": 0.0,
}

POINTS = {"backbone": "mlp", "steps": 1500, "batch_size": 128, "lr": 1e-3}

SMALL_DATA = {"width": 24, "lr": 6e-4, "beta2": 0.99, "ema": 0.999, "ema_rampup": 0.05}


@gantool.hookimpl
def register_models(register):
    """Register cgan."""
    register(
        gantool.ModelSpec(
            name="cgan",
            summary="draws what the label asks for: both networks see it",
            paper="Mirza and Osindero 2014, arXiv:1411.1784",
            config=Config,
            implementation="gantool_cgan.model:CGAN",
            presets={"paper": PAPER, "mlp": MLP},
            preset_notes={"mlp": "two perceptrons, as beginners write them"},
            needs_labels=True,
            kinds=("images", "points"),
            defaults={"points": POINTS},
            small_data=SMALL_DATA,
        )
    )
