"""The figures of pictures, and the pictures that show them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gantool.config import Fit, spell_size
from gantool.data.inspection.advice import advice
from gantool.data.inspection.near import COMPARED, NearPair, difference_hash, images_at, near_pairs
from gantool.data.parts import Originals, equal_groups
from gantool.data.pixels import Pixels, composited
from gantool.data.prepared import Prepared
from gantool.data.source import SPLITS, Indices
from gantool.display import OnProgress
from gantool.errors import GantoolError

_CHUNK_BYTES = 1 << 24
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
_COLORED = 16  # of 255: a pixel whose channels differ by more has a color
_SPECKS = 1e-3  # share of colored pixels that an image without colors may have
_DARK, _BRIGHT, _FLAT = 0.1, 0.9, 0.02
_BINS = 24  # a third ends one
_FREQUENT = 5  # sizes that are told
_LISTED = 200  # pairs and groups that are told
_SHOWN_PAIRS = 24
_SHOWN_CLASSES = 24
_SHOWN_IMAGES = 24  # of a class
_SHOWN_ALONE = 96  # where there are no classes
# The proportions width : height, from tall to wide, each up to its bound.
_SHAPES = {
    "taller than 2:3": 2 / 3,
    "upright": 1 / 1.05,
    "square": 1.05,
    "lying": 3 / 2,
    "wider than 3:2": np.inf,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """The N prepared images, each in a few numbers; brightness and contrast are of [0, 1].

    Attributes:
        brightness: float32 [N], the mean of its pixels' luma.
        contrast: float32 [N], their standard deviation.
        gray: bool [N], whether it has no colors, but for specks.
        hashes: uint64 [N], perceptual ones; None where the library for them is not installed.
        mean: uint8 [height, width, channels], of all images; what has alpha is on white.
    """

    brightness: npt.NDArray[np.float32]
    contrast: npt.NDArray[np.float32]
    gray: npt.NDArray[np.bool_]
    hashes: npt.NDArray[np.uint64] | None
    mean: Pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """The findings, and pictures to go with them.

    Attributes:
        document: the findings, as JSON can hold them.
        mean: uint8 [height, width, channels], the mean of all images.
        grids: the name of each class ("" where there are none), and some of its images, uint8
            [n, height, width, channels].
        pairs: the most alike of the near-duplicates, uint8 [2, height, width, channels] each.
    """

    document: dict[str, Any]
    mean: Pixels
    grids: list[tuple[str, Pixels]]
    pairs: list[Pixels]


def inspect(
    data: Prepared, *, fit: Fit, progress: OnProgress = lambda done, total: None
) -> Inspection:
    """Look at prepared images.

    Args:
        data: the images; not points.
        fit: the way in which they came to their size.
        progress: told (images done, images in all) now and then.

    Raises:
        GantoolError: the prepared images were removed.
    """
    images, known = _read(data)
    names = known["images"]
    labels = _labels(data)
    codes = np.repeat(np.arange(len(SPLITS)), [len(data.splits[split]) for split in SPLITS])
    looks = look_at(data, progress=progress)
    groups = equal_groups(images.digests)
    near = None
    if looks.hashes is not None:
        near = near_pairs(data, looks.hashes, np.unique(groups, return_index=True)[1])

    def about(members: Sequence[int]) -> dict[str, Any]:
        return {
            "names": [names[i] for i in members],
            "splits": [SPLITS[codes[i]] for i in members],
            "classes": [] if labels is None else [data.classes[labels[i]] for i in members],
        }

    document = {
        "name": data.name,
        "fingerprint": data.fingerprint,
        "image_size": spell_size(data.size),
        "fit": fit,
        "channels": data.channels,
        "images": len(names),
        "splits": {split: len(data.splits[split]) for split in SPLITS},
        "classes": _classes(data, labels, codes),
        "unreadable": [{"name": name, "reason": reason} for name, reason in known["unreadable"]],
        "sizes": _sizes(images, data.size, fit=fit),
        "shapes": _shapes(images),
        "modes": dict(Counter(images.modes.tolist()).most_common()),
        "clear": int(images.clear.sum()),
        "cut_off": _cut_off(images, data.size),
        "equal": _equal(groups, codes, labels, about=about),
        "near": None if near is None else _near(near, codes, about=about),
        "brightness": {
            "mean": _rounded(looks.brightness.mean()),
            "histogram": np.histogram(looks.brightness, _BINS, (0, 1))[0].tolist(),
            "nearly_black": int((looks.brightness < _DARK).sum()),
            "nearly_white": int((looks.brightness > _BRIGHT).sum()),
            "contrast": _rounded(looks.contrast.mean()),
            "one_tone": int((looks.contrast < _FLAT).sum()),
        },
        "nearly_gray": int(looks.gray.sum()),
        "warnings": known["warnings"],
    }
    document["advice"] = advice(document)
    return Inspection(
        document=document,
        mean=looks.mean,
        grids=_grids(data, labels),
        pairs=[images_at(data, np.array(pair[:2])) for pair in (near or [])[:_SHOWN_PAIRS]],
    )


def _read(data: Prepared) -> tuple[Originals, dict[str, Any]]:
    assert data.folder is not None
    try:
        images = Originals.load(data.folder / "originals.npz")
        known = json.loads((data.folder / "names.json").read_text(encoding="utf-8"))
        return images, {key: known[key] for key in ("images", "unreadable", "warnings")}
    except (OSError, ValueError, KeyError) as error:
        raise GantoolError(
            f"the prepared images in {data.folder} are damaged: {error}",
            "Remove that folder and run the same command again.",
        ) from None


def _labels(data: Prepared) -> Indices | None:
    parts = [data.splits[split].labels for split in SPLITS]
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known and data.classes else None


def look_at(data: Prepared, *, progress: OnProgress = lambda done, total: None) -> Looks:
    """Reduce each image to a few numbers, some images at a time."""
    try:
        import imagehash  # noqa: F401
    except ImportError:
        hashes: list[np.uint64] | None = None
    else:
        hashes = []
    brightness, contrast, gray = [], [], []
    total, done = sum(len(split) for split in data.splits.values()), 0
    channels = min(data.channels, 3)
    whole = np.zeros((*data.size, channels))
    step = max(1, _CHUNK_BYTES // (int(np.prod(data.size)) * 12))
    for values in (data.splits[split].values for split in SPLITS):
        for start in range(0, len(values), step):
            chunk = np.asarray(values[start : start + step])
            if data.channels == 4:
                chunk = composited(chunk, 255)
            luma = chunk[..., 0].astype(np.float32) if channels == 1 else chunk @ _LUMA
            brightness.append(luma.mean((1, 2)) / 255)
            contrast.append(luma.std((1, 2)) / 255)
            colored = np.ptp(chunk, axis=3) > _COLORED
            gray.append(colored.mean((1, 2)) <= _SPECKS)
            whole += chunk.sum(0)
            if hashes is not None:
                hashes += [difference_hash(image) for image in luma.round().astype(np.uint8)]
            done += len(chunk)
            progress(done, total)
    return Looks(
        brightness=np.concatenate(brightness),
        contrast=np.concatenate(contrast),
        gray=np.concatenate(gray),
        hashes=None if hashes is None else np.array(hashes, dtype=np.uint64),
        mean=(whole / total).round().astype(np.uint8),
    )


def lost(sizes: npt.NDArray[np.int32], size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """The share of each image that a crop to the proportions of a size cuts off.

    Padding fills the same share of the prepared image with its ground.

    Args:
        sizes: int32 [N, 2], (height, width).
        size: (height, width).
    """
    ratio = sizes[:, 1] * size[0] / (sizes[:, 0] * size[1])
    shares: npt.NDArray[np.float64] = 1 - np.minimum(ratio, 1 / ratio)
    return shares


def _cut_off(images: Originals, size: tuple[int, int]) -> dict[str, Any]:
    shares = lost(images.sizes, size)
    return {
        "mean": _rounded(shares.mean()),
        "median": _rounded(np.median(shares)),
        "greatest": _rounded(shares.max()),
        "more_than_a_third": int((shares > 1 / 3 + 1e-9).sum()),
        "histogram": np.histogram(shares, _BINS, (0, 1))[0].tolist(),
    }


def _sizes(images: Originals, size: tuple[int, int], *, fit: Fit) -> dict[str, Any]:
    kinds, counts = np.unique(images.sizes, axis=0, return_counts=True)
    frequent = np.argsort(-counts, kind="stable")[:_FREQUENT]
    scales = images.sizes / np.array(size)
    scale = scales.max(1) if fit == "pad" else scales.min(1)
    return {
        "different": len(kinds),
        "height": _spread(images.sizes[:, 0]),
        "width": _spread(images.sizes[:, 1]),
        "frequent": [
            {"height": int(kinds[i, 0]), "width": int(kinds[i, 1]), "images": int(counts[i])}
            for i in frequent
        ],
        "times_as_large": _rounded(np.median(scale)),
        "upscaled": int((scale < 1).sum()),
    }


def _spread(values: npt.NDArray[np.int32]) -> dict[str, int]:
    middle = round(float(np.median(values)))
    return {"least": int(values.min()), "median": middle, "greatest": int(values.max())}


def _shapes(images: Originals) -> dict[str, int]:
    ratio = images.sizes[:, 1] / images.sizes[:, 0]
    which = np.searchsorted(list(_SHAPES.values()), ratio - 1e-9)
    counts = np.bincount(which, minlength=len(_SHAPES))
    return dict(zip(_SHAPES, counts.tolist(), strict=True))


def _classes(data: Prepared, labels: Indices | None, codes: Indices) -> list[dict[str, Any]]:
    if labels is None:
        return []
    counts = np.stack(
        [np.bincount(labels[codes == i], minlength=len(data.classes)) for i in range(len(SPLITS))]
    )
    return [
        {
            "name": name,
            "images": int(counts[:, i].sum()),
            "share": _rounded(counts[:, i].sum() / len(labels)),
            **{split: int(counts[j, i]) for j, split in enumerate(SPLITS)},
        }
        for i, name in enumerate(data.classes)
    ]


def _equal(groups: Indices, codes: Indices, labels: Indices | None, *, about: Any) -> Any:
    members: dict[int, list[int]] = {}
    for i in np.flatnonzero(np.bincount(groups)[groups] > 1):
        members.setdefault(int(groups[i]), []).append(int(i))
    found = list(members.values())
    return {
        "images": sum(map(len, found)),
        "groups": len(found),
        "across_splits": sum(len(set(codes[group])) > 1 for group in found),
        "with_different_classes": sum(
            labels is not None and len(set(labels[group])) > 1 for group in found
        ),
        "listed": sorted(
            (about(group) for group in sorted(found, key=len, reverse=True)[:_LISTED]),
            key=lambda entry: (-len(entry["names"]), entry["names"]),
        ),
    }


def _near(pairs: Sequence[NearPair], codes: Indices, *, about: Any) -> dict[str, Any]:
    return {
        "pairs": len(pairs),
        "across_splits": sum(bool(codes[pair.first] != codes[pair.second]) for pair in pairs),
        "compared_with": COMPARED,
        "listed": [{"difference": pair.difference, **about(pair[:2])} for pair in pairs[:_LISTED]],
    }


def _grids(data: Prepared, labels: Indices | None) -> list[tuple[str, Pixels]]:
    """Images of each class, the most frequent ones where there are many; spread over the whole."""
    if labels is None:
        total = sum(len(split) for split in data.splits.values())
        return [("", images_at(data, _spread_over(np.arange(total), _SHOWN_ALONE)))]
    counts = np.bincount(labels, minlength=len(data.classes))
    shown = np.sort(np.argsort(-counts, kind="stable")[:_SHOWN_CLASSES])
    chosen = {i: _spread_over(np.flatnonzero(labels == i), _SHOWN_IMAGES) for i in shown}
    return [(data.classes[i], images_at(data, numbers)) for i, numbers in chosen.items()]


def _spread_over(numbers: Indices, most: int) -> Indices:
    places = np.linspace(0, len(numbers) - 1, min(most, len(numbers)), dtype=np.int64)
    chosen: Indices = numbers[np.unique(places)]
    return chosen


def _rounded(value: Any) -> float:
    return round(float(value), 4)
