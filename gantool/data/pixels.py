"""From an encoded picture to the pixels that are trained on; needs Pillow alone."""

from __future__ import annotations

import contextlib
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

from gantool.config import Fit
from gantool.data.source import UnreadableImageError, in_mode

Pixels = npt.NDArray[np.uint8]
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
_GRAY_MODES = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_WIDEST = 4  # an image so many times as long as what is wanted is cropped before it is resized
_CLEAR = (255, 255, 255, 0)  # white too, so that the border is white where alpha is left out


def open_image(content: Path | bytes) -> Image.Image:
    """An encoded picture, as a file or as its bytes, of which only the head is read yet.

    Raises:
        UnreadableImageError: it is damaged, too large to be trusted, or of another kind.
    """
    try:
        return Image.open(
            BytesIO(content) if isinstance(content, bytes) else content, formats=FORMATS
        )
    except Exception as error:
        raise UnreadableImageError(_in_words(error)) from None


def decode(image: Image.Image, least: tuple[int, int] | None = None) -> Image.Image:
    """A picture as a person sees it, mode L, RGB, or RGBA where it has transparency, 8 bits.

    The first frame counts; EXIF orientation is applied; 16-bit values keep their upper half;
    floating-point values are taken as [0, 1], or [0, 255] where any exceeds 1.

    Args:
        image: a picture, perhaps still encoded.
        least: (height, width) in pixels; a JPEG that is larger may be decoded to fewer pixels, by
            halves, but to no fewer than these. All of them if None.

    Raises:
        UnreadableImageError: it is damaged or too large to be trusted.
    """
    # Pillow raises many kinds for a damaged file; none may end the preparation.
    try:
        if least is not None and image.format == "JPEG":
            _decode_fewer(image, *least)
        image.load()
        _turn_upright(image)
        return _to_8_bit(image)
    except Exception as error:
        raise UnreadableImageError(_in_words(error)) from None


def upright_size(image: Image.Image) -> tuple[int, int]:
    """(height, width) of a picture as a person sees it."""
    width, height = image.size
    return (width, height) if _lies_on_its_side(image) else (height, width)


def _in_words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _decode_fewer(image: Image.Image, height: int, width: int) -> None:
    """Let a JPEG's decoder skip detail, so that a photograph costs a fraction of the time."""
    if _lies_on_its_side(image):
        height, width = width, height
    image.draft(None, (width, height))


def _lies_on_its_side(image: Image.Image) -> bool:
    with contextlib.suppress(Exception):
        if image.format != "JPEG" or "exif" in image.info:
            return int(image.getexif().get(ExifTags.Base.Orientation, 1)) >= 5
    return False


def _turn_upright(image: Image.Image) -> None:
    if image.format == "JPEG" and "exif" not in image.info:
        return
    # The pixels may be sound where the note on how the camera was held is not.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)


def _to_8_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return _from_deep(image)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    return in_mode(image, "L" if has_gray_mode(image) else "RGB")


def has_gray_mode(image: Image.Image) -> bool:
    """Whether a picture's mode, or its palette, has no colors."""
    if image.mode == "P":
        palette = np.asarray(image.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return image.mode in _GRAY_MODES


def _from_deep(image: Image.Image) -> Image.Image:
    # Pillow's own conversion to 8 bits clips at 255 instead of scaling.
    values = np.asarray(image, dtype=np.float64)
    if image.mode.startswith("F"):
        scale = 255.0 if values.max(initial=0) <= 1 else 1.0
    else:
        scale = 1 / 257 if image.mode.startswith("I;16") or values.max(initial=0) > 255 else 1.0
    scaled = np.nan_to_num(values * scale).clip(0, 255)
    return Image.fromarray(scaled.round().astype(np.uint8))


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
    pixels = np.asarray(image).reshape(height, width, channels)
    if channels == 4:
        pixels = pixels.copy()
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
