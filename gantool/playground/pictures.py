"""Pictures with captions: numbered sheets, rows of images, sums, animations."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gantool.playground.player import Pixels, Sum

_CELL = 72  # pixels a side, at least, so that a number beside it can be read
_GAP = 6
_TEXT = "#1c2430"
_SOFT = "#5b6675"


def rows(lines: Sequence[Pixels], captions: Sequence[str] = ()) -> Image.Image:
    """Lines of images, uint8 [N, H, W, C] each, one below the other, each with its caption above."""
    tiles = [[_tile(image) for image in line] for line in lines]
    side = max(tile.width for line in tiles for tile in line)
    head = 22 if captions else 0
    width = max(len(line) for line in tiles) * (side + _GAP) + _GAP
    if captions:
        width = max(width, *(round(_font().getlength(caption)) + 2 * _GAP for caption in captions))
    picture = Image.new("RGB", (width, len(tiles) * (side + head + _GAP) + _GAP), "white")
    pen = ImageDraw.Draw(picture)
    for i, line in enumerate(tiles):
        top = _GAP + i * (side + head + _GAP)
        if captions:
            pen.text((_GAP, top), captions[i], fill=_TEXT, font=_font())
        for j, tile in enumerate(line):
            picture.paste(tile, (_GAP + j * (side + _GAP), top + head))
    return picture


def numbered(cells: Pixels, columns: int) -> Image.Image:
    """A sheet whose cells bear their numbers, from 0, row by row."""
    tiles = [_tile(image) for image in cells]
    side, head = tiles[0].width, 16
    count = -(-len(tiles) // columns)
    picture = Image.new("RGB", (columns * (side + _GAP) + _GAP, count * (side + head + _GAP) + _GAP), "white")
    pen = ImageDraw.Draw(picture)
    for number, tile in enumerate(tiles):
        left = _GAP + (number % columns) * (side + _GAP)
        top = _GAP + (number // columns) * (side + head + _GAP)
        pen.text((left, top), str(number), fill=_SOFT, font=_font(12))
        picture.paste(tile, (left, top + head))
    return picture


def equation(drawn: Sum) -> Image.Image:
    """A row a term (its operands, and their mean at the right), and the result below."""
    side = _tile(drawn.result).width
    longest = max(len(operands) for operands in drawn.operands)
    lead, step = 64, side + _GAP
    width = lead + (longest + 1) * step + 40 + _GAP
    head = 18
    picture = Image.new("RGB", (width, (len(drawn.operands) + 1) * (step + head) + _GAP), "white")
    pen = ImageDraw.Draw(picture)
    right = lead + longest * step + 40
    for i, (term, operands, mean) in enumerate(zip(drawn.expression.terms, drawn.operands, drawn.means, strict=True)):
        top = _GAP + i * (step + head)
        middle = top + head + side // 2 - 12
        pen.text((_GAP, middle), _sign(term.factor, first=i == 0), fill=_TEXT, font=_font(20))
        for j, (cell, image) in enumerate(zip(term.cells, operands, strict=True)):
            pen.text((lead + j * step, top), str(cell), fill=_SOFT, font=_font(12))
            picture.paste(_tile(image), (lead + j * step, top + head))
        pen.line((right - 32, middle + 12, right - 12, middle + 12), fill=_SOFT, width=2)
        pen.line((right - 18, middle + 7, right - 12, middle + 12, right - 18, middle + 17), fill=_SOFT, width=2)
        pen.text((right, top), "mean" if len(term.cells) > 1 else "", fill=_SOFT, font=_font(12))
        picture.paste(_tile(mean), (right, top + head))
    top = _GAP + len(drawn.operands) * (step + head)
    pen.line((right - 36, top + 4, right + side, top + 4), fill=_TEXT, width=2)
    pen.text((right - 30, top + head + side // 2 - 12), "=", fill=_TEXT, font=_font(20))
    picture.paste(_tile(drawn.result), (right, top + head))
    return picture


def _sign(factor: float, *, first: bool) -> str:
    sign = "" if first and factor > 0 else "+" if factor > 0 else "-"
    return sign if abs(factor) == 1 else f"{sign} {abs(factor):.3g} x".strip()


def _tile(image: Pixels) -> Image.Image:
    picture = single(image).convert("RGB")
    factor = max(1, round(_CELL / picture.width))
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def single(image: Pixels) -> Image.Image:
    """One image uint8 [H, W, C] as a picture of its own size, grey or RGB."""
    return Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)


def gif(frames: Sequence[Image.Image], *, milliseconds: int = 120, there_and_back: bool = False) -> bytes:
    """An animation that repeats."""
    shown = [*frames, *frames[-2:0:-1]] if there_and_back else list(frames)
    buffer = io.BytesIO()
    shown[0].save(buffer, format="GIF", save_all=True, append_images=shown[1:], duration=milliseconds, loop=0)
    return buffer.getvalue()


def png(picture: Image.Image) -> bytes:
    """A picture as PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def tall(frames: Sequence[np.ndarray]) -> list[Image.Image]:
    """Images uint8 [H, W, C] as frames large enough to be looked at."""
    return [_tile(frame).resize((256, 256), Image.Resampling.NEAREST) for frame in frames]


def _font(size: int = 14) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
