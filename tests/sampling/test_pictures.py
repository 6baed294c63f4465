"""Pictures of images."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.utils import make_grid

from gantool.sampling.pictures import lay_out


@pytest.mark.parametrize("n, columns", [(1, 1), (1, 8), (5, 8), (8, 8), (9, 4), (64, 8)])
@pytest.mark.parametrize("shape", [(6, 6, 1), (6, 6, 3), (4, 7, 3)])
def test_a_grid_is_torchvisions(n: int, columns: int, shape: tuple[int, int, int]) -> None:
    cells = np.random.default_rng(n).integers(0, 256, size=(n, *shape), dtype=np.uint8)
    laid = make_grid(
        torch.tensor(cells).permute(0, 3, 1, 2), nrow=columns, padding=2, pad_value=128
    )
    found = lay_out(cells, columns)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, laid.permute(1, 2, 0).numpy())


def test_pictures_survive_any_number_of_channels() -> None:
    from gantool.sampling import pictures

    gray = np.zeros((3, 8, 8, 1), np.uint8)
    color = np.zeros((3, 8, 8, 3), np.uint8)
    for cells in (gray, color):
        assert pictures.numbered(cells, 2).size == (2 * 78 + 6, 2 * 94 + 6)
        with Image.open(io.BytesIO(pictures.gif(pictures.tall(list(cells))))) as animation:
            assert animation.size == (256, 256)
