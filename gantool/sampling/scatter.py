"""Points in the plane as a picture: the real ones behind, samples before, D as shading."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from gantool.sampling.landscape import Landscape

Points = npt.NDArray[np.floating]
Color = tuple[int, int, int]

SIZE = 560  # pixels a side of the whole picture
LEFT, TOP, PLANE = 44, 12, 504  # of the square in it that is the plane
_FINER = 2  # times as large it is drawn, and then reduced: smooth edges
_REAL_RADIUS, _RADIUS = 1.9, 2.3
_LONGEST = 24  # pixels of an arrow of length 1
_ROOM = (28, 13)  # pixels, width and height, that a number takes
_TICKS = 5  # at most, on either side of 0

# Okabe and Ito's colors, which people with any color vision can tell apart.
COLORS: tuple[Color, ...] = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (28, 36, 48),
    (140, 107, 177),
    (86, 180, 233),
    (150, 110, 0),
)
_GRAY, _TEXT, _SOFT, _LINE = (112, 120, 132), (28, 36, 48), (91, 102, 117), (217, 221, 227)
# From "fake" over undecided to "real": pale, so that all colors of points stand out from it.
_BANDS = 25  # of the shading in animations, with white in the middle
_BETWEEN = 238  # a gray between white and the shades
_SHADES = ((188, 198, 222), (251, 251, 249), (250, 216, 138))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """The content of one picture; all points are float [N, 2] in the data's own units.

    Attributes:
        bound: half the side of the square around 0 that is shown.
        samples: drawn in front of the real points.
        labels: int64 [N] of the samples: a color a label, eight of them in turn; None: one color.
        real: drawn behind.
        landscape: the shading, or None for white.
        pulled: the numbers of the samples that have the landscape's arrows, in their order.
        ways: paths, each from its first point to its last.
        marked: points that are ringed; one outside has an empty ring at the edge.
        numbers: so many of the first samples have their number beside them, where there is room.
    """

    bound: float
    samples: Points = field(default_factory=lambda: np.zeros((0, 2)))
    labels: npt.NDArray[np.integer] | None = None
    real: Points = field(default_factory=lambda: np.zeros((0, 2)))
    landscape: Landscape | None = None
    pulled: npt.NDArray[np.integer] | None = None
    ways: Sequence[Points] = ()
    marked: Points = field(default_factory=lambda: np.zeros((0, 2)))
    numbers: int = 0

    @property
    def outside(self) -> int:
        """The number of samples that are not on the picture, those that are not finite included."""
        return int(len(self.samples) - self._shown(self.samples).sum())

    def draw(self) -> Image.Image:
        """The picture, RGB, 560 x 560 pixels."""
        large = Image.new("RGB", (SIZE * _FINER, SIZE * _FINER), color="white")
        large.paste(self._plane(), (LEFT * _FINER, TOP * _FINER))
        picture = large.reduce(_FINER)
        pen = ImageDraw.Draw(picture)
        self._number(pen)
        self._frame(pen)
        return picture

    def place(self, points: Points) -> npt.NDArray[np.float64]:
        """Pixels [N, 2] (from the left, from the top) of points on the picture."""
        shares = (np.asarray(points, np.float64) / self.bound * (1, -1) + 1) / 2
        return shares * PLANE + (LEFT, TOP)

    def _shown(self, points: Points) -> npt.NDArray[np.bool_]:
        return np.asarray((np.abs(points) <= self.bound).all(axis=1))  # nan is not

    def _within(self, points: Points) -> npt.NDArray[np.float64]:
        """Places on the plane alone, as large as it is drawn."""
        return (self.place(points) - (LEFT, TOP)) * _FINER

    def _plane(self) -> Image.Image:
        side = PLANE * _FINER
        if self.landscape is None:
            plane = Image.new("RGB", (side, side), color="white")
        else:
            small = Image.fromarray(shaded(self.landscape.heights))
            plane = small.resize((side, side), Image.Resampling.BICUBIC)
        pen = ImageDraw.Draw(plane, "RGBA")
        for tick in self._ticks():
            along = (tick / self.bound + 1) / 2 * side
            pen.line((along, 0, along, side), fill=(*_SOFT, 36), width=_FINER)
            pen.line((0, side - along, side, side - along), fill=(*_SOFT, 36), width=_FINER)
        for x, y in self._within(self.real[self._shown(self.real)]):
            _dot(pen, x, y, radius=_REAL_RADIUS, color=(*_GRAY, 105))
        self._arrows(pen)
        shown = self._shown(self.samples)
        colors = np.zeros(len(self.samples), int) if self.labels is None else self.labels
        for (x, y), color in zip(self._within(self.samples[shown]), colors[shown], strict=True):
            _dot(pen, x, y, radius=_RADIUS, color=(*COLORS[color % len(COLORS)], 205))
        for i, way in enumerate(self.ways):
            self._way(pen, way, color=COLORS[(i + 1) % len(COLORS)])
        marked = self.marked[np.isfinite(self.marked).all(axis=1)]
        at_edge = self._within(np.clip(marked, -self.bound, self.bound))
        for (x, y), inside in zip(at_edge, self._shown(marked), strict=True):
            _ring(pen, x, y, filled=bool(inside))
        return plane

    def _arrows(self, pen: ImageDraw.ImageDraw) -> None:
        if self.landscape is None or self.pulled is None or not len(self.landscape.arrows):
            return
        from_here = self._within(self.samples[self.pulled])
        shown = self._shown(self.samples[self.pulled])
        ends = from_here + self.landscape.arrows * (1, -1) * _LONGEST * _FINER
        for start, end in zip(from_here[shown], ends[shown], strict=True):
            _arrow(pen, start, end)

    def _way(self, pen: ImageDraw.ImageDraw, way: Points, *, color: Color) -> None:
        way = way[np.isfinite(way).all(axis=1)]
        far = 3 * self.bound  # further out a line takes long and shows nothing else
        places = [(float(x), float(y)) for x, y in self._within(np.clip(way, -far, far))]
        if not places:
            return
        pen.line(places, fill=(*color, 255), width=2 * _FINER, joint="curve")
        for x, y in places[1:-1]:
            _dot(pen, x, y, radius=2.6, color=(*color, 255))
        for (x, y), filled in ((places[0], False), (places[-1], True)):
            _dot(pen, x, y, radius=6, color=(*color, 255))
            _dot(pen, x, y, radius=4, color=(*(color if filled else (255, 255, 255)), 255))

    def _number(self, pen: ImageDraw.ImageDraw) -> None:
        """Write numbers beside samples, in their order, over no number that is there already."""
        samples = self.samples[: self.numbers]
        taken: list[tuple[float, float]] = []
        for i in np.flatnonzero(self._shown(samples)):
            x, y = (float(place) for place in self.place(samples[i]))
            if all(
                abs(x - other) >= _ROOM[0] or abs(y - above) >= _ROOM[1] for other, above in taken
            ):
                taken.append((x, y))
                at = (min(x + 4, LEFT + PLANE - _ROOM[0]), y)
                pen.text(
                    at,
                    str(i),
                    fill=_TEXT,
                    font=_font(12),
                    anchor="lm",
                    stroke_width=2,
                    stroke_fill="white",
                )

    def _ticks(self) -> list[float]:
        """Round numbers within the bounds, evenly spaced, 0 among them."""
        rough = self.bound / _TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
        count = int(self.bound / step)
        return [round(i * step, 10) for i in range(-count, count + 1)]

    def _frame(self, pen: ImageDraw.ImageDraw) -> None:
        """The axes with their numbers, and below them what is to be seen."""
        low = TOP + PLANE
        pen.rectangle((LEFT - 1, TOP - 1, LEFT + PLANE, low), outline=_LINE)
        for tick in self._ticks():
            along = (tick / self.bound + 1) / 2 * PLANE
            text = f"{tick:g}"
            pen.text((LEFT + along, low + 4), text, fill=_SOFT, font=_font(11), anchor="mt")
            pen.text((LEFT - 6, low - along), text, fill=_SOFT, font=_font(11), anchor="rm")
        x, y = float(LEFT), low + 31
        if len(self.real):
            x = _entry(pen, x, y, text="real", colors=(_GRAY,))
        if len(self.samples):
            several = COLORS[:3] if self.labels is not None else COLORS[:1]
            text = "samples, a color a class" if self.labels is not None else "samples"
            x = _entry(pen, x, y, text=text, colors=several)
        if self.landscape is not None:
            _bar(pen, x, y)
        if self.outside:
            text = f"{self.outside:,} of {len(self.samples):,} outside"
            pen.text((LEFT + PLANE, y), text, fill=_TEXT, font=_font(12), anchor="rm")


def few_colors(picture: Image.Image) -> Image.Image:
    """A picture with scatters in the colors that they are made of.

    Animations get a third as large, and do not flicker.
    """
    return picture.quantize(palette=_palette(), dither=Image.Dither.NONE)


@functools.cache
def _palette() -> Image.Image:
    shades = shaded(np.linspace(0, 1, num=_BANDS, dtype=np.float32))
    # Points and letters, and their edges on the shading.
    inks = np.array([*COLORS, _GRAY, _TEXT, _SOFT], np.float64)
    edges = [strength * inks + (1 - strength) * _BETWEEN for strength in (1, 0.8, 0.55, 0.3)]
    colors = np.concatenate([shades, *edges, [[255, 255, 255]]]).round().astype(int)
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.resize(colors, (256, 3)).ravel().tolist())
    return palette


def shaded(heights: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Heights in [0, 1] as colors uint8 [..., 3]: at 0 blue gray, at 1/2 white, at 1 amber."""
    bands = [np.interp(heights, (0, 0.5, 1), band) for band in zip(*_SHADES, strict=True)]
    return np.stack(bands, axis=-1).round().astype(np.uint8)


