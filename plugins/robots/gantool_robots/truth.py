"""The truth of robots and cats: the drawings that they are composed of.

A picture is a choice of one drawing for each part, laid over each other on white. Factors are such
choices, int64 [N, F] with a column a factor in the order of `Kit.values`, each value from 0. The
value after a part's last one leaves that part out.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from gantool.data.source import Indices, MissingDataError
from gantool.errors import GantoolError

VERSION = "2.0"  # of robohash
_SEED = 2011

Pixels = npt.NDArray[np.uint8]
Pair = tuple[tuple[str, int], tuple[str, int]]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a picture: the folder of its drawings, and how many there are."""

    folder: str
    drawings: int


@dataclass(frozen=True, kw_only=True)
class Layer:
    """The drawings of a part, cut to the box that holds them all.

    Attributes:
        pixels: uint8 [colors, drawings + 1, 4, h, w], alpha multiplied in; the last one is empty.
        rows: of the box.
        columns: of the box.
    """

    pixels: Pixels
    rows: slice
    columns: slice


@dataclass(frozen=True, kw_only=True)
class Kit:
    """A set of drawings in robohash.

    Attributes:
        name: of what is composed of them.
        folder: the set's.
        parts: the parts by name, in the order in which they are drawn.
        file: the end of a drawing's file name, with its number from `first` on.
        first: the number of a part's first drawing.
        sha256: of all drawings' files.
        colors: those that every part is drawn in; empty where colors are no factor.
        held_out: pairs of values that no picture of the data has together.
    """

    name: str
    folder: str
    parts: Mapping[str, Part]
    file: str
    first: int
    sha256: str
    colors: Sequence[str] = ()
    held_out: Sequence[Pair] = ()

    @property
    def values(self) -> dict[str, int]:
        """The name of each factor, and how many values it has."""
        colors = {"color": len(self.colors)} if self.colors else {}
        return colors | {name: part.drawings for name, part in self.parts.items()}

    def files(self) -> list[Path]:
        """The drawings' files, by color, part and number.

        Raises:
            MissingDataError: robohash is not installed.
        """
        root = package() / "sets" / self.folder
        return [
            file
            for color in self.colors or ("",)
            for part in self.parts.values()
            for number in range(self.first, self.first + part.drawings)
            for file in sorted((root / color / part.folder).glob(f"*{self.file.format(number)}"))
        ]

    def numbered(self, factor: str, value: int) -> str:
        """A value in words: a color's name, or a part with its drawing's number from 1 on."""
        return str(self.colors[value]) if factor == "color" else f"{factor} {value + 1}"


ROBOTS = Kit(
    name="robots",
    folder="set1",
    parts={
        "body": Part(folder="003#01Body", drawings=10),
        "face": Part(folder="004#02Face", drawings=10),
        "mouth": Part(folder="000#Mouth", drawings=10),
        "eyes": Part(folder="001#Eyes", drawings=10),
        "accessory": Part(folder="002#Accessory", drawings=10),
    },
    file="-{:02d}.png",
    first=1,
    sha256="0829a3314c8e27bce5ad9b9c212b3c78a2fb9847afc8888be752cd99ffe9c49e",
    colors=(
        *("blue", "brown", "green", "grey", "orange"),
        *("pink", "purple", "red", "white", "yellow"),
    ),
    held_out=(
        (("face", 3), ("eyes", 7)),
        (("body", 1), ("face", 9)),
        (("body", 7), ("mouth", 4)),
        (("face", 6), ("accessory", 8)),
        (("mouth", 10), ("eyes", 2)),
        (("eyes", 9), ("accessory", 5)),
        (("body", 10), ("accessory", 3)),
        (("face", 1), ("mouth", 9)),
    ),
)
CATS = Kit(
    name="cats",
    folder="set4",
    parts={
        "body": Part(folder="000#00body", drawings=15),
        "fur": Part(folder="001#01fur", drawings=10),
        "eyes": Part(folder="002#02eyes", drawings=15),
        "mouth": Part(folder="003#03mouth", drawings=10),
        "accessory": Part(folder="004#04accessories", drawings=16),
    },
    file="#*[a-z]{}.png",
    first=0,
    sha256="e9c5b7bfb90b23977773a5a3196ac5f23de59109169f3012f771c8ea120f40b9",
)


