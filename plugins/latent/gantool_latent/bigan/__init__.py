"""BiGAN: an encoder learned in the game: its description."""

from __future__ import annotations

import gantool
from gantool.models.dcgan import Config as DCGANConfig


class BiGANConfig(DCGANConfig):
    """The options of bigan; penalties, augmentations and packs do not know of pairs."""

    fixed = ("penalty", "augment", "pack")
    nz: int = 50
    ngf: int = 32
    ndf: int = 32
    epochs: int | None = 12


PAPER = {
    "update": "simultaneous",
    "latent": "uniform",
    "batch_size": 128,
    "beta2": 0.999,
    "ema": 0.0,
}

SPEC = gantool.ModelSpec(
    name="bigan",
    summary="an encoder plays too: the discriminator sees pairs of image and latent",
    paper="Donahue et al. 2016, arXiv:1605.09782; Dumoulin et al. 2016, arXiv:1606.00704",
    config=BiGANConfig,
    implementation="gantool_latent.bigan.model:BiGAN",
    formula="G and E have D's with r and f exchanged (minimax: with the other sign)",
    presets={"paper": PAPER},
    preset_notes={
        "paper": "the authors' latents and simultaneous Adam, without its decays; their networks "
        "of digits were dense"
    },
    group="GANs that read latents",
    kinds=("images", "points"),
    defaults={
        "points": {
            "steps": 1500,
            "batch_size": 128,
            "lr": 5e-4,
            "ema": 0.99,
            "ema_rampup": None,
        }
    },
    small_data={"lr": 6e-4, "beta2": 0.99, "ema": 0.999, "ema_rampup": 0.05},
)
