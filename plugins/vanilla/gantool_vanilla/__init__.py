"""The multilayer-perceptron GAN of Goodfellow et al. 2014 for gantool: its description."""

from __future__ import annotations

from typing import Literal

import gantool
from gantool import Field


class Config(gantool.GANConfig):
    """The options of vanilla; the defaults train in a minute on small data."""

    epochs: int | None = 40
    batch_size: int | None = 32
    networks: Literal["modern", "paper"] = Field(
        "modern",
        description="modern: BatchNorm and LeakyReLU; "
        "paper: the authors' rectifiers, maxout and dropout",
    )


PAPER = {
    "networks": "paper",
    "latent": "uniform",
    "update": "simultaneous",
    "batch_size": 100,
    "steps": 12000,
    "optimizer": "sgd",
    "lr": 0.1,
    "lr_decay": 1.000004,
    "momentum": 0.5,
    "final_momentum": 0.7,
}

POINTS = {"steps": 1500, "batch_size": 256, "lr": 1e-3}


@gantool.hookimpl
def register_models(register):
    """Register vanilla."""
    register(
        gantool.ModelSpec(
            name="vanilla",
            summary="the first GAN: two multilayer perceptrons",
            paper="Goodfellow et al. 2014, arXiv:1406.2661",
            config=Config,
            implementation="gantool_vanilla.model:Vanilla",
            presets={"paper": PAPER},
            kinds=("images", "points"),
            defaults={"points": POINTS},
        )
    )
