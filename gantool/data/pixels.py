"""From a decoded picture to the pixels that are trained on; needs Pillow alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from gantool.config import Fit
from gantool.data.source import in_mode

Pixels = npt.NDArray[np.uint8]
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_WIDEST = 4  # an image so many times as long as what is wanted is cropped before it is resized
_CLEAR = (255, 255, 255, 0)  # white too, so that the border is white where alpha is left out


def fitted(
    image: Image.Image, size: tuple[int, int], *, fit: Fit = "crop", channels: int
) -> Pixels:
    """Resize an image (bilinear, antialiased), and give it the wanted shape.

    Args:
        image: mode L, RGB or RGBA.
        size: (height, width) in pixels.
        fit: crop covers the size and keeps the centre; pad shows all of the image, on white (with
            alpha on clear ground); stretch changes its proportions.
        channels: 1 (grey), 3 (RGB) or 4 (RGBA, straight: not premultiplied). With 1 and 3 what is
            transparent is on white; with 4 what is wholly transparent has white's color.

    Returns:
        uint8 [height, width, channels].
    """
    height, width = size
    if image.mode == "RGBA" and channels != 4:
        image = Image.alpha_composite(Image.new("RGBA", image.size, color="white"), image)
        image = image.convert("RGB")
    if fit == "crop":
        image = _cropped(
            image,
            height=min(image.height, -(-_WIDEST * image.width * height // width)),
            width=min(image.width, -(-_WIDEST * image.height * width // height)),
        )
    image = in_mode(image, _MODES[channels])
    # Pillow weighs colors by their alpha while it resizes, so that none bleeds out of clear parts.
    image = image.resize(_resized(image, size, fit=fit), Image.Resampling.BILINEAR)
    if fit == "crop":
        image = _cropped(image, height=height, width=width)
    elif fit == "pad":
        image = _padded(image, height=height, width=width)
    pixels = np.array(image).reshape(height, width, channels)
    if channels == 4:
        pixels[pixels[:, :, 3] == 0] = _CLEAR
    return pixels


def composited(pixels: Pixels, ground: npt.ArrayLike) -> Pixels:
    """Images with alpha, uint8 [..., height, width, 4], on a ground; uint8 [..., height, width, 3].

    The ground's values are of 255; its shape is broadcast to the images' colors.
    """
    if pixels.ndim > 3:  # one after the other, which takes less memory
        return np.stack([composited(image, ground) for image in pixels])
    alpha = pixels[..., 3:].astype(np.uint16)
    mixed = pixels[..., :3] * alpha + np.asarray(ground, np.uint16) * (255 - alpha)
    found: Pixels = ((mixed + 127) // 255).astype(np.uint8)
    return found


def _resized(image: Image.Image, size: tuple[int, int], *, fit: Fit) -> tuple[int, int]:
    """The (width, height) that an image is resized to before it is cropped or padded."""
    height, width = size
    if fit == "stretch":
        return width, height
    wide = image.width * height > image.height * width
    if wide == (fit == "crop"):
        return max(1, height * image.width // image.height), height
    return width, max(1, width * image.height // image.width)


def _cropped(image: Image.Image, *, height: int, width: int) -> Image.Image:
    if image.size == (width, height):
        return image
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    return image.crop((left, top, left + width, top + height))


def _padded(image: Image.Image, *, height: int, width: int) -> Image.Image:
    ground = Image.new(
        image.mode, (width, height), color=_CLEAR if image.mode == "RGBA" else "white"
    )
    ground.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return ground
