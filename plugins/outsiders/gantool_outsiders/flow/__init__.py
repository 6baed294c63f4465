"""Flow matching: a velocity that carries noise to data: its description."""

from __future__ import annotations

from typing import Literal

import gantool
from gantool import Field


class FlowConfig(gantool.TrainConfig):
    """The options of flow; its latent is noise of the data's own shape."""

    fixed = ("nz", "latent")
    lr: float = 2e-3
    beta1: float = 0.9
    beta2: float = 0.99
    ema: float = 0.999
    ema_rampup: float | None = 0.05
    batch_size: int | None = 32
    epochs: int | None = 26
    width: int = Field(24, ge=1, le=4096, description="channels of the outermost level")
    sampling_steps: int = Field(
        20, ge=1, le=1000, description="steps from noise to a sample; heun has two passes in each"
    )
    solver: Literal["euler", "heun"] = Field("euler", description="of first or of second order")


SPEC = gantool.ModelSpec(
    name="flow",
    summary="flow matching: a network says which way noise moves to become data",
    paper="Lipman et al. 2022, arXiv:2210.02747",
    formula="E[(v(x_t, t) - (x_1 - x_0))^2], x_t = (1 - t) x_0 + t x_1",
    config=FlowConfig,
    implementation="gantool_outsiders.flow.model:Flow",
    kinds=("images", "points"),
    defaults={
        "points": {"lr": 1e-3, "steps": 3000, "batch_size": 256, "width": 128, "sampling_steps": 25}
    },
)
