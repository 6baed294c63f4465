"""Drawing from a generator: sheets of fixed latents, one value range for all."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

from gantool.gan import GAN

SHEET_SEED = 2014  # of every run, so that models with latents of one size are seen on the same points
_COLUMNS = 8
_MOST_CLASSES = 16
_PADDING = 2


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a run's sheets show; cells count from 0, row by row.

    Attributes:
        rows, columns: of the grid.
        latents: float32 [rows * columns, dimension], on the CPU.
        labels: int64 [rows * columns], or None.
    """

    rows: int
    columns: int
    latents: Tensor
    labels: Tensor | None

    def describe(self) -> dict[str, Any]:
        """The sheet as sheet.json records it."""
        return {
            "rows": self.rows,
            "columns": self.columns,
            "padding": _PADDING,
            "seed": SHEET_SEED,
            "labels": None if self.labels is None else self.labels.tolist(),
            "latents": self.latents.tolist(),
        }


def plan_sheet(gan: GAN) -> Sheet:
    """64 latents in 8 x 8 cells; for a conditional model a column a class, the same latents down each column."""
    rng = torch.Generator().manual_seed(SHEET_SEED)
    latents = gan.sample_latent(64, rng).cpu()
    if not gan.conditional:
        return Sheet(8, _COLUMNS, latents, None)
    columns = min(gan.shapes.classes, _MOST_CLASSES)
    rows = 8
    return Sheet(
        rows,
        columns,
        latents[:rows].repeat_interleave(columns, dim=0),
        torch.arange(columns).repeat(rows),
    )


@torch.no_grad()
def draw(gan: GAN, z: Tensor, y: Tensor | None, *, chunk: int = 256) -> npt.NDArray[np.uint8]:
    """Images from latents [N, dimension] and labels [N] or None: uint8 [N, H, W, C], -1 black and 1 white.

    Evaluation mode (BatchNorm's running statistics); neither the training mode nor any random state is changed.
    """
    parameter = next(gan.parameters())
    training = gan.training
    gan.eval()
    try:
        with torch.random.fork_rng(devices=[] if parameter.device.type != "cuda" else [parameter.device]):
            parts = [
                to_pixels(
                    gan.generate(
                        z[i : i + chunk].to(parameter.device, parameter.dtype),
                        None if y is None else y[i : i + chunk].to(parameter.device),
                    )
                )
                for i in range(0, len(z), chunk)
            ]
    finally:
        gan.train(training)
    return np.concatenate(parts)


def to_pixels(images: Tensor) -> npt.NDArray[np.uint8]:
    """Float [N, C, H, W] in [-1, 1] to uint8 [N, H, W, C]; values outside are clipped, nan is black."""
    scaled = images.float().add(1).mul(127.5).round().nan_to_num(0, 255, 0).clamp(0, 255)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).cpu().contiguous().numpy()


def grid(pixels: npt.NDArray[np.uint8], columns: int) -> npt.NDArray[np.uint8]:
    """Lay images uint8 [N, H, W, C] out row by row; uint8 [height, width, 3]."""
    tensor = torch.tensor(pixels).permute(0, 3, 1, 2)
    laid: npt.NDArray[np.uint8] = (
        make_grid(tensor, nrow=columns, padding=_PADDING, pad_value=128).permute(1, 2, 0).contiguous().numpy()
    )
    return laid


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A picture uint8 [height, width, 3] as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()
