"""Damaged and unclear inputs: one message with the file, the cause and a remedy; nothing left."""

from __future__ import annotations

import contextlib
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kept import (
    COUNT,
    DIGITS,
    NAMES,
    encoded,
    flat,
    in_folder,
    in_hdf5,
    in_npz,
    in_parquet,
    in_tar,
    in_zip,
    json_lines,
    pictures,
    pixels,
    prepared,
    rows_of,
    table,
    web_dataset,
)
from pyarrow import parquet
from support import Cli

from gantool.data.load import open_path
from gantool.data.pixels import decode
from gantool.data.readers import arrays
from gantool.data.source import UnreadableImageError
from gantool.errors import GantoolError
from gantool.plugins.registry import load_registry


def labelled_by(name: str, content: bytes) -> Callable[[Path], Path]:
    return lambda path: in_folder(path, {**flat(), name: content})


def of_csv(rows: Any, *columns: str) -> Callable[[Path], Path]:
    return labelled_by("labels.csv", table(columns or ("file_name", "label"), rows))


def torn(make: Callable[[Path], Path], *, keep: float = 0.5) -> Callable[[Path], Path]:
    def cut(path: Path) -> Path:
        whole = make(path)
        content = whole.read_bytes()
        whole.write_bytes(content[: int(keep * len(content))])
        return whole

    return cut


def tar_with(kind: bytes) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        with tarfile.open(path.with_suffix(".tar"), "w") as archive:
            info = tarfile.TarInfo("a.png")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        return path.with_suffix(".tar")

    return make


def zip_with_link(path: Path) -> Path:
    with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
        info = zipfile.ZipInfo("a.png")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return path.with_suffix(".zip")


def bomb(path: Path) -> Path:
    with zipfile.ZipFile(path.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(40_000_000))
    return path.with_suffix(".zip")


def overlapping(path: Path) -> Path:
    """A zip file whose directory names one picture a hundred times."""
    large = encoded(np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8))
    whole = in_zip(path.with_suffix(".zip"), {"000.png": large}).read_bytes()
    end = whole.rindex(b"PK\5\6")
    start = whole.rindex(b"PK\1\2")
    entries = [whole[start:end].replace(b"000.png", f"{i:03d}.png".encode()) for i in range(999)]
    directory = b"".join(entries)
    last = bytearray(whole[end:])
    last[8:12] = 2 * (999).to_bytes(2, "little")
    last[12:16] = len(directory).to_bytes(4, "little")
    path.with_suffix(".zip").write_bytes(whole[:start] + directory + last)
    return path.with_suffix(".zip")


def encrypted(path: Path) -> Path:
    file = in_zip(path.with_suffix(".zip"), flat())
    content = bytearray(file.read_bytes())
    entry = content.index(b"PK\1\2")
    content[entry + 8] |= 1
    file.write_bytes(content)
    return file


def broken_within(path: Path) -> Path:
    """A tar file of which one header in the middle is damaged."""
    file = in_tar(path.with_suffix(".tar"), flat())
    content = bytearray(file.read_bytes())
    header = content.index(b"030.png")
    content[header : header + 7] = b"damaged"
    file.write_bytes(content)
    return file


def compressed(path: Path) -> Path:
    with tarfile.open(path.with_suffix(".tar.gz"), "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.png"))
    return path.with_suffix(".tar.gz")


def npy(array: Any, **how: Any) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        np.save(path.with_suffix(".npy"), array, **how)
        return path.with_suffix(".npy")

    return make


def npz(**arrays: Any) -> Callable[[Path], Path]:
    return lambda path: in_npz(path.with_suffix(".npz"), **arrays)


def hdf5(**arrays: Any) -> Callable[[Path], Path]:
    return lambda path: in_hdf5(path.with_suffix(".h5"), **arrays)


def columns(**content: Any) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        parquet.write_table(pyarrow.table(content), path.with_suffix(".parquet"))
        return path.with_suffix(".parquet")

    return make


