"""Folders of pictures of every kind."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support import picture, prepared_folder, read_image

from gantool.data.pixels import fitted
from gantool.data.preparing import data_folder
from gantool.data.readers.folder import ImageFolder
from gantool.data.source import UnreadableImageError
from gantool.errors import ConfigError


def test_kinds_of_files(tmp_path: Path) -> None:
    for name in (
        "a.jpg",
        "a.jpeg",
        "a.png",
        "a.webp",
        "a.bmp",
        "a.gif",
        "a.tif",
        "a.tiff",
        "B.PNG",
    ):
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


def test_transparency_is_kept_until_an_image_is_fitted(tmp_path: Path) -> None:
    pixels = np.zeros((1, 3, 4), dtype=np.uint8)
    pixels[0, :, 3] = (0, 255, 51)  # clear, opaque and one fifth opaque black
    Image.fromarray(pixels, "RGBA").save(tmp_path / "a.png")
    Image.fromarray(pixels[:, :, [0, 3]].copy(), "LA").save(tmp_path / "b.png")
    for name in ("a.png", "b.png"):
        image = read_image(tmp_path / name)
        assert image.mode == "RGBA"
        for channels in (1, 3):
            on_white = fitted(image, (1, 3), channels=channels)
            assert on_white[0, :, 0].tolist() == [255, 0, 204]


def test_palettes_and_their_transparent_entry(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    image.save(tmp_path / "a.png")
    assert np.asarray(read_image(tmp_path / "a.png")).tolist() == [[[255, 0, 0], [0, 0, 255]]]
    image.save(tmp_path / "b.png", transparency=1)
    on_white = fitted(read_image(tmp_path / "b.png"), (1, 2), channels=3)
    assert on_white.tolist() == [[[255, 0, 0], [255, 255, 255]]]


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
@settings(max_examples=300)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_a_mutated_file_is_read_or_unreadable_and_nothing_else(position: int, byte: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        exif = Image.Exif()
        exif[0x0112] = 6
        path = picture(Path(folder) / ("a.jpg" if byte % 2 else "a.png"), exif=exif)
        content = bytearray(path.read_bytes())
        content[position % len(content)] = byte
        path.write_bytes(content)
        with contextlib.suppress(UnreadableImageError):
            assert read_image(path).mode in ("L", "RGB", "RGBA")


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), color=color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert np.asarray(read_image(tmp_path / "a.gif"))[0, 0].tolist() == [255, 0, 0]


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "a.png", size=(100, 100))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(UnreadableImageError, match="decompression bomb"):
        read_image(tmp_path / "a.png")


def test_sub_folders_are_classes_and_a_flat_folder_is_unlabelled(tmp_path: Path) -> None:
    for i in range(40):
        picture(tmp_path / "two" / ("a" if i < 30 else "b") / "deep" / f"{i}.png", seed=i)
        picture(tmp_path / "flat" / f"{i}.png", seed=i)
    labelled = prepared_folder(tmp_path / "two", tmp_path / "cache")
    assert labelled.classes == ("a", "b")
    assert sum(np.bincount(s.labels, minlength=2) for s in labelled.splits.values()).tolist() == [
        30,
        10,
    ]
    flat = prepared_folder(tmp_path / "flat", tmp_path / "cache")
    assert flat.classes == ()
    assert flat.train.labels is None


def test_loose_images_beside_classes_make_a_note(tmp_path: Path) -> None:
    for i in range(20):
        picture(tmp_path / "x" / ("c" if i else ".") / f"{i}.png", seed=i)
    data = prepared_folder(tmp_path / "x", tmp_path / "cache")
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
    data = prepared_folder(folder, tmp_path / "cache")
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
            assert any(
                (fitted(read_image(f), (16, 16), channels=3) == pixels).all() for f in candidates
            )


def test_a_folder_with_nothing_readable_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(ConfigError, match="holds no images"):
        prepared_folder(tmp_path / "x", tmp_path / "cache")
    (tmp_path / "x" / "a.png").write_bytes(b"no")
    with pytest.raises(ConfigError, match="no image to train on is left"):
        prepared_folder(tmp_path / "x", tmp_path / "cache")
    assert not list((tmp_path / "cache" / "prepared").glob("x-*/"))


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    for i in range(30):
        picture(tmp_path / "x" / "a" / f"{i}.png", seed=i)
    (tmp_path / "x" / "a" / "again").symlink_to(tmp_path / "x")
    assert (
        sum(len(s) for s in prepared_folder(tmp_path / "x", tmp_path / "c").splits.values()) == 30
    )


def test_gray_where_every_image_is_unless_asked_otherwise(tmp_path: Path) -> None:
    for i in range(30):
        picture(tmp_path / "grey" / f"{i}.png", mode="L", seed=i)
    assert prepared_folder(tmp_path / "grey", tmp_path / "c").channels == 1
    assert prepared_folder(tmp_path / "grey", tmp_path / "c", channels=3).channels == 3
    picture(tmp_path / "grey" / "colour.png")
    assert prepared_folder(tmp_path / "grey", tmp_path / "c").channels == 3


def test_the_home_folder_is_understood(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder(Path("~/images")) == tmp_path / "images"
    monkeypatch.setenv("GANTOOL_DATA_DIR", "~/other")
    assert data_folder(None) == tmp_path / "other"
