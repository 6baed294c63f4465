"""The ways in which pictures of one's own are kept, and the same pictures in each."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pyarrow
from PIL import Image
from pyarrow import parquet

from gantool.config import TrainConfig
from gantool.data.load import load
from gantool.data.prepared import Prepared
from gantool.plugins.registry import load_registry

COUNT = 66
NAMES = [f"{i:03d}.png" for i in range(COUNT)]
DIGITS = [i % 11 for i in range(COUNT)]  # 10 comes after 9, not after 1
Files = Mapping[str, bytes]


def pixels() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (COUNT, 16, 20, 3), dtype=np.uint8)


def encoded(image: npt.NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def pictures() -> list[bytes]:
    return [encoded(image) for image in pixels()]


def flat() -> dict[str, bytes]:
    return dict(zip(NAMES, pictures(), strict=True))


def sorted_by_class() -> dict[str, bytes]:
    return {f"{label}/{n}": p for label, (n, p) in zip(DIGITS, flat().items(), strict=True)}


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([columns, *rows])
    return text.getvalue().encode()


def json_lines(rows: Sequence[Any]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def in_folder(path: Path, files: Files) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def in_zip(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def in_tar(path: Path, files: Files) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def rows_of(labels: Sequence[Any]) -> list[tuple[str, Any]]:
    return list(zip(NAMES, labels, strict=True))


def stylegan() -> dict[str, bytes]:
    """Folders that are no classes, and labels in dataset.json."""
    files = {f"{i // 20:05d}/img{i:08d}.png": p for i, p in enumerate(pictures())}
    labels = [[name, label] for name, label in zip(files, DIGITS, strict=True)]
    return {**files, "dataset.json": json.dumps({"labels": labels}).encode()}


def web_dataset(first: int = 0, last: int = COUNT, *, kind: str = "cls") -> dict[str, bytes]:
    files = {}
    for i, picture in enumerate(pictures()[first:last], first):
        files[f"sample{i:04d}.png"] = picture
        label = json.dumps({"label": DIGITS[i]}) if kind == "json" else f"{DIGITS[i]}\n"
        files[f"sample{i:04d}.{kind}"] = label.encode()
    return files


def in_parquet(path: Path, images: Any, labels: Any, *, first: int = 0, last: int = COUNT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {"image": images[first:last], "label": labels[first:last]}
    parquet.write_table(pyarrow.table(columns), path, row_group_size=20)
    return path


def hugging_face(path: Path) -> Path:
    """Structures of bytes and path, and numbers of classes with names, in two files."""
    names = sorted({str(d) for d in DIGITS})  # as `datasets` sorts them: 0, 1, 10, 2
    features = {"label": {"names": names, "_type": "ClassLabel"}}
    content = pyarrow.table(
        {
            "image": [{"bytes": p, "path": n} for n, p in flat().items()],
            "label": [names.index(str(d)) for d in DIGITS],
        }
    ).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    (path / "data").mkdir(parents=True)
    for i in range(2):
        half = content.slice(i * COUNT // 2, COUNT // 2)
        parquet.write_table(half, path / "data" / f"train-0000{i}-of-00002.parquet")
    return path


def in_hdf5(path: Path, **arrays: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
    return path


def in_npz(path: Path, *, save: Callable[..., None] = np.savez, **arrays: Any) -> Path:
    save(path, **arrays)
    return path


def webdataset_shards(path: Path) -> Path:
    for i in range(3):
        in_tar(path / f"{i}.tar", web_dataset(22 * i, 22 * i + 22, kind="json"))
    return path


# Each keeps the pictures, with their classes, at a path, and gives what --data takes.
LABELLED: dict[str, Callable[[Path], Path]] = {
    "labels.csv": lambda p: in_folder(
        p, {**flat(), "labels.csv": table(["file", "label"], rows_of(DIGITS))}
    ),
    "labels.csv wins over folders": lambda p: in_folder(
        p,
        {
            **{f"odd{i % 2}/{n}": c for i, (n, c) in enumerate(flat().items())},
            "labels.csv": table(
                ["class", "file_name"],
                [(d, f"./odd{i % 2}/{NAMES[i]}") for i, d in enumerate(DIGITS)],
                delimiter=";",
            ),
        },
    ),
    "metadata.csv of parts": lambda p: in_folder(
        p,
        {
            **{f"{'ab'[i % 2]}/{n}": c for i, (n, c) in enumerate(flat().items())},
            "a/metadata.csv": table(["file_name", "label"], rows_of(DIGITS)[::2]),
            "b/metadata.csv": table(["file_name", "label"], rows_of(DIGITS)[1::2]),
        },
    ),
    "metadata.jsonl": lambda p: in_folder(
        p,
        {
            **flat(),
            "metadata.jsonl": json_lines(
                [{"file_name": n, "label": d} for n, d in rows_of(DIGITS)]
            ),
        },
    ),
    "dataset.json": lambda p: in_folder(p, stylegan()),
    "zip": lambda p: in_zip(p.with_suffix(".zip"), sorted_by_class()),
    "zip of a folder": lambda p: in_zip(
        p.with_suffix(".zip"), {f"mine/{n}": c for n, c in sorted_by_class().items()}
    ),
    "zip with labels.csv": lambda p: in_zip(
        p.with_suffix(".ZIP"),
        {
            **{f"mine/{n}": c for n, c in flat().items()},
            "mine/labels.csv": table(["file", "labels"], rows_of(DIGITS)),
        },
    ),
    "StyleGAN's zip": lambda p: in_zip(p.with_suffix(".zip"), stylegan()),
    "tar": lambda p: in_tar(
        p.with_suffix(".tar"), {f"./{n}": c for n, c in sorted_by_class().items()}
    ),
    "WebDataset": lambda p: in_tar(p.with_suffix(".tar"), web_dataset()),
    "WebDataset's shards": webdataset_shards,
    "Parquet": lambda p: in_parquet(p.with_suffix(".parquet"), pictures(), DIGITS),
    "Parquet with names": lambda p: in_parquet(
        p.with_suffix(".parquet"), pictures(), pyarrow.array(map(str, DIGITS)).dictionary_encode()
    ),
    "Hugging Face's Parquet": hugging_face,
    "Parquet with a dictionary": lambda p: in_parquet(
        p.with_suffix(".parquet"), pyarrow.array(pictures()).dictionary_encode(), DIGITS
    ),
    "npz": lambda p: in_npz(p.with_suffix(".npz"), arr_0=pixels(), arr_1=np.array(DIGITS)),
    "npz with names": lambda p: in_npz(
        p.with_suffix(".npz"),
        save=np.savez_compressed,
        x=np.moveaxis(pixels(), 3, 1),
        y=np.array([[str(d)] for d in DIGITS]),
    ),
    "HDF5": lambda p: in_hdf5(p.with_suffix(".h5"), imgs=pixels(), labels=np.array(DIGITS)),
    "HDF5 in numbers": lambda p: in_hdf5(
        p.with_suffix(".hdf5"),
        images=pixels().astype(np.float32) / 255,
        labels=[str(d) for d in DIGITS],
    ),
}
UNLABELLED: dict[str, Callable[[Path], Path]] = {
    "zip": lambda p: in_zip(p.with_suffix(".zip"), {f"mine/{n}": c for n, c in flat().items()}),
    "StyleGAN's zip": lambda p: in_zip(
        p.with_suffix(".zip"), {**sorted_by_class(), "dataset.json": b'{"labels": null}'}
    ),
    "tar": lambda p: in_tar(p.with_suffix(".tar"), flat()),
    "npy": lambda p: (np.save(p.with_suffix(".npy"), pixels()), p.with_suffix(".npy"))[1],
    "npy in numbers": lambda p: (
        np.save(p.with_suffix(".npy"), pixels() / 127.5 - 1),
        p.with_suffix(".npy"),
    )[1],
    "one class": lambda p: in_npz(
        p.with_suffix(".npz"), images=pixels(), labels=np.zeros(COUNT, dtype=int)
    ),
}


def prepared(data: Path | str, cache: Path, **options: Any) -> Prepared:
    """What `--data` and further options give."""
    config = TrainConfig(**{"data": str(data), "data_dir": cache, "image_size": 16, **options})
    return load(config, load_registry())
