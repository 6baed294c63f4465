"""Images of the test split beside what a model draws from their latents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL.Image import Image

from gantool.display import OnProgress
from gantool.errors import ConfigError
from gantool.gan.base import Model
from gantool.plugins.registry import Registry
from gantool.sampling import pictures
from gantool.sampling.generate import Pixels, to_pixels
from gantool.sampling.sampler import Sampler
from gantool.sampling.trained import open_data

SPLIT = "test"
_CHUNK, _COLUMNS = 250, 8


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """Images of the test split, and those that the model draws from their latents.

    Attributes:
        real: some, spread evenly over the split, uint8 [n, H, W, C].
        drawn: what G(E(x)) is of these, uint8 [n, H, W, C].
        images: the number of all in the split.
        mean_squared_error: over all of them and their values, which are in [-1, 1].
        error_of_mean: the same of one image for all, the mean of the split.
    """

    real: Pixels
    drawn: Pixels
    images: int
    mean_squared_error: float
    error_of_mean: float

    def picture(self) -> Image:
        """Rows of real images, each above the row of what was drawn from their latents."""
        lines, captions = [], []
        for start in range(0, len(self.real), _COLUMNS):
            part = slice(start, start + _COLUMNS)
            lines += [self.real[part], self.drawn[part]]
            captions += ["images of the test split, x", "drawn from their latents, G(E(x))"]
        return pictures.rows(lines, captions)

    def describe(self) -> dict[str, Any]:
        """The numbers, for scripts."""
        return {
            "split": SPLIT,
            "images": self.images,
            "mean_squared_error": self.mean_squared_error,
            "mean_squared_error_of_mean_image": self.error_of_mean,
        }


@torch.no_grad()
def reconstruct(
    sampler: Sampler,
    registry: Registry,
    *,
    shown: int,
    data_dir: Path | None = None,
    progress: OnProgress = lambda done, total: None,
) -> Reconstruction:
    """Encode and draw again every image of the test split.

    Args:
        sampler: the run's.
        registry: the data sets there are.
        shown: the number of images to show.
        data_dir: folder that holds data sets, or None for that of the run.
        progress: told of images prepared.

    Raises:
        ConfigError: the model has no encoder, or was trained on points or on other data.
        GantoolError: the data cannot be had.
    """
    model, record = sampler.model, sampler.record
    if type(model).encode is Model.encode:
        raise ConfigError(
            f"{record.name} is a run of {record.model}, which has no encoder: it draws images, and "
            "cannot say which latent one comes from.",
            "Models that can: vae, bigan and flow (`gantool list-models`).",
        )
    if model.shapes.kind == "points":
        raise ConfigError(
            f"{record.name} is a run on points in the plane, and reconstruction is to be seen in "
            "images.",
            "`gantool sample` draws points.",
        )
    config = model.config.model_copy(update={"data_dir": data_dir} if data_dir else {})
    split = open_data(sampler.folder, config, registry, progress=progress).splits[SPLIT]
    device, n = next(model.parameters()).device, len(split)
    if not n:
        raise ConfigError(
            f"the data of {record.name} have no {SPLIT} images to reconstruct.",
            "Of more images some fall to that split.",
        )
    chosen = np.unique(np.linspace(0, n - 1, num=min(n, shown)).round())  # it may be in order
    error, squares, real, drawn = 0.0, 0.0, [], []
    total = torch.zeros(model.shapes.sample, dtype=torch.float64)
    for numbers in np.array_split(np.arange(n), -(-n // _CHUNK)):
        x, y = split.tensor(numbers, device), None
        if model.conditional and split.labels is not None:
            y = torch.from_numpy(split.labels[numbers]).to(device)
        again = model.generate(model.encode(x, y), y).cpu()
        x = x.cpu()  # MPS has no float64
        error += (again - x).square().double().sum().item()
        squares += x.square().double().sum().item()
        total += x.sum(0, dtype=torch.float64)
        looked_at = torch.from_numpy(np.isin(numbers, chosen))
        real.append(to_pixels(x[looked_at]))
        drawn.append(to_pixels(again[looked_at]))
    values = n * model.shapes.values
    return Reconstruction(
        np.concatenate(real),
        np.concatenate(drawn),
        images=n,
        mean_squared_error=error / values,
        error_of_mean=(squares - total.square().sum().item() / n) / values,
    )