def package() -> Path:
    """The folder of robohash, found without importing it.

    Raises:
        MissingDataError: it is not installed.
    """
    spec = importlib.util.find_spec("robohash")
    if spec is None or not spec.submodule_search_locations:
        raise MissingDataError(
            "robots and cats are drawn by the package robohash, which is not installed.",
            f"Install it: `pip install robohash=={VERSION}`.",
        )
    return Path(spec.submodule_search_locations[0])


def load_layers(kit: Kit, image_size: int) -> list[Layer]:
    """The drawings of a kit by part, reduced to an image size (bilinear, antialiased).

    Raises:
        MissingDataError: robohash is not installed.
        GantoolError: its drawings are not those of the version that this plugin knows.
    """
    contents = [file.read_bytes() for file in kit.files()]
    digest = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents))
    if digest.hexdigest() != kit.sha256:
        raise GantoolError(
            f"{kit.name}: the drawings in {package()} are not those of robohash {VERSION}"
            f"{_installed()}.",
            f"Install that version: `pip install --force-reinstall robohash=={VERSION}`.",
        )
    drawings = np.stack([_reduced(content, image_size) for content in contents])
    by_color = drawings.reshape(len(kit.colors) or 1, -1, *drawings.shape[1:])
    ends = np.cumsum([part.drawings for part in kit.parts.values()])
    return [_layer(part) for part in np.split(by_color, ends[:-1], axis=1)]


def _reduced(content: bytes, image_size: int) -> Pixels:
    with Image.open(io.BytesIO(content)) as image:
        small = image.convert("RGBa").resize((image_size, image_size), Image.Resampling.BILINEAR)
    return np.asarray(small).transpose(2, 0, 1)


def _layer(drawings: Pixels) -> Layer:
    alpha = drawings[:, :, 3].max(axis=(0, 1))
    rows, columns = _extent(alpha.max(axis=1)), _extent(alpha.max(axis=0))
    cut = drawings[..., rows, columns]
    return Layer(
        pixels=np.concatenate([cut, np.zeros_like(cut[:, :1])], axis=1), rows=rows, columns=columns
    )


def _extent(alpha: Pixels) -> slice:
    places = np.flatnonzero(alpha)
    return slice(int(places[0]), int(places[-1]) + 1)


def _installed() -> str:
    try:
        return f", but of {importlib.metadata.version('robohash')}"
    except importlib.metadata.PackageNotFoundError:
        return ""


def compose(layers: Sequence[Layer], factors: Indices, *, image_size: int) -> Pixels:
    """The pictures of some factors, uint8 [N, image_size, image_size, 3], on white.

    Args:
        layers: of the kit, for this image size.
        factors: int64 [N, F].
        image_size: side in pixels.
    """
    parts = factors[:, -len(layers) :]
    colors = factors[:, 0] if factors.shape[1] > len(layers) else np.zeros(len(factors), np.int64)
    canvas = np.full((len(factors), 3, image_size, image_size), 255, dtype=np.uint16)
    for layer, values in zip(layers, parts.T, strict=True):
        chosen = layer.pixels[colors, values]
        under = canvas[:, :, layer.rows, layer.columns]
        under *= 255 - chosen[:, 3:]
        under += 127
        under //= 255
        under += chosen[:, :3]
    return np.ascontiguousarray(canvas.astype(np.uint8).transpose(0, 2, 3, 1))


def draw(kit: Kit, n: int) -> Indices:
    """The factors of n different pictures without a held-out pair, int64 [n, F].

    They are the first ones of a fixed order of all that there are. The order is that of 64-bit
    numbers drawn by PCG64, whose stream NumPy keeps for good.
    """
    counts = tuple(kit.values.values())
    total = int(np.prod(counts))
    order = np.argsort(np.random.PCG64(_SEED).random_raw(total), kind="stable")
    factors = np.stack(np.unravel_index(order, counts), axis=1)
    return factors[~pairs_in(kit, factors).any(axis=1)][:n]


def pairs_in(kit: Kit, factors: Indices) -> npt.NDArray[np.bool_]:
    """The held-out pairs that each picture has, bool [N, pairs]."""
    columns = list(kit.values)
    found = [
        (factors[:, columns.index(a)] == i - 1) & (factors[:, columns.index(b)] == j - 1)
        for (a, i), (b, j) in kit.held_out
    ]
    return np.stack(found, axis=1) if found else np.zeros((len(factors), 0), dtype=bool)


def numbers_of(kit: Kit, factors: Indices) -> Indices:
    """One number for each combination of factors, int64 [N]."""
    numbers: Indices = np.ravel_multi_index(tuple(factors.T), tuple(kit.values.values()))
    return numbers
