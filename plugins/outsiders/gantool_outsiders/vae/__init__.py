"""The variational autoencoder of Kingma and Welling 2013: its description."""

from __future__ import annotations

from typing import Literal

import gantool
from gantool import Field


class VAEConfig(gantool.TrainConfig):
    """The options of vae; the closed form of the divergence needs a normal prior."""

    fixed = ("latent",)
    nz: int = 20
    lr: float = 1e-3
    beta1: float = 0.9
    ema: float = 0.999
    ema_rampup: float | None = 0.05
    epochs: int | None = 30
    backbone: Literal["conv", "mlp"] = Field(
        "conv", description="conv: DCGAN's convolutions; mlp: dense layers, the authors' own"
    )
    width: int = Field(32, ge=1, le=65536, description="channels of conv outside; units of mlp")
    likelihood: Literal["bernoulli", "gaussian"] = Field(
        "bernoulli", description="distribution of a pixel around what the decoder says"
    )
    pixel_std: float = Field(
        0.25, gt=0, le=10, description="standard deviation of gaussian; pixels are in [-1, 1]"
    )


POINTS = {"backbone": "mlp", "width": 128, "likelihood": "gaussian", "pixel_std": 0.05}

SPEC = gantool.ModelSpec(
    name="vae",
    summary="variational autoencoder: encoder, decoder and a bound on the likelihood",
    paper="Kingma and Welling 2013, arXiv:1312.6114",
    formula="E[-log p(x | z)] + KL(q(z | x) || p(z)), z from q",
    config=VAEConfig,
    implementation="gantool_outsiders.vae.model:VAE",
    presets={"paper": {"backbone": "mlp", "width": 500, "batch_size": 100, "ema": 0.0}},
    preset_notes={"paper": "the authors' networks on digits; their Adagrad is Adam here"},
    kinds=("images", "points"),
    defaults={"points": {**POINTS, "steps": 3000, "batch_size": 128}},
)
