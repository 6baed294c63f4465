"""Real images in batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gantool.data.batches import Batches, batch_size_for
from gantool.data.prepared import ImageSplit


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
