"""The division of images into those that train, those that choose thresholds, and those that judge.

The rules are fixed, and the same on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from gantool.data.source import Indices


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


def by_name(names: Sequence[bytes]) -> dict[str, Indices]:
    """Split 90 / 5 / 5 by a hash of each name.

    Adding images therefore moves none from one split to another.
    """
    draws = np.array(
        [int.from_bytes(hashlib.sha256(name).digest()[:4], "big") % 100 for name in names],
        dtype=np.int64,
    )
    return {
        "train": np.flatnonzero(draws < 90),
        "validation": np.flatnonzero((draws >= 90) & (draws < 95)),
        "test": np.flatnonzero(draws >= 95),
    }
