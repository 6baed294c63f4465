"""The division of images into those that train, those that choose thresholds, and those that judge.

The rules are fixed, and the same on every machine.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from gantool.data.source import SPLITS, Indices


def stratified(labels: Indices, validation: int, test: int) -> dict[str, Indices]:
    """Split so that each class gives the same number of images to validation and test.

    The first images of a class train, the next validate, the last test.

    Args:
        labels: int64 [N].
        validation: images a class for validation.
        test: images a class for the test.
    """
    parts: dict[str, list[Indices]] = {"train": [], "validation": [], "test": []}
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        boundary = len(members) - validation - test
        parts["train"].append(members[:boundary])
        parts["validation"].append(members[boundary : boundary + validation])
        parts["test"].append(members[boundary + validation :])
    return {split: np.sort(np.concatenate(members)) for split, members in parts.items()}


def consecutive(*sizes: int) -> dict[str, Indices]:
    """Split in the given order: train first, then validation, then test."""
    bounds = np.cumsum((0, *sizes))
    return {
        split: np.arange(bounds[i], bounds[i + 1])
        for i, split in enumerate(("train", "validation", "test"))
    }


def by_content(digests: npt.NDArray[np.uint8]) -> Indices:
    """Split 90 / 5 / 5 by a hash of each image's pixels.

    Equal images therefore share a split, and adding or renaming images moves none to another.

    Args:
        digests: uint8 [N, 4 or more].

    Returns:
        int64 [N]: 0 where an image trains, 1 where it validates, 2 where it tests.
    """
    leading = np.ascontiguousarray(digests[:, :4]).view(">u4")[:, 0]
    return np.searchsorted([90, 95], leading.astype(np.int64) % 100, side="right")


def anew(
    digests: npt.NDArray[np.uint8], codes: Indices, labels: Indices | None, *, seed: int
) -> Indices:
    """Split another time: in each class as many test and validate as before, or a few more.

    The order in which images go to the test split, then to validation, then to training is that of
    a hash of the seed and their pixels; equal images go together, wherever their labels differ.

    Args:
        digests: uint8 [N, 32], equal for images with equal pixels.
        codes: int64 [N], the split of each before, as its place in SPLITS.
        labels: int64 [N], or None.
        seed: of the order.

    Returns:
        int64 [N]: 0 where an image trains, 1 where it validates, 2 where it tests.
    """
    salt = f"{seed} ".encode()
    whole = np.ascontiguousarray(digests).view("V32").ravel()
    _, first, group = np.unique(whole, return_index=True, return_inverse=True)
    keys = [hashlib.sha256(salt + digests[i].tobytes()).digest() for i in first.tolist()]
    sizes = np.bincount(group)
    classes = np.zeros(len(codes), dtype=np.int64) if labels is None else labels
    found = np.zeros(len(first), dtype=np.int64)
    for label in np.unique(classes):
        wanted = np.bincount(codes[classes == label], minlength=len(SPLITS))
        members = sorted(np.flatnonzero(classes[first] == label).tolist(), key=keys.__getitem__)
        before = np.cumsum([0, *sizes[members][:-1]])
        bounds = np.cumsum(wanted[:0:-1])
        found[members] = 2 - np.searchsorted(bounds, before, side="right")
    return found[group]
