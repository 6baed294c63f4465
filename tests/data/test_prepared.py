"""The cache of prepared images."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.transforms as tv
from PIL import Image
from support import picture, prepare_slowly, prepared_folder, read_image

from gantool.data.batches import Batches
from gantool.data.pixels import fitted
from gantool.data.prepared import FORMAT, ImageSplit
from gantool.data.preparing import prepare
from gantool.data.readers.arrays import NumpyFile
from gantool.data.readers.folder import ImageFolder
from gantool.data.source import Source, UnreadableImageError
from gantool.errors import ConfigError


def test_images_of_given_splits_are_prepared_in_their_order(tmp_path: Path) -> None:
    source = Shades(tmp_path)
    data = prepare(source, "many", size=(8, 8), channels=1, cache=tmp_path / "cache")
    assert source.splits is not None
    shades = np.concatenate([split.values[:, 0, 0, 0] for split in data.splits.values()])
    numbers = [n for split in data.splits for n in source.splits[split].tolist() if n != 70]
    assert shades.tolist() == numbers


def test_preparation_is_the_tutorials(tmp_path: Path) -> None:
    image = read_image(picture(tmp_path / "a.png", size=(90, 61)))
    expected = tv.Compose(
        [tv.Resize(32), tv.CenterCrop(32), tv.ToTensor(), tv.Normalize((0.5,) * 3, (0.5,) * 3)]
    )(image)
    split = ImageSplit(np.stack([fitted(image, (32, 32), channels=3)] * 2), None)
    images, _ = next(Batches(split, 2, seed=0, device=torch.device("cpu")))
    torch.testing.assert_close(images[0].contiguous(), expected, atol=1e-6, rtol=0)


def test_a_very_long_image_does_not_blow_up(tmp_path: Path) -> None:
    assert fitted(Image.new("RGB", (60_000, 3)), (64, 64), channels=3).shape == (64, 64, 3)


def test_the_cache_is_used_and_follows_the_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(30):
        picture(tmp_path / "x" / f"{i}.png", seed=i)
    first = prepared_folder(tmp_path / "x", tmp_path / "c")
    with monkeypatch.context() as patch:
        patch.setattr(ImageFolder, "image", lambda self, number: pytest.fail("decoded again"))
        again = prepared_folder(tmp_path / "x", tmp_path / "c")
    assert again.fingerprint == first.fingerprint
    assert (again.train.images == first.train.images).all()
    picture(tmp_path / "x" / "7.png", size=(21, 16), seed=1000)
    assert prepared_folder(tmp_path / "x", tmp_path / "c").fingerprint != first.fingerprint


def test_arrays_of_one_shape_and_time_are_not_taken_for_each_other(tmp_path: Path) -> None:
    rng, found = np.random.default_rng(0), []
    for version in ("v1", "v2"):
        (tmp_path / version).mkdir()
        file = tmp_path / version / "x.npy"
        np.save(file, rng.integers(0, 256, (40, 8, 8, 1), dtype=np.uint8))
        os.utime(file, (0, 0))
        source = NumpyFile([file])
        found.append(prepare(source, "x", size=(8, 8), channels=1, cache=tmp_path / "cache"))
    assert found[0].fingerprint != found[1].fingerprint


def test_equal_content_elsewhere_has_the_same_fingerprint(tmp_path: Path) -> None:
    for i in range(30):
        for place in ("x", "y/x"):
            picture(tmp_path / place / f"{i}.png", seed=i)
    assert (
        prepared_folder(tmp_path / "x", tmp_path / "c").fingerprint
        == prepared_folder(tmp_path / "y/x", tmp_path / "d").fingerprint
    )


def test_fewer_images_train_and_all_the_others_judge(tmp_path: Path) -> None:
    for i in range(40):
        picture(tmp_path / "x" / "ab"[i % 2] / f"{i}.png", seed=i)
    data = prepared_folder(tmp_path / "x", tmp_path / "c")
    fewer = data.with_fewer(10)
    assert len(fewer.train) == len(np.unique(fewer.train.values, axis=0)) == 10
    for split in ("validation", "test"):
        assert fewer.splits[split] is data.splits[split]
    known = {
        image.tobytes(): label
        for image, label in zip(data.train.values, data.train.labels, strict=True)
    }
    for image, label in zip(fewer.train.values, fewer.train.labels, strict=True):
        assert known[image.tobytes()] == label
    assert (data.with_fewer(10).train.values == fewer.train.values).all()
    assert len({data.fingerprint, fewer.fingerprint, data.with_fewer(11).fingerprint}) == 3
    with pytest.raises(ConfigError, match="images to train on"):
        data.with_fewer(len(data.train) + 1)


def test_each_class_keeps_its_share_of_fewer_images(tmp_path: Path) -> None:
    labels = np.repeat(np.arange(4), (700, 200, 99, 1))
    split = ImageSplit(
        np.arange(1000, dtype=np.int64).astype(np.uint8).reshape(-1, 1, 1, 1), labels
    )
    picture(tmp_path / "x" / "a.png", seed=0)
    data = replace(prepared_folder(tmp_path / "x", tmp_path / "c"), splits={"train": split})
    for images in (4, 10, 37, 100, 500, 999, 1000):
        fewer = data.with_fewer(images).train
        assert len(fewer) == images
        assert fewer.labels is not None
        counts = np.bincount(fewer.labels, minlength=4)
        assert (np.abs(counts - np.bincount(labels) * images / 1000) < 1).all()


def test_a_cut_off_picture_with_a_palette_costs_itself_alone(tmp_path: Path) -> None:
    for i in range(20):
        picture(tmp_path / "x" / f"{i}.png", seed=i)
    for kind in ("png", "gif"):
        file = tmp_path / "x" / f"cut.{kind}"
        read_image(tmp_path / "x" / "0.png").resize((200, 200)).quantize(64).save(file)
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    data = prepared_folder(tmp_path / "x", tmp_path / "c")
    assert (data.unreadable, sum(map(len, data.splits.values()))) == (2, 20)


class Shades(Source):
    """Grey squares, made in the size that is asked for; a factor is the tens, another the ones."""

    factor_values: Mapping[str, int] = {"tens": 10, "ones": 10}

    def present(self) -> bool:
        return True

    def key(self) -> str:
        return f"shades {list(self.factor_values)}"

    def open(self) -> None:
        numbers = np.arange(100)
        self.splits = {"train": numbers[50:], "validation": numbers[:20], "test": numbers[20:50]}
        if self.factor_values:
            self.factors = np.stack([numbers // 10, numbers % 10], axis=1)
        self.made_of = self.size

    def image(self, number: int) -> Image.Image:
        if number == 70:
            raise UnreadableImageError("torn")
        return Image.new("L", self.size, number)


class Repeated(Shades):
    """Squares of ten greys, in every split: test images are in training, and equal each other."""

    factor_values: Mapping[str, int] = {}

    def key(self) -> str:
        return "repeated"

    def image(self, number: int) -> Image.Image:
        return Image.new("L", self.size, {30: 200, 31: 201, 41: 201}.get(number, number % 10))


def test_unique_test_images_of_given_splits_are_not_in_training(tmp_path: Path) -> None:
    source = Repeated(tmp_path)
    data = prepare(source, "x", size=(8, 8), channels=1, cache=tmp_path, unique_test=True)
    shades = {name: split.values[:, 0, 0, 0].tolist() for name, split in data.splits.items()}
    assert shades["test"] == [200, 201]
    assert shades["train"] == [n % 10 for n in range(50, 100)]


class MereShades(Shades):
    factor_values: Mapping[str, int] = {}


def test_factors_are_kept_beside_their_images(tmp_path: Path) -> None:
    source = Shades(tmp_path)
    for _ in range(2):  # made, then found
        data = prepare(source, "shades", size=(9, 9), channels=1, cache=tmp_path)
        assert data.factor_values == {"tens": 10, "ones": 10}
        assert [len(split) for split in data.splits.values()] == [49, 20, 30]
        for split in data.splits.values():
            assert split.factors is not None
            assert (split.factors @ [10, 1] == split.images[:, 4, 4, 0]).all()
    assert source.made_of == (9, 9)
    plain = prepare(MereShades(tmp_path), "shades", size=(9, 9), channels=1, cache=tmp_path)
    assert (plain.factor_values, plain.train.factors) == ({}, None)
    assert plain.fingerprint == data.fingerprint  # it says what training sees


def test_an_interrupted_preparation_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    for i in range(30):
        picture(tmp_path / "x" / f"{i}.png", seed=i)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(
            ImageFolder(tmp_path / "x"),
            "x",
            size=(16, 16),
            channels=3,
            cache=tmp_path / "c",
            progress=interrupt,
        )
    assert not [p for p in (tmp_path / "c" / "prepared").glob("[!.]*") if p.suffix != ".lock"]
    whole = prepared_folder(tmp_path / "x", tmp_path / "c", channels=3)
    (folder,) = (p for p in (tmp_path / "c" / "prepared").iterdir() if p.is_dir())
    assert not folder.name.startswith(".")
    (folder / "images.u8").write_bytes(b"cut off")
    assert (
        prepared_folder(tmp_path / "x", tmp_path / "c", channels=3).fingerprint == whole.fingerprint
    )


def test_two_processes_at_once_do_the_work_once(tmp_path: Path) -> None:
    for i in range(40):
        picture(tmp_path / "x" / f"{i}.png", seed=i)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    arguments = (str(tmp_path / "x"), str(tmp_path / "c"), queue)
    processes = [context.Process(target=prepare_slowly, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    results = [queue.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert results[0][0] == results[1][0]
    assert sorted(decoded for _, decoded in results) == [0, 40]


def test_memory_mapped_images_do_not_take_memory(tmp_path: Path) -> None:
    """200,000 images of 64 x 64 x 3 would be 2.4 GB in memory.

    Reading batches must stay far below.
    """
    import subprocess
    import sys

    n, shape = 200_000, (64, 64, 3)
    folder = tmp_path / "big"
    folder.mkdir()
    with (folder / "images.u8").open("wb") as file:
        file.truncate(n * int(np.prod(shape)))  # a sparse file: no room on disk
    about = {
        **{
            "format": FORMAT,
            "image_size": 64,
            "channels": 3,
            "splits": {"train": n, "validation": 0, "test": 0},
        },
        **{"classes": [], "unreadable": 0, "notes": [], "fingerprint": "x"},
        **{"factor_values": {}, "duplicates": [0, 0]},
    }
    (folder / "about.json").write_text(json.dumps(about))
    script = f"""
import re, torch
from pathlib import Path
from gantool.data.batches import Batches
from gantool.data.pixels import fitted
from gantool.data.prepared import open_prepared
def anonymous():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"RssAnon:\\s+(\\d+)", status).group(1)) / 1024
before = anonymous()
batches = Batches(open_prepared(Path({str(folder)!r}), "big").train, 128, 0, torch.device("cpu"))
for _ in range(300):
    next(batches)
print(anonymous() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 300
