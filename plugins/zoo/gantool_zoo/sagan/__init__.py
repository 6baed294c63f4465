"""SAGAN: self-attention in both networks, spectral norm in both, two learning rates."""

from __future__ import annotations

import gantool
from gantool_zoo.sngan import SNGANConfig


class SAGANConfig(SNGANConfig):
    """The options of sagan; the defaults are narrow and suit small data."""

    lr: float = 4e-4
    discriminator_lr: float | None = 1.6e-3
    epochs: int | None = 12


PAPER = {
    "ngf": 256,
    "ndf": 128,
    "batch_size": 256,
    "lr": 1e-4,
    "discriminator_lr": 4e-4,
    "ema": 0.0,
}

SPEC = gantool.ModelSpec(
    name="sagan",
    summary="sngan with self-attention, and spectral norm in the generator too",
    paper="Zhang et al. 2018, arXiv:1805.08318",
    config=SAGANConfig,
    implementation="gantool_zoo.sagan.model:SAGAN",
    presets={"paper": PAPER},
    preset_notes={
        "paper": "the paper's rates and batch, with SNGAN's widths at 32 x 32; its networks, "
        "for ImageNet, took labels"
    },
)
