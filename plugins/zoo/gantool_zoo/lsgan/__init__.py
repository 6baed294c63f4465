"""LSGAN: squared distances from labels in the place of cross-entropies."""

from __future__ import annotations

import gantool
from gantool import Field
from gantool.models.dcgan import SMALL_DATA
from gantool.models.dcgan import Config as DCGANConfig


class LSGANConfig(DCGANConfig):
    """The options of lsgan; the three labels are those of the paper's equation 2."""

    fixed = ("loss", "clip")
    loss: str = "least-squares"
    epochs: int | None = 12
    fake_label: float = Field(0.0, ge=-10, le=10, description="a, what D is to say of fakes")
    real_label: float = Field(1.0, ge=-10, le=10, description="b, what D is to say of real ones")
    target_label: float = Field(1.0, ge=-10, le=10, description="c, what G wants D to say of fakes")


PRESETS = {
    "paper": {
        "batch_size": 64,
        "nz": 1024,
        "lr": 1e-3,
        "beta1": 0.5,
        "beta2": 0.999,
        "ema": 0.0,
    },
    "pearson": {"fake_label": -1.0, "real_label": 1.0, "target_label": 0.0},
}

SPEC = gantool.ModelSpec(
    name="lsgan",
    summary="D's answers are pulled to labels by squared distances",
    paper="Mao et al. 2017, arXiv:1611.04076",
    formula="D: E[(r - b)^2]/2 + E[(f - a)^2]/2; G: E[(f - c)^2]/2",
    config=LSGANConfig,
    implementation="gantool_zoo.lsgan.model:LSGAN",
    presets=PRESETS,
    preset_notes={
        "paper": "the paper's latents, batch and Adam for scenes; the networks are DCGAN's",
        "pearson": "equation 8: G minimises the Pearson divergence between both distributions",
    },
    kinds=("images", "points"),
    defaults={"points": {"steps": 1500, "batch_size": 128, "lr": 1e-3}},
    small_data=SMALL_DATA,
)
