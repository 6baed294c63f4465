"""The same pictures and labels are the same data however they are kept."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from kept import LABELLED, UNLABELLED, flat, in_folder, in_tar, in_zip, prepared, sorted_by_class
from support import prepared_folder

from gantool.data import parts
from gantool.data.load import open_path
from gantool.data.prepared import Prepared
from gantool.plugins.registry import load_registry


@pytest.fixture(scope="module")
def by_folder(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    place = tmp_path_factory.mktemp("folder")
    return prepared_folder(in_folder(place / "x", sorted_by_class()), place / "cache")


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    place = tmp_path_factory.mktemp("flat")
    return prepared_folder(in_folder(place / "x", flat()), place / "cache")


@pytest.mark.parametrize("way", LABELLED)
def test_pictures_and_labels_are_the_same_data_by_any_way(
    way: str, by_folder: Prepared, tmp_path: Path
) -> None:
    data = prepared(LABELLED[way](tmp_path / "x"), tmp_path / "cache")
    assert data.classes == tuple(map(str, range(11)))
    assert data.fingerprint == by_folder.fingerprint
    assert data.name == "x"
    assert data.notes == ()


@pytest.mark.parametrize("way", UNLABELLED)
def test_pictures_without_labels_too(way: str, unlabelled: Prepared, tmp_path: Path) -> None:
    data = prepared(UNLABELLED[way](tmp_path / "x"), tmp_path / "cache")
    assert data.train.labels is None
    assert data.fingerprint == unlabelled.fingerprint


@pytest.mark.parametrize("way", ["zip", "WebDataset's shards", "Hugging Face's Parquet"])
def test_other_processes_read_them_too(
    way: str, by_folder: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = LABELLED[way](tmp_path / "x")
    source, _ = open_path(path, load_registry())
    source.open()
    first = source.image(0).tobytes()
    copy = pickle.loads(pickle.dumps(source))
    assert copy.image(0).tobytes() == first
    source.close()
    monkeypatch.setattr(parts, "_MANY", 1)
    monkeypatch.setattr("loky.cpu_count", lambda: 2)
    assert prepared(path, tmp_path / "cache").fingerprint == by_folder.fingerprint


def test_files_on_the_side_and_hidden_ones_do_not_matter(
    by_folder: Prepared, tmp_path: Path
) -> None:
    more = {
        "__MACOSX/0/._1.png": b"of a Mac",
        ".hidden/a.png": b"hidden",
        "readme.txt": b"about",
        "7/notes.json": b"[]",
    }
    for path in (
        in_zip(tmp_path / "x.zip", {**sorted_by_class(), **more}),
        in_tar(tmp_path / "x.tar", {**sorted_by_class(), **more}),
    ):
        assert prepared(path, tmp_path / "cache").fingerprint == by_folder.fingerprint