def parquet_of(labels: Any) -> Callable[[Path], Path]:
    return lambda path: in_parquet(path.with_suffix(".parquet"), pictures(), labels)


def swelling(path: Path) -> Path:
    file = path.with_suffix(".parquet")
    parquet.write_table(pyarrow.table({"image": [bytes(1 << 26), b""]}), file, compression="zstd")
    return file


def two_kinds(path: Path) -> Path:
    in_parquet(path / "a.parquet", pictures(), DIGITS)
    parquet.write_table(pyarrow.table({"image": pictures()}), path / "b.parquet")
    return path


def elsewhere(path: Path) -> Path:
    file = path.with_suffix(".h5")
    with h5py.File(file, "w") as opened:
        opened["images"] = h5py.ExternalLink("/etc/passwd", "/x")
    return file


def outside(path: Path) -> Path:
    path.with_suffix(".raw").write_bytes(pixels().tobytes())
    file = path.with_suffix(".h5")
    with h5py.File(file, "w") as opened:
        opened.create_dataset(
            "images", pixels().shape, "uint8", external=[(str(path.with_suffix(".raw")), 0, 10**7)]
        )
    return file


def hollow(path: Path) -> Path:
    file = path.with_suffix(".h5")
    with h5py.File(file, "w") as opened:
        opened.create_dataset("images", (10**6, 64, 64, 3), "uint8", chunks=(10, 64, 64, 3))
    return file


def suffixed(name: str, content: bytes = b"nothing that is known") -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        (path.parent / name).write_bytes(content)
        return path.parent / name

    return make


def escape(name: str, make: Callable[..., Path], suffix: str) -> Callable[[Path], Path]:
    return lambda path: make(path.with_suffix(suffix), {**flat(), name: pictures()[0]})


SHAPE = (COUNT, 8, 8, 3)
BYTES = np.arange(np.prod(SHAPE), dtype=np.uint64).astype(np.uint8).reshape(SHAPE)

