"""The sample grid of a run: fixed latents, drawn again and again while the generator learns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gantool.data.prepared import Prepared
from gantool.gan.base import Model
from gantool.sampling.codes import columns_of, read_codes
from gantool.sampling.pictures import PADDING

# The seed of every run's latents, so that models with latents of one size meet the same points.
SAMPLE_GRID_SEED = 2014
# Rows and columns, and the most that classes may have, by the kind of data. A point takes little
# room, and it takes many to show a distribution.
_SIZES = {"images": (8, 8, 16), "points": (16, 32, 512)}
_REAL_POINTS = 512  # that are shown
LARGEST = 1024  # dimensions of a latent that is written down


@dataclass(frozen=True, slots=True)
class SampleGrid:
    """The cells of a run's sample grids; they count from 0, row by row.

    Attributes:
        rows: of the grid.
        columns: of the grid.
        latents: float32 [rows * columns, dimension], on the CPU.
        labels: int64 [rows * columns], or None.
        code: the categorical part of the latent that has a column a value, or "".
    """

    rows: int
    columns: int
    latents: Tensor
    labels: Tensor | None = None
    code: str = ""

    def describe(self) -> dict[str, Any]:
        """The sample grid as sheet.json records it."""
        return {
            "rows": self.rows,
            "columns": self.columns,
            "padding": PADDING,
            "seed": SAMPLE_GRID_SEED,
            "labels": None if self.labels is None else self.labels.tolist(),
            "code": self.code or None,
            # Of a latent as large as an image the seed is enough: it is drawn again from that.
            "latents": self.latents.tolist() if self.latents.shape[1] <= LARGEST else None,
        }


def plan_sample_grid(gan: Model[Any]) -> SampleGrid:
    """Draw the latents of a sample grid: 8 x 8 of images, 16 x 32 of points.

    A conditional model has a column a class (16 at most of images), with the same latents in each
    column; one whose latent has a categorical part a column for each value of its first. Of points
    there are as many rows as make about 512 in all.
    """
    rng = torch.Generator().manual_seed(SAMPLE_GRID_SEED)
    rows, usual, most = _SIZES[gan.shapes.kind]
    cells = rows * usual
    latents = gan.sample_latent(cells, rng).cpu()
    categorical = [n for n, part in gan.latent.parts.items() if part.prior == "categorical"]
    if categorical and not gan.conditional:
        (code,) = read_codes([f"{categorical[0]}=all"], gan.latent)
        columns = min(len(code.values), most)
        rows = _rows(rows, cells // columns, gan)
        code = replace(code, values=code.values[:columns])
        return SampleGrid(
            rows=rows,
            columns=columns,
            latents=columns_of(code, latents[:rows]),
            code=categorical[0],
        )
    if not gan.conditional:
        return SampleGrid(rows=rows, columns=usual, latents=latents)
    columns = min(gan.shapes.classes, most)
    rows = _rows(rows, cells // columns, gan)
    return SampleGrid(
        rows=rows,
        columns=columns,
        latents=latents[:rows].repeat_interleave(columns, dim=0),
        labels=torch.arange(columns).repeat(rows),
    )


def arrange(
    data: Prepared, n: int, labels: npt.NDArray[np.int64] | None
) -> tuple[SampleGrid, npt.NDArray[np.int64]]:
    """A sample grid for samples that are there already, and their numbers, cell by cell.

    Images of which the labels are known have a column a class, if each has samples. The latents of
    the grid have no dimensions.

    Args:
        data: that the samples are like.
        n: the number of samples.
        labels: int64 [n], or None.
    """
    rows, columns, most = _SIZES[data.kind]
    if labels is not None and data.kind == "images":
        along = min(len(data.classes), most)
        members = [np.flatnonzero(labels == label) for label in range(along)]
        if all(map(len, members)):
            chosen = np.stack([np.resize(found, rows) for found in members], axis=1).ravel()
            latents = torch.empty(rows * along, 0)
            asked = torch.arange(along).repeat(rows)
            return SampleGrid(rows, along, latents=latents, labels=asked), chosen
    cells = rows * columns
    return SampleGrid(rows, columns, latents=torch.empty(cells, 0)), np.arange(cells) % n


def real_cells(data: Prepared, sample_grid: SampleGrid) -> npt.NDArray[np.int64]:
    """The numbers of training samples for a sample grid's cells: the same ones in every run.

    A cell that asks for a class shows an image of that class; of points, which are not shown cell
    by cell, the first ones serve every grid.
    """
    order = np.random.default_rng(SAMPLE_GRID_SEED).permutation(len(data.train))
    if data.kind == "points":
        return order[:_REAL_POINTS]
    if sample_grid.labels is None or data.train.labels is None:
        return order[np.arange(len(sample_grid.latents)) % len(order)]
    members = [order[data.train.labels[order] == label] for label in range(sample_grid.columns)]
    columns = [np.resize(found if len(found) else order, sample_grid.rows) for found in members]
    return np.stack(columns, axis=1).ravel()


def _rows(usual: int, filling: int, gan: Model[Any]) -> int:
    """Rows below columns that are not the usual ones: of points as many as fill the grid."""
    return filling if gan.shapes.kind == "points" else usual
