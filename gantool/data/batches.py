"""Real data in batches, straight from the prepared cache, in an order that the seed fixes."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gantool.data.order import Order, order_kind, order_of
from gantool.data.prepared import Split, on_device
from gantool.errors import ConfigError
from gantool.machine.distributed import ALONE, World

_FLIP = 1  # tells the random numbers of mirroring from those of the order
Numbers = npt.NDArray[np.int64]


class Batches:
    """An endless iterator of (samples, labels).

    Samples are float32 in [-1, 1]: images [batch_size, C, H, W], or points [batch_size, 2]. Labels
    are int64 [batch_size] or None. Where several processes share a run, each has its part of every
    batch. Every epoch has a new order (`data/order.py`), whose remainder is dropped; it is a pure
    function of seed and epoch, so the position is the whole state.

    An order by blocks is read a group ahead, by a thread that ends with the group.

    Args:
        split: the samples to draw from.
        batch_size: of all processes together.
        seed: of the orders.
        device: where batches go.
        world: the processes that share the run.
        per_label: so many samples of one label lie side by side, for a model that judges packs or
            compares samples of a class.
        flip: mirror half of the images, chosen by seed and number of the batch.

    Attributes:
        drawn: batches drawn so far; setting it goes there.

    Raises:
        ConfigError: `per_label` is more than 1, and there are no labels, or too few of one, or the
            batch (a process's part of it) is no multiple.
        GantoolError: when a batch is drawn, the cache cannot be read.
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
        self._orders: dict[int, Order] = {}
        self.per_epoch = len(self._order(0).numbers) // batch_size
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
        self._groups = _Groups(self) if order_kind(split) == "blocks" else None

    @property
    def epoch(self) -> float:
        """Epochs seen, as a fraction."""
        return self.drawn / self.per_epoch

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> tuple[Tensor, Tensor | None]:
        if self._groups is None:
            split, chosen = self.split, self.numbers(self.drawn)
        else:
            split, chosen = self._groups.find(self.drawn)
        samples = split.tensor(chosen, self.device)
        if self.flip:
            mirrored = on_device(self._mirrored(self.drawn), self.device)
            samples[mirrored] = samples[mirrored].flip(-1)
        self.drawn += 1
        if split.labels is None:
            return samples, None
        return samples, on_device(split.labels[chosen], self.device)

    def _mirrored(self, batch: int) -> Numbers:
        """The positions, in this process's part of a batch, of the images that are mirrored.

        They are drawn for the whole batch, so that resuming and the number of processes change
        none.
        """
        rng = np.random.default_rng([self.seed, batch, _FLIP])
        chosen = rng.random(self.batch_size) < 0.5
        return np.flatnonzero(self.world.part(chosen))

    def numbers(self, batch: int) -> Numbers:
        """The samples of a batch, counted from 0, that are this process's; int64."""
        epoch, position = divmod(batch, self.per_epoch)
        begin = position * self.batch_size
        part: Numbers = self.world.part(self._order(epoch).numbers[begin : begin + self.batch_size])
        return part

    def group(self, batch: int) -> range:
        """The batches that are read together with a batch: those that begin in the same group."""
        epoch, position = divmod(batch, self.per_epoch)
        ends = np.minimum(-(-self._order(epoch).ends // self.batch_size), self.per_epoch)
        number = int(np.searchsorted(ends, position, side="right"))
        first = epoch * self.per_epoch
        return range(first + int(ends[number - 1]) if number else first, first + int(ends[number]))

    def _order(self, epoch: int) -> Order:
        if epoch not in self._orders:
            order = order_of(self.split, seed=self.seed, epoch=epoch, per_label=self.per_label)
            newest = list(self._orders.items())[-1:]  # of the epoch whose groups are being used
            self._orders = dict([*newest, (epoch, order)])
        return self._orders[epoch]


class _Groups:
    """The group of batches that is being used, in memory, and the next one on its way there."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._here, self._split = range(0), batches.split
        self._next: tuple[int, range, Future[Split]] | None = None

    def find(self, batch: int) -> tuple[Split, Numbers]:
        """A batch: samples in memory, and the numbers among them of its own."""
        if batch not in self._here:
            self._go_to(batch)
        n = self._batches.batch_size // self._batches.world.size
        begin = (batch - self._here.start) * n
        return self._split, np.arange(begin, begin + n)

    def _go_to(self, batch: int) -> None:
        here, waiting = self._batches.group(batch), self._next
        self._here, self._split, self._next = range(0), self._batches.split, None  # let go
        # A process that was forked has not the thread that reads.
        if waiting is not None and waiting[:2] == (os.getpid(), here):
            self._split = waiting[2].result()
        else:
            self._split = self._read(here)()
        self._here = here
        after = self._batches.group(here.stop)
        reader = ThreadPoolExecutor(1, thread_name_prefix="gantool-reader")
        self._next = os.getpid(), after, reader.submit(self._read(after))
        reader.shutdown(wait=False)

    def _read(self, group: range) -> Callable[[], Split]:
        numbers = np.concatenate([self._batches.numbers(batch) for batch in group])
        return partial(self._batches.split.take, numbers)


def batch_size_for(images: int) -> int:
    """The tutorial's 128, halved until an epoch has 250 batches.

    It is never below 16, nor above the number of images.
    """
    size = 128
    while size > 16 and images // size < 250:
        size //= 2
    return min(size, images)
