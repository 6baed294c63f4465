"""The description of DCGAN (Radford et al. 2015) as in PyTorch's tutorial.

The networks are in `model`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from gantool.config import GANConfig
from gantool.plugins.hookspecs import hookimpl
from gantool.plugins.spec import ModelSpec


class Config(GANConfig):
    """The options of dcgan; on many images the defaults are the tutorial's."""

    ngf: int = Field(64, ge=1, le=4096, description="channels of the generator's last hidden layer")
    ndf: int = Field(64, ge=1, le=4096, description="channels of the discriminator's first layer")
    discriminator_norm: Literal["auto", "batch", "none"] = Field(
        "auto",
        description="BatchNorm in the discriminator; auto leaves it out where penalty, clip, "
        "spectral_norm or the Wasserstein loss ask for a discriminator that treats images apart",
    )


TUTORIAL = {
    "epochs": 5,
    "batch_size": 128,
    "nz": 100,
    "ngf": 64,
    "ndf": 64,
    "lr": 2e-4,
    "beta1": 0.5,
    "beta2": 0.999,
    "ema": 0.0,
}

FAST = {
    "epochs": 26,
    "batch_size": 32,
    "nz": 32,
    "ngf": 32,
    "ndf": 16,
    "lr": 2.5e-3,
    "beta2": 0.99,
    "ema": 0.999,
    "ema_rampup": 0.07,
}

SMALL_DATA = {"lr": 1.5e-3, "beta2": 0.99, "ema": 0.999, "ema_rampup": 0.05}
# Without BatchNorm in D, or with its slope bounded, larger rates diverge.
SMALL_DATA_OTHER_GAME = {"lr": 8e-4, "ema": 0.999, "ema_rampup": 0.05}


@hookimpl
def register_models(register: Callable[[ModelSpec], None]) -> None:
    """Register dcgan."""
    register(
        ModelSpec(
            name="dcgan",
            summary="convolutional GAN, the tutorial's networks at 64 x 64, "
            "derived from the data elsewhere",
            paper="Radford et al. 2015, arXiv:1511.06434",
            config=Config,
            implementation="gantool.models.dcgan.model:DCGAN",
            presets={
                "paper": {"ngf": 128, "ndf": 128, "latent": "uniform", "batch_size": 128},
                "tutorial": TUTORIAL,
                "fast": FAST,
            },
            preset_notes={
                "paper": "the paper's widths, batch and latents; its kernels were 5 x 5, "
                "here they are 4 x 4",
                "fast": "narrow networks that draw good digits in about a minute",
            },
            small_data=SMALL_DATA,
            small_data_other_game=SMALL_DATA_OTHER_GAME,
        )
    )