# A damaged input, the words of its message, and options.
REFUSED: dict[str, tuple[Callable[[Path], Path], list[str]]] = {
    "zip leads up": (escape("../x.png", in_zip, ".zip"), ["'../x.png' leads out of"]),
    "zip leads up in Windows": (escape("a\\..\\..\\x.png", in_zip, ".zip"), ["leads out of"]),
    "zip begins at the root": (escape("/x.png", in_zip, ".zip"), ["'/x.png' leads out of"]),
    "zip begins at a drive": (escape("C:/x.png", in_zip, ".zip"), ["leads out of"]),
    "tar leads up": (escape("a/../../x.png", in_tar, ".tar"), ["leads out of"]),
    "tar begins at the root": (escape("/x.png", in_tar, ".tar"), ["leads out of"]),
    "tar with a link": (tar_with(tarfile.SYMTYPE), ["'a.png' is a link", "--dereference"]),
    "tar with a hard link": (tar_with(tarfile.LNKTYPE), ["is a link", "--hard-dereference"]),
    "tar with a device": (tar_with(tarfile.CHRTYPE), ["is no plain file"]),
    "zip with a link": (zip_with_link, ["'a.png' is a link"]),
    "zip that is a bomb": (bomb, ["40 MB in 0.04", "decompression bomb"]),
    "zip that overlaps": (overlapping, ["481 MB", "decompression bomb"]),
    "zip encrypted": (encrypted, ["encrypted", "without a password"]),
    "zip cut short": (torn(lambda p: in_zip(p.with_suffix(".zip"), flat())), ["not a zip file"]),
    "zip empty": (lambda p: in_zip(p.with_suffix(".zip"), {}), ["holds no pictures"]),
    "zip with a name twice": (escape("./000.png", in_zip, ".zip"), ["'000.png' twice"]),
    "tar cut short": (
        torn(lambda p: in_tar(p.with_suffix(".tar"), flat())),
        ["cut short, at byte"],
    ),
    "tar damaged within": (broken_within, ["damaged, or cut short, at byte"]),
    "tar empty": (lambda p: in_tar(p.with_suffix(".tar"), {}), ["holds no pictures"]),
    "tar compressed": (compressed, ["compressed as a whole", "gunzip --keep x.tar.gz"]),
    "tar without some labels": (
        lambda p: in_tar(
            p.with_suffix(".tar"), {**web_dataset(), "q.png": pictures()[0], "r.png": pictures()[1]}
        ),
        ["no label for x.tar: q.png, x.tar: r.png"],
    ),
    "tar with broken labels": (
        lambda p: in_tar(
            p.with_suffix(".tar"), {**web_dataset(kind="json"), "sample0003.json": b"{"}
        ),
        ["x.tar/sample0003.json cannot be read"],
    ),
    "labels of missing pictures": (
        of_csv([*rows_of(DIGITS), ("a.png", 1), ("b.png", 2)]),
        ["labels.csv names a.png, b.png, which are not there"],
    ),
    "labels of some pictures": (
        of_csv(rows_of(DIGITS)[:-7]),
        ["labels.csv has no label for 059.png, 060.png, 061.png, 062.png, 063.png and 2 more"],
    ),
    "labels that are empty": (
        of_csv([*rows_of(DIGITS)[:-1], (NAMES[-1], " ")]),
        ["no label for 065.png"],
    ),
    "labels that differ": (
        of_csv([*rows_of(DIGITS), (NAMES[3], "cat")]),
        ["003.png has two labels, '3' and 'cat'"],
    ),
    "labels outside": (of_csv([*rows_of(DIGITS), ("../x.png", 1)]), ["../x.png, which is not"]),
    "labels without columns": (labelled_by("labels.csv", b"a.png\n"), ["must name columns"]),
    "labels of odd rows": (labelled_by("labels.csv", b"a,label\nx,1,2\n"), ["row 2 has 3 columns"]),
    "labels in no text": (labelled_by("labels.csv", b"\xff\xfe\x00"), ["labels.csv is no file of"]),
    "labels in no JSON": (labelled_by("metadata.jsonl", b"{"), ["metadata.jsonl is no file of"]),
    "labels without names": (
        labelled_by("metadata.jsonl", json_lines([{"label": 3, "file": 1}])),
        ["no name of a file"],
    ),
    "labels that are lists": (
        labelled_by(
            "metadata.jsonl", json_lines([{"file_name": n, "label": [1, 0]} for n in NAMES])
        ),
        ["label [1, 0] is neither a name nor a whole number"],
    ),
    "labels in no pairs": (
        labelled_by("dataset.json", json.dumps({"labels": [["000.png"]]}).encode()),
        ['["000.png"], which is no pair'],
    ),
    "labels nested too deeply": (labelled_by("dataset.json", b"[" * 100_000), ["dataset.json"]),
    "npy cut short": (torn(npy(pixels())), ["x.npy cannot be read"]),
    "npy of objects": (npy(np.array([{}, {}]), allow_pickle=True), ["x.npy cannot be read"]),
    "npy in no format": (suffixed("x.npy"), ["x.npy cannot be read"]),
    "npy of two channels": (npy(BYTES[..., :2]), ["has 2 channels, not 1, 3 or 4"]),
    "npy of one image": (npy(BYTES[0, :, :, 0]), ["has not the shape of images"]),
    "npy of no images": (npy(BYTES[:0]), ["has not the shape of images"]),
    "npy of whole numbers": (npy(BYTES.astype(np.int64)), ["int64", "not of type uint8"]),
    "npy of other numbers": (npy(BYTES.astype(np.float32)), ["float32 from 0 to 255"]),
    "npy that is not finite": (npy(np.full(SHAPE, np.nan)), ["from nan to nan"]),
    "npy of zeros and ones": (npy(BYTES % 2), ["uint8 from 0 to 1"]),
    "npz cut short": (torn(npz(images=BYTES)), ["x.npz cannot be read"]),
    "npz of objects": (npz(images=np.array([{}, {}])), ["x.npz cannot be read: Object arrays"]),
    "npz that is unclear": (npz(a=BYTES, b=BYTES), ["the arrays a, b", "'images'"]),
    "npz of few labels": (npz(images=BYTES, labels=DIGITS[1:]), ["int64 [65]", "66 images"]),
    "npz of pairs of labels": (npz(images=BYTES, labels=np.zeros((COUNT, 2))), ["[66, 2]"]),
    "npz of parts of labels": (npz(images=BYTES, y=np.full(COUNT, 0.5)), ["0.5", "neither a name"]),
    "HDF5 cut short": (torn(hdf5(images=BYTES, labels=DIGITS)), ["x.h5 cannot be read"]),
    "HDF5 in no format": (suffixed("x.h5"), ["x.h5 cannot be read"]),
    "HDF5 with links": (elsewhere, ["the arrays (none)"]),
    "HDF5 in other files": (outside, ["'images' is kept in other files"]),
    "HDF5 that is hollow": (hollow, ["12,288 MB", "decompression bomb"]),
    "Parquet cut short": (torn(parquet_of(DIGITS)), ["x.parquet cannot be read"]),
    "Parquet in no format": (suffixed("x.parquet"), ["x.parquet cannot be read"]),
    "Parquet without pictures": (
        columns(image=["a.png"], label=[1]),
        ["no columns of encoded pictures", "image (string), label (int64)"],
    ),
    "Parquet that is unclear": (columns(a=[b"1"], b=[b"2"]), ["2 columns of encoded pictures"]),
    "Parquet without rows": (columns(image=pyarrow.array([], "binary")), ["holds no pictures"]),
    "Parquet without a label": (parquet_of([*DIGITS[:-1], None]), ["x.parquet: row 65"]),
    "Parquet that swells": (swelling, ["67 MB", "decompression bomb"]),
    "Parquet of two kinds": (two_kinds, ["other columns"]),
    "an unknown kind": (
        suffixed("x.rar"),
        ["x.rar is a file of a kind that is not read", ".zip, .tar"],
    ),
    "a picture": (suffixed("x.png", pictures()[0]), ["folder of images"]),
    "a folder of arrays": (
        lambda p: npy(BYTES)(in_folder(p, {"readme": b""}) / "x").parent,
        ["holds no pictures, but x.npy", "--data "],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_one_message_and_nothing_left(name: str, tmp_path: Path) -> None:
    make, words = REFUSED[name]
    with pytest.raises(GantoolError) as raised:
        prepared(make(tmp_path / "x"), tmp_path / "cache")
    error = raised.value
    assert error.exit_code in (1, 2)
    assert error.remedy
    assert "\n" not in error.message
    assert f"{tmp_path}/x" in error.message
    for word in words:
        assert word in str(error)
    left = (tmp_path / "cache" / "prepared").glob("*")
    assert [file.name for file in left if file.suffix != ".lock"] == []


COLUMNS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "labels.csv": (of_csv([(n, 1, 2) for n in NAMES], "file", "kind", "age"), "kind, age"),
    "dataset.json": (
        labelled_by("dataset.json", json.dumps({"kind": [[n, 1] for n in NAMES]}).encode()),
        "kind",
    ),
    "WebDataset": (
        lambda p: in_tar(p.with_suffix(".tar"), {"a.png": pictures()[0], "a.json": b'{"kind": 1}'}),
        "kind",
    ),
    "Parquet": (columns(image=pictures()[:2], kind=[1, 2]), "kind"),
    "npz": (npz(images=BYTES, kind=DIGITS), "kind"),
    "HDF5": (hdf5(images=BYTES, kind=DIGITS), "kind"),
}


@pytest.mark.parametrize("way", COLUMNS)
def test_a_column_that_is_not_there(way: str, tmp_path: Path) -> None:
    make, has = COLUMNS[way]
    with pytest.raises(GantoolError) as raised:
        prepared(make(tmp_path / "x"), tmp_path / "cache", label_column="kinds")
    assert "--label-column kinds: " in str(raised.value)
    assert "Did you mean 'kind'?" in str(raised.value)
    assert f"It has {has}." in str(raised.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: in_folder(p, flat()), "holds no file of labels"),
        (npy(pixels()), "It has none; leave the option out."),
    ],
)
def test_a_column_where_there_are_none(
    make: Callable[[Path], Path], words: str, tmp_path: Path
) -> None:
    with pytest.raises(GantoolError, match=words):
        prepared(make(tmp_path / "x"), tmp_path / "cache", label_column="kind")


