"""Orders of the samples in an epoch, each a pure function of seed and epoch.

Samples that fit in memory come as one permutation of all. Where they do not, reading single ones
from all over the file would take most of the time, so that they come by blocks: blocks of
neighbors are permuted, so many of them in a row are a group, and the samples of a group are
permuted. A group is read whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from gantool.data.prepared import Split

Numbers = npt.NDArray[np.int64]
OrderKind = Literal["permutation", "blocks"]

# In bytes of the training split, whatever the memory: the same data has the same order everywhere.
LARGE = 1 << 30
BLOCK = 1 << 20  # that a disk reads at once nearly as fast as the whole file in a row
GROUP = 1 << 27  # of which two are in memory: one that is used, and the next


@dataclass(frozen=True, slots=True)
class Order:
    """The order of an epoch.

    Attributes:
        numbers: of the samples, int64 [n], each at most once.
        ends: the end of each group in `numbers`; one group has them all in a permutation.
    """

    numbers: Numbers
    ends: Numbers


def order_kind(split: Split) -> OrderKind:
    """The order that a split is read in while training: by its size alone."""
    return "blocks" if split.values.nbytes >= LARGE else "permutation"


def order_of(split: Split, *, seed: int, epoch: int, per_label: int = 1) -> Order:
    """The order of an epoch.

    Args:
        split: the samples.
        seed: of the run.
        epoch: counted from 0.
        per_label: so many samples of one label lie side by side; the rest of each label is left
            out. Ignored without labels.
    """
    rng = np.random.default_rng([seed, epoch])
    n, labels = len(split), split.labels if per_label > 1 else None
    if order_kind(split) == "permutation":
        numbers = rng.permutation(n) if labels is None else _packs(labels, per_label, rng)
        return Order(numbers, np.array([len(numbers)]))
    groups = []
    rest = np.empty(0, dtype=np.int64)
    for group in _groups(n, split.values.nbytes // n, rng):
        if labels is None:
            groups.append(rng.permutation(group))
        else:  # what a group has too few of, of some label, goes to the next
            packs, rest = _packed(rng.permutation(np.concatenate([rest, group])), labels, per_label)
            groups.append(rng.permutation(packs).ravel())
    return Order(np.concatenate(groups), np.cumsum([len(group) for group in groups]))


def _groups(n: int, size: int, rng: np.random.Generator) -> list[Numbers]:
    """The numbers of n samples, of so many bytes each, by groups of blocks in a new order."""
    in_block = max(1, BLOCK // size)
    blocks = rng.permutation(-(-n // in_block))
    count = -(-len(blocks) // max(1, GROUP // (in_block * size)))
    return [
        found[found < n]  # the last block of the file may be shorter
        for chosen in np.array_split(blocks, count)
        for found in [(chosen[:, None] * in_block + np.arange(in_block)).ravel()]
    ]


def _packs(labels: Numbers, size: int, rng: np.random.Generator) -> Numbers:
    labels = np.asarray(labels)
    found = []
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        found.append(own[: len(own) // size * size].reshape(-1, size))
    return rng.permutation(np.concatenate(found)).ravel()


def _packed(numbers: Numbers, labels: Numbers, size: int) -> tuple[Numbers, Numbers]:
    """Packs of one label, int64 [packs, size], and the numbers that no pack has room for."""
    by_label = numbers[np.argsort(labels[numbers], kind="stable")]
    _, starts, counts = np.unique(labels[by_label], return_index=True, return_counts=True)
    place = np.arange(len(by_label)) - np.repeat(starts, counts)
    fits = place < np.repeat(counts // size * size, counts)
    return by_label[fits].reshape(-1, size), by_label[~fits]
