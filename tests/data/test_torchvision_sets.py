"""torchvision's data sets, put in place by hand."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gantool.data.sets.torchvision import Cifar10, FashionMnist, Mnist
from gantool.data.source import MissingDataError
from gantool.errors import GantoolError


def idx(path: Path, array: np.ndarray[Any, Any], *, packed: bool = False) -> None:
    content = (
        struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        + array.astype(np.uint8).tobytes()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 1) if packed else content)


def write_idx_set(place: Path, first: list[int], suffix: str = "") -> None:
    rng = np.random.default_rng(0)
    for stem, n in (("train", 60_000), ("t10k", 10_000)):
        images = np.zeros((n, 28, 28), dtype=np.uint8)
        images[:, 5, 5] = np.arange(n) % 251
        labels = rng.integers(0, 10, size=n)
        labels[: len(first)] = first
        idx(place / f"{stem}-images-idx3-ubyte{suffix}", images, packed=bool(suffix))
        idx(place / f"{stem}-labels-idx1-ubyte{suffix}", labels, packed=bool(suffix))


@pytest.mark.parametrize("place, suffix", [("MNIST/raw", ""), (".", ".gz")])
def test_idx_files_put_in_place_by_hand(tmp_path: Path, place: str, suffix: str) -> None:
    write_idx_set(tmp_path / place, [5, 0, 4, 1, 9, 2, 1, 3], suffix)
    source = Mnist(tmp_path)
    assert source.present()
    source.open()
    assert {k: (v[0], v[-1], len(v)) for k, v in source.splits.items()} == {
        "train": (0, 49_999, 50_000),
        "validation": (50_000, 59_999, 10_000),
        "test": (60_000, 69_999, 10_000),
    }
    assert np.asarray(source.image(60_007))[5, 5] == 7
    with pytest.raises(GantoolError, match="are of mnist, not of fashion-mnist"):
        other = FashionMnist(tmp_path)
        if not other.present():
            (tmp_path / place).parent.rename(tmp_path / "FashionMNIST")
        other.open()


def test_where_links_are_not_allowed_plain_files_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError("A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refused)
    test_idx_files_put_in_place_by_hand(tmp_path, "MNIST/raw", "")


def test_damaged_idx_files_are_an_error(tmp_path: Path) -> None:
    for stem in Mnist.stems:
        (tmp_path / f"{stem}.gz").write_bytes(gzip.compress(b"\0\0\x08\x03 too short"))
    with pytest.raises(GantoolError, match="damaged"):
        Mnist(tmp_path).open()


@pytest.mark.parametrize("kind", [Mnist, Cifar10])
def test_absent_and_offline_names_what_to_put_where(
    kind: Callable[[Path], Mnist], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(self: object) -> None:
        raise OSError("Temporary failure in name resolution")

    monkeypatch.setattr(kind, "_download", offline)
    source = kind(tmp_path)
    assert not source.present()
    with pytest.raises(MissingDataError) as caught:
        source.key()
    message = str(caught.value)
    assert "name resolution" in message
    assert str(tmp_path) in message
    assert "mnist5k" in message
    assert "--data FOLDER" in message
    assert ("train-images-idx3-ubyte" if kind is Mnist else "cifar-10-python.tar.gz") in message
