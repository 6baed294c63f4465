"""The multilayer-perceptron GAN of Goodfellow et al. 2014 for gantool: its description."""

from __future__ import annotations

from typing import Literal

import gantool
from gantool import Field


class Config(gantool.GANConfig):
    """The options of vanilla; the defaults train in a minute on small data."""

    epochs: int | None = 28
    batch_size: int | None = 32
    networks: Literal["modern", "paper", "pacgan"] = Field(
        "modern",
        description="modern: BatchNorm and LeakyReLU, or on points rectifiers alone; "
        "paper: the authors' rectifiers, maxout and dropout, for images; "
        "pacgan: those of PacGAN's experiments, for points",
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

# Lin et al. 2018, arXiv:1712.04086, section 4.1, who repeat the set-up of VEEGAN (Srivastava et al.
# 2017, arXiv:1705.07761).
PACGAN = {
    "networks": "pacgan",
    "batch_size": 100,
    "epochs": 400,
    "lr": 1e-4,
    "beta1": 0.8,
    "nz": 2,
}

MLP = {"epochs": 40, "batch_size": 32, "lr": 2e-4, "beta2": 0.999, "ema": 0.0}

POINTS = {"steps": 1500, "batch_size": 128, "lr": 1e-3}

SMALL_DATA = {"lr": 4e-4, "beta2": 0.99, "ema": 0.999, "ema_rampup": 0.05}


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
            presets={"paper": PAPER, "mlp": MLP, "pacgan": PACGAN},
            preset_notes={
                "mlp": "two perceptrons, as beginners write them",
                "pacgan": "for points in the plane; 400,000 steps, unless --steps says",
            },
            kinds=("images", "points"),
            defaults={"points": POINTS},
            small_data=SMALL_DATA,
        )
    )
