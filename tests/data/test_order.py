"""Orders of an epoch, and the reading of what exceeds memory."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gantool.data import order, rows
from gantool.data.batches import Batches
from gantool.data.order import order_kind, order_of
from gantool.data.prepared import ImageSplit
from gantool.data.rows import read_rows
from gantool.errors import GantoolError
from gantool.machine.distributed import World

CPU = torch.device("cpu")


def small_blocks(patch: pytest.MonkeyPatch, *, block: int, group: int) -> None:
    patch.setattr(order, "LARGE", 1)
    patch.setattr(order, "BLOCK", block)
    patch.setattr(order, "GROUP", group)


@pytest.fixture
def blocks_of_4(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of images of 6 bytes, four are a block and five blocks a group."""
    small_blocks(monkeypatch, block=24, group=120)


def numbered(folder: Path, n: int, labels: np.ndarray | None = None) -> ImageSplit:
    """Images of 1 x 2 x 3 in a file that begins with others; the values tell the number."""
    file = folder / "images.u8"
    values = np.repeat(np.arange(n, dtype=np.uint32), 2).view(np.uint8).reshape(n, 8)[:, :6]
    file.write_bytes(bytes(6 * 7) + values.tobytes())
    images = np.memmap(file, dtype=np.uint8, mode="r", shape=(n + 7, 1, 2, 3))
    return ImageSplit(images[7:], labels)


def number_of(images: torch.Tensor) -> list[int]:
    pixels = images.permute(0, 2, 3, 1).add(1).mul(127.5).round().long().reshape(len(images), 6)
    return (pixels[:, 0] + 256 * pixels[:, 1]).tolist()


@given(
    st.integers(1, 300),
    st.integers(1, 40),
    st.integers(1, 200),
    st.integers(0, 3),
    st.booleans(),
)
def test_every_image_comes_once_an_epoch(
    n: int, block: int, group: int, epoch: int, labelled: bool
) -> None:
    labels = np.arange(n) % 5 if labelled else None
    split = ImageSplit(np.zeros((n, 1, 1, 3), dtype=np.uint8), labels)
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch, block=block, group=group)
        found = order_of(split, seed=7, epoch=epoch)
        again = order_of(split, seed=7, epoch=epoch)
        packs = order_of(split, seed=7, epoch=epoch, per_label=3)
    assert sorted(found.numbers) == list(range(n))
    assert (found.numbers == again.numbers).all()
    assert found.ends[-1] == n
    assert len(np.unique(packs.numbers)) == len(packs.numbers) == packs.ends[-1]
    if labels is None:
        assert (packs.numbers == found.numbers).all()
    else:  # as many as one permutation has, of each label
        assert np.bincount(labels[packs.numbers], minlength=5).tolist() == [
            count // 3 * 3 for count in np.bincount(labels, minlength=5).tolist()
        ]
        assert not np.ptp(labels[packs.numbers].reshape(-1, 3), axis=1).any()


