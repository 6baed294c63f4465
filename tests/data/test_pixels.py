"""From a picture to the pixels that are trained on."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gantool.config import Fit
from gantool.data.pixels import composited, fitted

# Of all squares of 8, 16, 33 and 64 pixels, grey and RGB, as torchvision's Resize and CenterCrop
# make them: (mode, width, height) of the picture, and the beginning of their SHA-256.
SQUARES = {
    ("L", 40, 25): "fffe00533899a63d",
    ("L", 25, 40): "969f65c312dc9220",
    ("L", 31, 31): "8057d4c33282a516",
    ("L", 16, 16): "9bac72a01d0de36c",
    ("L", 200, 7): "3a64c063c53cedc2",
    ("L", 7, 200): "c20356f90e4670c6",
    ("L", 90, 60): "98c9cb4820d927d9",
    ("L", 129, 500): "b03c062c1096b802",
    ("LA", 40, 25): "b35ce3e121a53c9a",
    ("LA", 25, 40): "831346a1bd0ba460",
    ("LA", 31, 31): "9656218475c2ddee",
    ("LA", 16, 16): "b62df68a788af49d",
    ("LA", 200, 7): "7cd77f130203f815",
    ("LA", 7, 200): "30df0234c4e3964a",
    ("LA", 90, 60): "8783ffaa96f2d46e",
    ("LA", 129, 500): "18cc5446753d98cf",
    ("RGB", 40, 25): "c598eb917a4639cc",
    ("RGB", 25, 40): "1a33b023f0405b8f",
    ("RGB", 31, 31): "15bbbae92f191096",
    ("RGB", 16, 16): "290d05f2cccd9fd5",
    ("RGB", 200, 7): "6c77d3f423a27def",
    ("RGB", 7, 200): "ba98f978aecbc881",
    ("RGB", 90, 60): "1b6e3e896a1e606c",
    ("RGB", 129, 500): "61e96a37aeb2ec11",
    ("RGBA", 40, 25): "d54714dad159353d",
    ("RGBA", 25, 40): "93017d0022c449a4",
    ("RGBA", 31, 31): "4c4e782653be7ba1",
    ("RGBA", 16, 16): "bbb2dcfab86baf09",
    ("RGBA", 200, 7): "f1d7e6067c9ffb77",
    ("RGBA", 7, 200): "9c0e7ea45d6e6312",
    ("RGBA", 90, 60): "535cdfc34f0d9475",
    ("RGBA", 129, 500): "0ad42a83de165408",
}
MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


def drawn(mode: str, width: int, height: int) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    planes = [(x * 7 + y * (3 + 2 * c) + x * y * (c + 1) // 5) % 256 for c in range(MODES[mode])]
    pixels = np.stack(planes, axis=2).astype(np.uint8)
    return Image.fromarray(pixels[:, :, 0] if mode == "L" else pixels, mode)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", SQUARES, ids=str)
def test_squares_are_torchvisions(kind: tuple[str, int, int]) -> None:
    image = drawn(*kind)
    if "A" in kind[0]:
        image = image.convert("RGBA")
    digest = hashlib.sha256()
    for side in (8, 16, 33, 64):
        for channels in (1, 3):
            digest.update(fitted(image, (side, side), channels=channels).tobytes())
    assert digest.hexdigest().startswith(SQUARES[kind])


@settings(deadline=None)
@given(
    taken=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    fit=st.sampled_from(["crop", "pad", "stretch"]),
    channels=st.sampled_from([1, 3, 4]),
)
def test_every_picture_comes_to_every_shape(
    taken: tuple[int, int], size: tuple[int, int], fit: Fit, channels: int
) -> None:
    color = (10, 200, 90)
    found = fitted(Image.new("RGB", taken, color=color), size, fit=fit, channels=channels)
    assert found.shape == (*size, channels)
    flat = found.reshape(-1, channels)
    expected = [np.dot(color, (0.299, 0.587, 0.114))] if channels == 1 else color
    ink = np.abs(flat[:, :3] - np.asarray(expected, float)).max(1) < 1
    if fit == "pad":
        assert ink.any()
        ground = flat[~ink]
        assert (ground[:, :3] == 255).all()
        assert channels < 4 or not ground[:, 3].any()
    else:
        assert ink.all()


def thirds() -> Image.Image:
    """Red, green and blue, from left to right; 90 x 30 pixels."""
    pixels = np.zeros((30, 90, 3), np.uint8)
    for channel in range(3):
        pixels[:, 30 * channel : 30 * (channel + 1), channel] = 255
    return Image.fromarray(pixels)


def test_crop_keeps_the_centre_pad_all_and_stretch_the_shape_alone() -> None:
    assert (fitted(thirds(), (10, 10), channels=3)[:, 1:-1] == (0, 255, 0)).all()
    oblong = fitted(thirds(), (10, 30), channels=3)
    assert oblong[5, [5, 15, 25]].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    padded = fitted(thirds(), (30, 30), fit="pad", channels=3)
    assert (padded[:10] == 255).all()
    assert (padded[20:] == 255).all()
    assert padded[15, [5, 15, 25]].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    stretched = fitted(thirds(), (30, 30), fit="stretch", channels=3)
    assert stretched[0, [4, 15, 25]].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]


def test_a_crop_is_that_of_the_square_turned() -> None:
    image = drawn("RGB", 70, 41)
    wide = fitted(image, (12, 20), channels=3)
    turned = fitted(image.transpose(Image.Transpose.TRANSPOSE), (20, 12), channels=3)
    # Pillow rounds between the two directions.
    np.testing.assert_allclose(turned.transpose(1, 0, 2).astype(int), wide.astype(int), atol=1)


def test_an_opaque_picture_keeps_its_colors_beside_alpha() -> None:
    image = drawn("RGB", 50, 37)
    found = fitted(image, (16, 24), channels=4)
    np.testing.assert_array_equal(found[..., :3], fitted(image, (16, 24), channels=3))
    assert (found[..., 3] == 255).all()


def test_clear_parts_do_not_bleed_and_are_white() -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, :, 1] = 255  # clear green all over,
    pixels[20:45, 20:45] = (255, 0, 0, 255)  # with a red square on it
    found = fitted(Image.fromarray(pixels), (16, 16), channels=4).astype(int)
    clear = found[..., 3] == 0
    assert (found[clear] == (255, 255, 255, 0)).all()
    assert (found[~clear][:, 0] >= 253).all()
    assert (found[~clear][:, 1:3] <= 2).all()
    assert 0 < (found[..., 3] % 255 != 0).sum() < 80  # an edge
    # On white it is what is prepared without alpha, but for rounding.
    white = composited(found.astype(np.uint8), 255).astype(int)
    assert np.abs(white - fitted(Image.fromarray(pixels), (16, 16), channels=3)).max() <= 2


def test_composites_by_hand() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 4, 5, 4), dtype=np.uint8)
    ground = rng.integers(0, 256, (4, 5, 1), dtype=np.uint8)
    share = images[..., 3:] / 255
    expected = images[..., :3] * share + ground * (1 - share)
    assert np.abs(composited(images, ground) - expected).max() <= 0.5 + 1e-9
