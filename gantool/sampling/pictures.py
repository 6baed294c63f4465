"""Pictures of images: grids, numbered cells, rows, sums; and their encoding as PNG and GIF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from gantool.data.pixels import composited
from gantool.sampling.generate import Pixels
from gantool.sampling.latents import Expression

PADDING = 2  # pixels between the cells of a grid
_PAD_VALUE = 128
_FRAME_MS = 120  # of an interpolation
_SHORTEST_MS, _LONGEST_MS, _WHOLE_MS, _HELD_MS = 120, 600, 6000, 2500  # of a run's animation
_CELL = 72  # pixels across, about, so that a number beside it can be read
_TALL = 256  # pixels along the longer side of a frame
_GAP = 6
_TEXT = "#1c2430"
_SOFT = "#5b6675"
_FIELDS = 8  # of a checkerboard along the shorter side
_LIGHT, _DARK = 255, 204


@dataclass(frozen=True, slots=True)
class Sum:
    """Arithmetic, drawn: for each term its operands and their mean, and the result.

    Attributes:
        expression: the expression that was asked for.
        operands: uint8 [cells of the term, H, W, C] for each term.
        means: uint8 [terms, H, W, C].
        result: uint8 [H, W, C].
        latent: of the result, float [dimension].
    """

    expression: Expression
    operands: list[Pixels]
    means: Pixels
    result: Pixels
    latent: torch.Tensor


def rows(lines: Sequence[Pixels], captions: Sequence[str] = ()) -> Image.Image:
    """Lines of images, uint8 [N, H, W, C] each, one below the other.

    Captions, if given, stand above their lines.
    """
    tiles = [[_tile(image) for image in line] for line in lines]
    across, down = tiles[0][0].size
    head = 22 if captions else 0
    width = max(len(line) for line in tiles) * (across + _GAP) + _GAP
    if captions:
        width = max(width, *(round(_font().getlength(caption)) + 2 * _GAP for caption in captions))
    picture = Image.new("RGB", (width, len(tiles) * (down + head + _GAP) + _GAP), color="white")
    pen = ImageDraw.Draw(picture)
    for i, line in enumerate(tiles):
        top = _GAP + i * (down + head + _GAP)
        if captions:
            pen.text((_GAP, top), captions[i], fill=_TEXT, font=_font())
        for j, tile in enumerate(line):
            picture.paste(tile, (_GAP + j * (across + _GAP), top + head))
    return picture


def numbered(cells: Pixels, columns: int) -> Image.Image:
    """A sample grid whose cells bear their numbers, from 0, row by row."""
    tiles = [_tile(image) for image in cells]
    (across, down), head = tiles[0].size, 16
    count = -(-len(tiles) // columns)
    picture = Image.new(
        "RGB",
        (columns * (across + _GAP) + _GAP, count * (down + head + _GAP) + _GAP),
        color="white",
    )
    pen = ImageDraw.Draw(picture)
    for number, tile in enumerate(tiles):
        left = _GAP + (number % columns) * (across + _GAP)
        top = _GAP + (number // columns) * (down + head + _GAP)
        pen.text((left, top), str(number), fill=_SOFT, font=_font(12))
        picture.paste(tile, (left, top + head))
    return picture


def equation(drawn: Sum) -> Image.Image:
    """A row a term (its operands, and their mean at the right), and the result below."""
    across, down = _tile(drawn.result).size
    longest = max(len(operands) for operands in drawn.operands)
    lead, step = 64, across + _GAP
    width = lead + (longest + 1) * step + 40 + _GAP
    head = 18
    row = down + _GAP + head
    picture = Image.new("RGB", (width, (len(drawn.operands) + 1) * row + _GAP), color="white")
    pen = ImageDraw.Draw(picture)
    right = lead + longest * step + 40
    for i, (term, operands, mean) in enumerate(
        zip(drawn.expression.terms, drawn.operands, drawn.means, strict=True)
    ):
        top = _GAP + i * row
        middle = top + head + down // 2 - 12
        pen.text((_GAP, middle), _sign(term.factor, first=i == 0), fill=_TEXT, font=_font(20))
        for j, (cell, image) in enumerate(zip(term.cells, operands, strict=True)):
            pen.text((lead + j * step, top), str(cell), fill=_SOFT, font=_font(12))
            picture.paste(_tile(image), (lead + j * step, top + head))
        pen.line((right - 32, middle + 12, right - 12, middle + 12), fill=_SOFT, width=2)
        pen.line(
            (right - 18, middle + 7, right - 12, middle + 12, right - 18, middle + 17),
            fill=_SOFT,
            width=2,
        )
        pen.text((right, top), "mean" if len(term.cells) > 1 else "", fill=_SOFT, font=_font(12))
        picture.paste(_tile(mean), (right, top + head))
    top = _GAP + len(drawn.operands) * row
    pen.line((right - 36, top + 4, right + across, top + 4), fill=_TEXT, width=2)
    pen.text((right - 30, top + head + down // 2 - 12), "=", fill=_TEXT, font=_font(20))
    picture.paste(_tile(drawn.result), (right, top + head))
    return picture


def _sign(factor: float, *, first: bool) -> str:
    sign = "+" if factor > 0 else "-"
    if first and factor > 0:
        sign = ""
    return sign if abs(factor) == 1 else f"{sign} {abs(factor):.3g} x".strip()


def on_checkerboard(pixels: Pixels) -> Pixels:
    """Images to be looked at, uint8 [..., H, W, C]: those with alpha on a checkerboard, in RGB."""
    if pixels.shape[-1] != 4:
        return pixels
    height, width = pixels.shape[-3:-1]
    field = max(1, min(height, width) // _FIELDS)
    odd = np.add.outer(np.arange(height) // field, np.arange(width) // field) % 2
    return composited(pixels, np.where(odd, _DARK, _LIGHT)[:, :, None])


def _tile(image: Pixels) -> Image.Image:
    picture = single(on_checkerboard(image)).convert("RGB")
    factor = max(1, round(_CELL / picture.width))
    return picture.resize(
        (picture.width * factor, picture.height * factor), Image.Resampling.NEAREST
    )


def single(image: Pixels) -> Image.Image:
    """One image uint8 [H, W, C] as a picture of its own size, grey, RGB or RGBA."""
    return Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)


def lay_out(pixels: Pixels, columns: int) -> Pixels:
    """A grid of images uint8 [N, H, W, C], row by row; uint8 [height, width, 3].

    C is 1, 3 or 4. Gray lies between and around the cells; a single image stands alone.
    """
    pixels = on_checkerboard(pixels)
    n, height, width, _ = pixels.shape
    if n == 1:
        return np.broadcast_to(pixels[0], (height, width, 3)).copy()
    columns = min(columns, n)
    lines = -(-n // columns)
    down, along = height + PADDING, width + PADDING
    cells = np.full((lines * columns, down, along, 3), _PAD_VALUE, dtype=np.uint8)
    cells[:n, PADDING:, PADDING:] = pixels
    grid = cells.reshape(lines, columns, down, along, 3).swapaxes(1, 2)
    grid = grid.reshape(lines * down, columns * along, 3)
    return np.pad(grid, ((0, PADDING), (0, PADDING), (0, 0)), constant_values=_PAD_VALUE)


def png(picture: Image.Image | Pixels) -> bytes:
    """A picture, or uint8 [height, width, 3], as PNG."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def gif(frames: Sequence[Image.Image], durations: int | Sequence[int] = _FRAME_MS) -> bytes:
    """An animation that repeats; durations are in milliseconds, one for all frames or one each."""
    buffer = io.BytesIO()
    shown = durations if isinstance(durations, int) else list(durations)
    frames[0].save(
        buffer, format="GIF", save_all=True, append_images=frames[1:], duration=shown, loop=0
    )
    return buffer.getvalue()


def there_and_back(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """The frames, and then those between the ends in reverse."""
    return [*frames, *frames[-2:0:-1]]


def paces(count: int) -> list[int]:
    """Milliseconds for each frame of a training's animation.

    They come to about six seconds, after which the last frame is held.
    """
    usual = max(_SHORTEST_MS, min(_LONGEST_MS, _WHOLE_MS // count))
    return [usual] * (count - 1) + [_HELD_MS]


def tall(frames: Sequence[Pixels]) -> list[Image.Image]:
    """Images uint8 [H, W, C] as frames large enough to be looked at."""
    height, width = frames[0].shape[:2]
    size = (_TALL * width // max(height, width), _TALL * height // max(height, width))
    return [_tile(frame).resize(size, Image.Resampling.NEAREST) for frame in frames]


def _font(size: int = 14) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
