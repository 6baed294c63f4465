"""Real data in batches, straight from the prepared cache, in an order that the seed fixes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gantool.data.prepared import Split, on_device
from gantool.errors import ConfigError
from gantool.machine.distributed import ALONE, World

_FLIP = 1  # tells the random numbers of mirroring from those of the order


class Batches:
    """An endless iterator of (samples, labels).

    Samples are float32 in [-1, 1]: images [batch_size, C, H, W], or points [batch_size, 2]. Labels
    are int64 [batch_size] or None. Where several processes share a run, each has its part of every
    batch. Every epoch has a new
    permutation, whose remainder is dropped; it is a pure function of seed and epoch, so the
    position is the whole state.

    Args:
        split: the samples to draw from.
        batch_size: of all processes together.
        seed: of the permutations.
        device: where batches go.
        world: the processes that share the run.
        per_label: so many samples of one label lie side by side, for a model that judges packs or
            compares samples of a class.
        flip: mirror half of the images, chosen by seed and number of the batch.

    Raises:
        ConfigError: `per_label` is more than 1, and there are no labels, or too few of one, or the
            batch (a process's part of it) is no multiple.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        seed: int,
        device: torch.device,
        world: World = ALONE,
        per_label: int = 1,
        *,
        flip: bool = False,
    ) -> None:
        self.split = split
        self.batch_size = batch_size
        self.seed = seed
        self.device = device
        self.world = world
        self.per_label = per_label
        self.flip = flip
        self._epoch, self._order = 0, self._order_of(0)
        self.per_epoch = len(self._order) // batch_size
        if per_label > 1 and (split.labels is None or not self.per_epoch):
            raise ConfigError(
                f"this model wants {per_label} samples of one label side by side, and the data has "
                f"{'no labels' if split.labels is None else 'too few of each for a batch'}.",
                "Use labelled data, or a smaller --batch-size.",
            )
        if batch_size // world.size % per_label:
            raise ConfigError(
                f"this model wants {per_label} samples of one label side by side, which a batch of "
                f"{batch_size} does not hold evenly.",
                f"Give a --batch-size that is a multiple of {per_label * world.size}.",
            )
        self.drawn = 0

    @property
    def epoch(self) -> float:
        """Epochs seen, as a fraction."""
        return self.drawn / self.per_epoch

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> tuple[Tensor, Tensor | None]:
        epoch, position = divmod(self.drawn, self.per_epoch)
        if epoch != self._epoch:
            self._order = self._order_of(epoch)
            self._epoch = epoch
        chosen = self.world.part(
            self._order[position * self.batch_size : (position + 1) * self.batch_size]
        )
        samples = self.split.tensor(chosen, self.device)
        if self.flip:
            mirrored = on_device(self._mirrored(self.drawn), self.device)
            samples[mirrored] = samples[mirrored].flip(-1)
        self.drawn += 1
        if self.split.labels is None:
            return samples, None
        return samples, torch.from_numpy(self.split.labels[chosen]).to(
            self.device, non_blocking=True
        )

    def _mirrored(self, batch: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The positions, in this process's part of a batch, of the images that are mirrored.

        They are drawn for the whole batch, so that resuming and the number of processes change
        none.
        """
        rng = np.random.default_rng([self.seed, batch, _FLIP])
        chosen = rng.random(self.batch_size) < 0.5
        return np.flatnonzero(self.world.part(chosen))

    def _order_of(self, epoch: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        rng = np.random.default_rng([self.seed, epoch])
        if self.per_label == 1 or self.split.labels is None:
            return rng.permutation(len(self.split))
        labels, size = np.asarray(self.split.labels), self.per_label
        found = []
        for label in np.unique(labels):
            own = rng.permutation(np.flatnonzero(labels == label))
            found.append(own[: len(own) // size * size].reshape(-1, size))
        return rng.permutation(np.concatenate(found)).ravel()


def batch_size_for(images: int) -> int:
    """The tutorial's 128, halved until an epoch has 250 batches.

    It is never below 16, nor above the number of images.
    """
    size = 128
    while size > 16 and images // size < 250:
        size //= 2
    return min(size, images)
