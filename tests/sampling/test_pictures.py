"""Pictures of images."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def test_pictures_survive_any_number_of_channels() -> None:
    from gantool.sampling import pictures

    gray = np.zeros((3, 8, 8, 1), np.uint8)
    color = np.zeros((3, 8, 8, 3), np.uint8)
    for cells in (gray, color):
        assert pictures.numbered(cells, 2).size == (2 * 78 + 6, 2 * 94 + 6)
        with Image.open(io.BytesIO(pictures.gif(pictures.tall(list(cells))))) as animation:
            assert animation.size == (256, 256)
