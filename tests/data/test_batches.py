"""Real images in batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gantool.data.batches import Batches, batch_size_for
from gantool.data.prepared import ImageSplit
from gantool.errors import ConfigError
from gantool.machine.distributed import World


def test_an_epoch_visits_each_image_once_and_drops_the_remainder() -> None:
    split = ImageSplit(np.arange(23, dtype=np.uint8).reshape(23, 1, 1, 1), np.arange(23))
    batches = Batches(split, 4, seed=7, device=torch.device("cpu"))
    assert batches.per_epoch == 5
    epochs = [[next(batches) for _ in range(5)] for _ in range(2)]
    for epoch in epochs:
        labels = torch.cat([y for _, y in epoch if y is not None])
        assert len(labels.unique()) == 20
        images = torch.cat([x for x, _ in epoch]).flatten()
        torch.testing.assert_close(images, labels / 127.5 - 1)
    assert not torch.equal(epochs[0][0][1], epochs[1][0][1])
    other = Batches(split, 4, seed=8, device=torch.device("cpu"))
    assert not torch.equal(next(other)[1], epochs[0][0][1])
    back = Batches(split, 4, seed=7, device=torch.device("cpu"))
    back.drawn = 6
    assert torch.equal(next(back)[1], epochs[1][1][1])


@given(st.lists(st.integers(0, 3), min_size=12, max_size=60), st.sampled_from([2, 3]))
def test_samples_of_a_label_lie_side_by_side_where_a_model_asks_for_it(
    labels: list[int], per_label: int
) -> None:
    split = ImageSplit(
        np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1), np.array(labels)
    )
    usable = sum(labels.count(label) // per_label * per_label for label in set(labels))

    def batches(size: int = 6) -> Batches:
        return Batches(split, size, seed=7, device=torch.device("cpu"), per_label=per_label)

    if usable < 6:
        with pytest.raises(ConfigError, match="too few"):
            batches()
        return
    drawn = batches()
    assert drawn.per_epoch == usable // 6
    for _ in range(2):
        epoch = [next(drawn) for _ in range(drawn.per_epoch)]
        found = torch.cat([y for _, y in epoch if y is not None]).reshape(-1, per_label)
        assert (found == found[:, :1]).all()
        numbers = torch.cat([x for x, _ in epoch]).flatten().add(1).mul(127.5).round().long()
        assert len(numbers.unique()) == len(numbers)
        assert torch.equal(torch.tensor(labels)[numbers], found.flatten())
    with pytest.raises(ConfigError, match="multiple of"):
        batches(per_label * 2 - 1)


def test_an_order_by_label_needs_labels() -> None:
    split = ImageSplit(np.zeros((12, 1, 1, 1), dtype=np.uint8), None)
    with pytest.raises(ConfigError, match="no labels"):
        Batches(split, 4, seed=0, device=torch.device("cpu"), per_label=2)


def test_the_range_is_minus_one_to_one() -> None:
    split = ImageSplit(np.array([0, 255], dtype=np.uint8).reshape(2, 1, 1, 1), None)
    images, labels = next(Batches(split, 2, seed=0, device=torch.device("cpu")))
    assert sorted(images.flatten().tolist()) == [-1, 1]
    assert labels is None


@pytest.mark.parametrize(
    "images, expected", [(4000, 16), (50_000, 128), (16_000, 64), (8_000, 32), (10, 10)]
)
def test_batch_size_follows_the_data(images: int, expected: int) -> None:
    assert batch_size_for(images) == expected


@given(seed=st.integers(0, 2**32 - 1), ranks=st.sampled_from([1, 2, 3, 6]))
def test_mirrored_images_follow_seed_and_batch_whatever_was_drawn_before(
    seed: int, ranks: int
) -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(12, 1, 2, 1)
    split = ImageSplit(pixels, np.arange(12))

    def batches(**options: Any) -> Batches:
        return Batches(split, 6, seed=seed, device=torch.device("cpu"), **options)

    plain, flipped = batches(), batches(flip=True)
    parts = [batches(flip=True, world=World(rank, ranks)) for rank in range(ranks)]
    mirrored = []
    for number in range(12):
        (usual, labels), (found, same) = next(plain), next(flipped)
        assert torch.equal(labels, same)
        apart = [torch.equal(a, b) for a, b in zip(usual, found, strict=True)]
        for a, b, unmoved in zip(usual, found, apart, strict=True):
            assert unmoved or torch.equal(a.flip(-1), b)
        mirrored.append(apart)
        drawn = [next(part) for part in parts]
        assert torch.equal(torch.cat([images for images, _ in drawn]), found)
        resumed = batches(flip=True)
        resumed.drawn = number
        assert torch.equal(next(resumed)[0], found)
    assert len({tuple(apart) for apart in mirrored}) > 6  # anew each time
    assert 15 < np.sum(mirrored) < 57  # of 72: half, within 5 standard deviations
