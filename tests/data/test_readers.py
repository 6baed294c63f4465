"""The same pictures and labels are the same data however they are kept."""

from __future__ import annotations

import importlib.metadata
import json
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept import (
    COUNT,
    LABELLED,
    NAMES,
    UNLABELLED,
    flat,
    in_folder,
    in_npz,
    in_tar,
    in_zip,
    pictures,
    pixels,
    prepared,
    sorted_by_class,
    table,
)
from pyarrow import parquet
from support import prepared_folder

from gantool.config import TrainConfig
from gantool.data import parts
from gantool.data.load import load, open_path
from gantool.data.prepared import Prepared
from gantool.data.readers.labels import numbered, spell_label
from gantool.data.readers.parquet import ParquetPictures
from gantool.errors import ConfigError, GantoolError
from gantool.plugins.registry import build_registry, load_registry


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


def test_a_picture_that_many_rows_refer_to_is_in_memory_once(tmp_path: Path) -> None:
    once = pyarrow.DictionaryArray.from_arrays([0] * 200, [bytes(1 << 23)])  # 1.7 GB, written out
    file = tmp_path / "x.parquet"
    parquet.write_table(pyarrow.table({"image": once}), file, compression="none")
    source = ParquetPictures([file])
    source.open()
    before = pyarrow.total_allocated_bytes()
    assert len(source.content(199)) == 1 << 23
    assert pyarrow.total_allocated_bytes() - before < 1 << 26


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


def test_what_gives_no_labels_says_so(tmp_path: Path) -> None:
    rows = [(name, i % 3, i) for i, name in enumerate(NAMES)]
    csv = table(["file_name", "kind", "age"], rows)
    jsons = {f"{i}.json": json.dumps({"kind": i % 3}).encode() for i in range(COUNT)}
    images = {f"{i}.png": picture for i, picture in enumerate(pictures())}
    for path in (
        in_folder(tmp_path / "x", {**flat(), "metadata.csv": csv}),
        in_tar(tmp_path / "x.tar", {**images, **jsons}),
        in_npz(tmp_path / "x.npz", images=pixels(), kind=np.arange(COUNT) % 3),
    ):
        data = prepared(path, tmp_path / "cache")
        assert data.classes == ()
        (note,) = data.notes
        assert f"{path}" in note
        assert "--label-column takes another: kind" in note
        assert prepared(path, tmp_path / "cache", label_column="kind").classes == ("0", "1", "2")


def test_one_picture_a_class_is_allowed_and_said(tmp_path: Path) -> None:
    path = in_npz(tmp_path / "x.npz", images=pixels(), labels=np.arange(COUNT))
    data = prepared(path, tmp_path / "cache")
    assert len(data.classes) == COUNT
    assert any("66 of the 66 classes have a single image" in note for note in data.notes)


@given(st.lists(st.integers(-99, 10**6) | st.text(min_size=1).filter(str.strip), min_size=1))
def test_labels_are_numbered_by_their_classes_in_order(labels: list[int | str]) -> None:
    spelled = [spell_label(label, subject="") for label in labels]
    classes, numbers = numbered(spelled)
    assert [classes[i] for i in numbers] == spelled
    assert len(set(classes)) == len(classes)
    if all(isinstance(label, int) for label in labels):
        assert list(map(int, classes)) == sorted(set(labels))
    else:
        assert set(classes) == set(spelled)


def test_a_missing_library_is_named_with_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for way, module in (("HDF5", "h5py"), ("Parquet", "pyarrow")):
        path = LABELLED[way](tmp_path / "x")
        with monkeypatch.context() as patch:
            for name in [n for n in sys.modules if n.partition(".")[0] == module]:
                patch.setitem(sys.modules, name, None)
            with pytest.raises(GantoolError, match=f"{module}, which is not installed") as raised:
                prepared(path, tmp_path / "cache")
        assert "pip install 'gantool[data]'" in str(raised.value)


PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()


def test_a_plugin_brings_a_reader_as_its_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = re.findall(r"```python\n# (gantool_bundle/\w+\.py)\n(.*?)```", PAGE, re.S)
    assert len(code) == 2
    for name, text in code:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = importlib.metadata.EntryPoint("bundle", "gantool_bundle", "gantool")
    registry = build_registry([entry])
    assert registry.plugins[0].problem == ""
    with (tmp_path / "x.bundle").open("wb") as file:
        for name, picture in sorted_by_class().items():
            label = name.partition("/")[0]
            file.write(f"{label} {len(picture)}\n".encode() + picture)
    config = TrainConfig(data=str(tmp_path / "x.bundle"), image_size=16, data_dir=tmp_path / "c")
    data = load(config, registry)
    assert data.classes == tuple(map(str, range(11)))
    with pytest.raises(ConfigError, match=r"ends with \.bundle"):
        open_path(in_zip(tmp_path / "x.zip", {}), registry)
