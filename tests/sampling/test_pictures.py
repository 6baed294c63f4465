"""Pictures of images."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.utils import make_grid

from gantool.sampling.generate import to_pixels
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


def test_black_is_minus_one_and_white_is_one() -> None:
    values = torch.tensor([-1.0, -0.5, 0.0, 1.0, -7.0, 7.0, float("nan")])
    pixels = to_pixels(values.view(1, 1, 1, 7))
    assert pixels.dtype == np.uint8
    assert pixels.ravel().tolist() == [0, 64, 128, 255, 0, 255, 0]


def test_pictures_survive_any_number_of_channels() -> None:
    from gantool.sampling import pictures

    gray = np.zeros((3, 8, 8, 1), np.uint8)
    color = np.zeros((3, 8, 8, 3), np.uint8)
    for cells in (gray, color):
        assert pictures.numbered(cells, 2).size == (2 * 78 + 6, 2 * 94 + 6)
        with Image.open(io.BytesIO(pictures.gif(pictures.tall(list(cells))))) as animation:
            assert animation.size == (256, 256)


def test_alpha_shows_a_checkerboard() -> None:
    from gantool.sampling import pictures

    images = np.zeros((2, 16, 32, 4), np.uint8)
    images[1, ..., :] = (9, 80, 200, 255)
    shown = pictures.on_checkerboard(images)
    assert shown.shape == (2, 16, 32, 3)
    assert (shown[1] == (9, 80, 200)).all()
    fields = shown[0, ::2, ::2, 0]
    assert (fields == np.where(np.add.outer(range(8), range(16)) % 2, 204, 255)).all()
    assert (shown[0].reshape(8, 2, 16, 2, 3) == fields[:, None, :, None, None]).all()
    assert pictures.single(images[0]).mode == "RGBA"
    laid = pictures.lay_out(images, 2)
    assert (laid[2:18, 2:34] == shown[0]).all()
    assert (pictures.on_checkerboard(images[..., :3]) == images[..., :3]).all()


def test_an_oblong_picture_is_laid_out_by_width_and_height() -> None:
    from gantool.sampling import pictures
    from gantool.sampling.latents import parse

    cells = np.zeros((4, 40, 72, 3), np.uint8)
    cells[..., 0] = 200
    assert pictures.numbered(cells, 2).size == (2 * 78 + 6, 2 * (40 + 16 + 6) + 6)
    shown = np.asarray(pictures.rows([cells[:3], cells[:3]]))
    assert shown.shape == (2 * 46 + 6, 3 * 78 + 6, 3)
    assert (shown[6:46, 6:78] == (200, 0, 0)).all()
    assert (shown[46:52] == 255).all()
    assert (shown[52:92, 6:78] == (200, 0, 0)).all()
    assert pictures.tall(list(cells))[0].size == (256, 142)
    expression = parse("1 + 2", 4)
    drawn = pictures.Sum(
        expression, [cells[:1], cells[:1]], means=cells[:2], result=cells[0], latent=torch.zeros(2)
    )
    assert pictures.equation(drawn).height == 3 * (40 + 6 + 18) + 6
