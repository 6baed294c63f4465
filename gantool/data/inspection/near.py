"""Images that are nearly equal: the same picture saved twice, at another size or quality."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from gantool.data.prepared import Prepared
from gantool.data.source import SPLITS, Indices

_BITS = 64
_BANDS = 4  # orders by hash in which neighbors are compared
_NEIGHBORS = 16  # images that an image is compared with on each side, in each order
_NEAR_BITS = 5  # that differ, of 64, at most
_NEAR = 0.08  # root mean square difference of the pixels, as a share of their contrast, at most
_FLATTEST = 0.02 * 255  # contrast of an image that can be told from others
_CHUNK_BYTES = 1 << 25
COMPARED = 2 * _BANDS * _NEIGHBORS  # images that an image is compared with, at most
_ONES = np.array([i.bit_count() for i in range(256)], dtype=np.uint8)


class NearPair(NamedTuple):
    """Two images that are nearly equal, and how much they differ, as a share of their contrast."""

    first: int
    second: int
    difference: float


def difference_hash(gray: npt.NDArray[np.uint8]) -> np.uint64:
    """A perceptual hash of 64 bits of an image, uint8 [height, width].

    A bit says whether it grows darker from one of 9 x 8 fields to the next.
    """
    import imagehash

    bits = imagehash.dhash(Image.fromarray(gray)).hash
    return np.uint64(int.from_bytes(np.packbits(bits).tobytes(), "big"))


def near_pairs(data: Prepared, hashes: npt.NDArray[np.uint64], chosen: Indices) -> list[NearPair]:
    """Pairs of images that look alike, the most alike first.

    The images are put into order by their hashes, four times, by another quarter of it first; only
    neighbors in an order are compared, so that the work grows with the number of images and not
    with its square. Of those whose hashes nearly agree the pixels are compared. Very many images
    of nearly one hash may hide a pair.

    Args:
        data: N images, counted through its splits.
        hashes: uint64 [N].
        chosen: int64, the images to compare.
    """
    found: list[NearPair] = []
    pairs = _candidates(hashes[chosen])
    step = max(1, _CHUNK_BYTES // (int(np.prod(data.size)) * data.channels * 8))
    for start in range(0, len(pairs), step):
        first, second = chosen[pairs[start : start + step]].T
        a, b = (images_at(data, numbers).astype(np.float32) for numbers in (first, second))
        contrast = (_contrast(a) + _contrast(b)) / 2
        difference = np.sqrt(((a - b) ** 2).mean((1, 2, 3))) / np.maximum(contrast, _FLATTEST)
        near = (difference <= _NEAR) & (contrast >= _FLATTEST)
        rows = zip(first[near], second[near], difference[near], strict=True)
        found += [NearPair(int(i), int(j), round(float(d), 4)) for i, j, d in rows]
    return sorted(found, key=lambda pair: (pair.difference, pair.first, pair.second))


def images_at(data: Prepared, numbers: Indices) -> npt.NDArray[np.uint8]:
    """The images of some numbers, uint8 [n, height, width, channels]."""
    images = np.empty((len(numbers), *data.size, data.channels), dtype=np.uint8)
    for values, here in _by_split(data, numbers):
        images[here[0]] = values[here[1]]
    return images


def _by_split(data: Prepared, numbers: Indices) -> Iterator[tuple[npt.NDArray[Any], Any]]:
    start = 0
    for split in (data.splits[name] for name in SPLITS):
        here = np.flatnonzero((numbers >= start) & (numbers < start + len(split)))
        yield split.values, (here, numbers[here] - start)
        start += len(split)


def _contrast(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    spread: npt.NDArray[np.float32] = np.sqrt(images.var((1, 2)).mean(1))
    return spread


def _candidates(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Pairs of hashes that nearly agree, int64 [P, 2]."""
    found = [np.empty((0, 2), dtype=np.int64)]
    for band in range(_BANDS):
        shift = band * _BITS // _BANDS
        rotated = hashes
        if shift:
            rotated = (hashes << np.uint64(shift)) | (hashes >> np.uint64(_BITS - shift))
        order = np.argsort(rotated, kind="stable")
        for step in range(1, min(_NEIGHBORS, len(order) - 1) + 1):
            a, b = order[:-step], order[step:]
            differing = (hashes[a] ^ hashes[b]).view(np.uint8).reshape(-1, _BITS // 8)
            near = _ONES[differing].sum(1) <= _NEAR_BITS
            found.append(np.sort(np.stack([a[near], b[near]], axis=1), axis=1))
    return np.unique(np.concatenate(found), axis=0)
