"""From an encoded picture to the pixels that a person sees."""

from __future__ import annotations

import contextlib
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

from gantool.data.source import UnreadableImageError, in_mode

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
_GRAY_MODES = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"})


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
    """A picture as a person sees it, mode L or RGB, 8 bits a channel; L exactly where it is grey.

    The first frame counts; EXIF orientation is applied; transparency is composited on white; 16-bit
    values keep their upper half; floating-point values are taken as [0, 1], or [0, 255] where any
    exceeds 1.

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
        return int(image.getexif().get(ExifTags.Base.Orientation, 1)) >= 5
    return False


def _turn_upright(image: Image.Image) -> None:
    # The pixels may be sound where the note on how the camera was held is not.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)


def _to_8_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return _from_deep(image)
    gray = has_gray_mode(image)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        colors = image.convert("RGBA")
        white = Image.new("RGBA", colors.size, color="white")
        flat = Image.alpha_composite(white, colors).convert("RGB")
        return flat.convert("L") if gray else flat
    return in_mode(image, "L" if gray else "RGB")


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
    image: Image.Image, size: tuple[int, int], *, channels: int
) -> npt.NDArray[np.uint8]:
    """Resize (bilinear, antialiased) until the picture covers the size, and crop the centre.

    The result is uint8 [height, width, channels].
    """
    height, width = size
    scale = max(height / image.height, width / image.width)
    resized = in_mode(image, "L" if channels == 1 else "RGB").resize(
        (max(width, int(image.width * scale)), max(height, int(image.height * scale))),
        Image.Resampling.BILINEAR,
    )
    left, top = round((resized.width - width) / 2), round((resized.height - height) / 2)
    cut = resized.crop((left, top, left + width, top + height))
    return np.asarray(cut).reshape(height, width, channels)