def test_neighbors_of_the_file_are_far_apart_in_the_order_by_blocks() -> None:
    """With a hundred groups of a hundred blocks of a hundred images, as of a million images.

    In a permutation the distance of two images in the order is a third of n on average, and 1% of
    all pairs that follow each other have numbers within 0.5% of n. Here the two ends of a block
    keep together within a group, but pairs that follow each other are as far apart in the file.
    """
    split = ImageSplit(np.zeros((10**6, 1, 1, 1), dtype=np.uint8), None)
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch, block=100, group=10_000)
        numbers = order_of(split, seed=0, epoch=0).numbers
        other = order_of(split, seed=0, epoch=1).numbers
    gaps = np.abs(np.diff(numbers))
    assert abs(gaps.mean() / 1e6 - 1 / 3) < 0.01
    near = (gaps < 5_000).mean()
    assert 0.01 < near < 0.03  # those of one block add 1% to the 1% of chance
    batches = numbers[: 7_800 * 128].reshape(-1, 128)
    in_batch = [len(np.unique(batch // 100)) for batch in batches[::100]]
    assert np.mean(in_batch) > 65  # so many blocks, from everywhere; 72 of 100 expected
    place = np.empty_like(numbers)
    place[other] = np.arange(10**6)
    moved = np.abs(place[numbers] - np.arange(10**6))
    assert abs(moved.mean() / 1e6 - 1 / 3) < 0.05  # another epoch has another order


def test_below_the_threshold_nothing_changes() -> None:
    split = ImageSplit(np.zeros((50, 1, 1, 1), dtype=np.uint8), np.arange(50) % 3)
    expected = np.random.default_rng([4, 2]).permutation(50)
    assert order_kind(split) == "permutation"
    assert (order_of(split, seed=4, epoch=2).numbers == expected).all()
    giant = ImageSplit(np.broadcast_to(np.uint8(0), (2**18, 64, 64, 1)), None)
    assert order_kind(giant) == "blocks"
    assert order_kind(ImageSplit(giant.images[1:], None)) == "permutation"


@pytest.mark.usefixtures("blocks_of_4")
@pytest.mark.parametrize("batch_size", [2, 7, 33])  # larger than a group too
def test_batches_by_blocks_are_those_of_the_order(tmp_path: Path, batch_size: int) -> None:
    split = numbered(tmp_path, 103, np.arange(103) % 7)
    batches = Batches(split, batch_size, seed=3, device=CPU)
    assert batches.per_epoch == 103 // batch_size
    for epoch in range(3):
        expected = order_of(split, seed=3, epoch=epoch).numbers
        for position in range(batches.per_epoch):
            images, labels = next(batches)
            wanted = expected[position * batch_size :][:batch_size].tolist()
            assert number_of(images) == wanted
            assert labels is not None
            assert labels.tolist() == [number % 7 for number in wanted]


@pytest.mark.usefixtures("blocks_of_4")
def test_going_on_anywhere_gives_the_same_batches(tmp_path: Path) -> None:
    split = numbered(tmp_path, 103)
    whole = Batches(split, 6, seed=3, device=CPU)
    every = [next(whole)[0] for _ in range(40)]
    for start in (0, 1, 5, 16, 17, 30):
        resumed = Batches(split, 6, seed=3, device=CPU)
        next(resumed)
        resumed.drawn = start
        for expected in every[start : start + 9]:
            assert torch.equal(next(resumed)[0], expected)
        assert resumed.drawn == min(start + 9, 40)


@pytest.mark.usefixtures("blocks_of_4")
def test_the_parts_of_the_processes_are_the_batch(tmp_path: Path) -> None:
    split = numbered(tmp_path, 103)
    one = Batches(split, 8, seed=3, device=CPU)
    two = [Batches(split, 8, seed=3, device=CPU, world=World(rank, 2)) for rank in (0, 1)]
    for _ in range(20):
        parts = [next(batches)[0] for batches in two]
        assert torch.equal(torch.cat(parts), next(one)[0])


@pytest.mark.usefixtures("blocks_of_4")
def test_the_next_group_is_read_by_a_thread_and_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = []
    take = ImageSplit.take

    def watched(self: ImageSplit, chosen: np.ndarray) -> ImageSplit:
        readers.append(threading.current_thread() is threading.main_thread())
        return take(self, chosen)

    monkeypatch.setattr(ImageSplit, "take", watched)
    batches = Batches(numbered(tmp_path, 103), 8, seed=3, device=CPU)
    groups = len(order_of(batches.split, seed=3, epoch=0).ends)
    for _ in range(2 * batches.per_epoch):
        next(batches)
    assert readers[0]
    assert not any(readers[1:])
    assert 2 * groups <= len(readers) <= 2 * groups + 1  # one is ahead


@pytest.mark.usefixtures("blocks_of_4")
def test_no_thread_stays_and_an_error_reaches_the_loop(tmp_path: Path) -> None:
    split = numbered(tmp_path, 103)
    batches = Batches(split, 8, seed=3, device=CPU)
    next(batches)
    for thread in threading.enumerate():
        if thread.name.startswith("gantool-reader"):
            thread.join(timeout=10)
    assert not [t for t in threading.enumerate() if t.name.startswith("gantool-reader")]
    (tmp_path / "images.u8").unlink()
    next(batches)  # of the group that was read already
    with pytest.raises(GantoolError, match="cannot be read: No such file"):
        for _ in range(10):
            next(batches)


@given(st.data())
def test_rows_are_those_of_the_array(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    array = numbered(folder, 200).images
    chosen = np.array(data.draw(st.lists(st.integers(0, 199), unique=True)), dtype=np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "_BRIDGED", data.draw(st.sampled_from([0, 6, 30, 10_000])))
        patch.setattr(rows, "_ROWS", data.draw(st.sampled_from([1, 3, 1000])))
        for part in (array, array.copy(), array[::2]):
            own = chosen[chosen < len(part)]
            assert (read_rows(part, own) == np.asarray(part)[own]).all()


def test_no_call_reads_more_than_systems_give_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array, real, asked = numbered(tmp_path, 200).images, os.preadv, []

    def preadv(file: int, buffers: list[Any], place: int) -> int:
        asked.append(sum(len(buffer) for buffer in buffers))
        return real(file, buffers, place)

    monkeypatch.setattr(rows, "_BYTES", 20)  # three rows of 6 bytes
    monkeypatch.setattr(os, "preadv", preadv)
    assert (read_rows(array, np.arange(200)) == np.asarray(array)).all()
    assert max(asked) == 18


def test_a_file_that_was_cut_off_is_said(tmp_path: Path) -> None:
    array = numbered(tmp_path, 200).images
    with (tmp_path / "images.u8").open("r+b") as file:
        file.truncate(600)
    with pytest.raises(GantoolError, match="cut off"):
        read_rows(array, np.arange(200))