def test_images_that_cannot_be_read_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "LARGEST", 60_000)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("images", data=pixels(), chunks=pixels().shape, compression=1)
    with pytest.raises(GantoolError, match="0 MB must be read for one image"):
        prepared(tmp_path / "x.h5", tmp_path / "cache")


def test_a_column_of_data_that_has_labels_of_its_own(tmp_path: Path) -> None:
    for data in ("mnist5k", "ring"):
        with pytest.raises(GantoolError, match="--label-column kind"):
            prepared(data, tmp_path, image_size=None, label_column="kind")


def test_the_command_line_says_it_too(cli: Cli, tmp_path: Path) -> None:
    zip_with_link(tmp_path / "link")
    npy(np.array([{}, {}]), allow_pickle=True)(tmp_path / "objects")
    for file, words in (("link.zip", "is a link"), ("objects.npy", "Python objects")):
        done = cli("run", "dcgan", "--steps", "1", "--data", file)
        assert done.code == 2, done.err
        assert words in done.err
        assert "Traceback" not in done.err
    assert not (tmp_path / "experiments").exists()


FEW = {f"{i}.png": encoded(BYTES[i]) for i in range(3)}
WAYS: dict[str, Callable[[Path], Path]] = {
    ".csv": lambda p: in_folder(
        p, {**FEW, "labels.csv": table(["file", "label"], [(n, n) for n in FEW])}
    ),
    ".json": lambda p: in_folder(
        p, {**FEW, "dataset.json": json.dumps({"labels": [[n, n] for n in FEW]}).encode()}
    ),
    ".zip": lambda p: in_zip(p, {f"{n}/{n}": picture for n, picture in FEW.items()}),
    ".tar": lambda p: in_tar(p, {**FEW, **{f"{i}.cls": b"1" for i in range(3)}}),
    ".parquet": lambda p: in_parquet(p, list(FEW.values()), list(FEW)),
    ".npy": lambda p: npy(BYTES[:3])(p),
    ".npz": lambda p: in_npz(p, images=BYTES[:3], labels=np.arange(3)),
    ".h5": lambda p: in_hdf5(p, images=BYTES[:3], labels=np.arange(3)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore")
def test_whatever_is_damaged_is_read_or_refused_and_nothing_else(way: str, tmp_path: Path) -> None:
    path = WAYS[way](tmp_path / f"x{way}")
    damaged = next((f for f in path.glob("*") if f.suffix == way), path)
    whole = damaged.read_bytes()

    @settings(max_examples=60)
    @given(st.integers(0, len(whole) - 1), st.binary(max_size=4), st.integers(0, 4))
    def answers(place: int, inserted: bytes, removed: int) -> None:
        damaged.write_bytes(whole[:place] + inserted + whole[place + removed :])
        source, _ = open_path(path, load_registry())
        with contextlib.suppress(GantoolError):
            source.key()
            source.open()
            for number in range(source.count):
                with contextlib.suppress(UnreadableImageError):
                    decode(source.image(number))
        source.close()

    answers()
