"""The picture of the parts that a generator never draws."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from gantool_robots.truth import Kit

_TILE, _GAP, _LINE, _WIDTH = 60, 8, 20, 700
_TEXT, _SOFT, _EDGE = "#1c2430", "#5b6675", "#d9dde3"


def missing_parts(kit: Kit, missed: Mapping[str, Sequence[int]]) -> bytes:
    """The missed values of each factor as drawings, a row a factor; a PNG on white.

    A color is shown by a face, a part by its drawing, cut to its own extent. A row without any says
    so.

    Args:
        kit: what pictures are composed of.
        missed: for each factor its missed values, from 0.
    """
    font = ImageFont.load_default(size=14)
    rows = [(_heading(kit, factor, values), factor, values) for factor, values in missed.items()]
    heights = [_LINE + _GAP + (_TILE + _GAP if values else 0) for _, _, values in rows]
    picture = Image.new("RGB", (_WIDTH, sum(heights) + _GAP), "white")
    pen = ImageDraw.Draw(picture)
    top = _GAP
    for (heading, factor, values), height in zip(rows, heights, strict=True):
        pen.text((_GAP, top), heading, fill=_TEXT if values else _SOFT, font=font)
        for place, value in enumerate(values):
            corner = (_GAP + place * (_TILE + _GAP), top + _LINE + 2)
            drawing = _drawing(kit, factor, value)
            picture.paste(drawing, corner)
            pen.rectangle((*corner, corner[0] + _TILE - 1, corner[1] + _TILE - 1), outline=_EDGE)
        top += height
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _heading(kit: Kit, factor: str, values: Sequence[int]) -> str:
    count = kit.values[factor]
    if not values:
        return f"{factor}: none of the {count} is missed"
    if factor == "color":
        names = ", ".join(kit.numbered(factor, value) for value in values)
    else:
        names = ", ".join(str(value + 1) for value in values)
    return f"{factor}: {len(values)} of {count} missed ({names})"


def _drawing(kit: Kit, factor: str, value: int) -> Image.Image:
    """A drawing on white, uint8 RGB [tile, tile]; that of a color is the first face in it."""
    part, color, number = (factor, 0, value) if factor in kit.parts else ("face", value, 0)
    before = list(kit.parts)[: list(kit.parts).index(part)]
    place = sum(kit.parts[name].drawings for name in before) + number
    place += color * sum(part.drawings for part in kit.parts.values())
    tile = Image.new("RGB", (_TILE, _TILE), "white")
    with Image.open(kit.files()[place]) as image:
        drawing = image.convert("RGBA")
        drawing = drawing.crop(drawing.getbbox(alpha_only=True))
    drawing.thumbnail((_TILE - 8, _TILE - 8), Image.Resampling.LANCZOS)
    corner = ((_TILE - drawing.width) // 2, (_TILE - drawing.height) // 2)
    tile.paste(drawing, corner, drawing)
    return tile