def _dot(
    pen: ImageDraw.ImageDraw, x: float, y: float, *, radius: float, color: tuple[int, ...]
) -> None:
    r = radius * _FINER
    pen.ellipse((x - r, y - r, x + r, y + r), fill=color)


def _ring(pen: ImageDraw.ImageDraw, x: float, y: float, *, filled: bool) -> None:
    for radius, color in ((9.5, (255, 255, 255)), (8, (28, 36, 48))):
        r = radius * _FINER
        width = round((4.5 if radius > 9 else 2) * _FINER)
        pen.ellipse((x - r, y - r, x + r, y + r), outline=(*color, 255), width=width)
    if filled:
        _dot(pen, x, y, radius=4, color=(*COLORS[1], 255))


def _arrow(
    pen: ImageDraw.ImageDraw, start: npt.NDArray[np.float64], end: npt.NDArray[np.float64]
) -> None:
    way = end - start
    length = float(np.hypot(*way))
    if length < _FINER:
        return
    along = way / length
    across = np.array((-along[1], along[0]))
    head = min(4.5 * _FINER, 0.6 * length)
    neck = end - along * head
    color = (*_TEXT, 190)
    pen.line((*start, *neck), fill=color, width=_FINER)
    corners = (end, neck + across * head * 0.45, neck - across * head * 0.45)
    pen.polygon([(float(x), float(y)) for x, y in corners], fill=color)


def _entry(
    pen: ImageDraw.ImageDraw, x: float, y: float, *, text: str, colors: Sequence[Color]
) -> float:
    """An entry of the legend; the place where the next one begins."""
    for color in colors:
        pen.ellipse((x, y - 4, x + 8, y + 4), fill=color)
        x += 10
    pen.text((x + 3, y), text, fill=_TEXT, font=_font(12), anchor="lm")
    return x + 3 + _font(12).getlength(text) + 16


def _bar(pen: ImageDraw.ImageDraw, x: float, y: float) -> None:
    """The colors of the shading, from low to high."""
    pen.text((x, y), "D low", fill=_TEXT, font=_font(12), anchor="lm")
    x += _font(12).getlength("D low") + 5
    for i, color in enumerate(shaded(np.linspace(0, 1, num=40, dtype=np.float32))):
        pen.line((x + i, y - 5, x + i, y + 5), fill=tuple(int(band) for band in color))
    pen.rectangle((x - 1, y - 6, x + 40, y + 6), outline=_LINE)
    pen.text((x + 46, y), "high", fill=_TEXT, font=_font(12), anchor="lm")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
