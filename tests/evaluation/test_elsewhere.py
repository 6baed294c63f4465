"""Reading samples that another program drew."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gantool.config import TrainConfig
from gantool.data.load import load
from gantool.data.prepared import Prepared
from gantool.errors import ConfigError
from gantool.evaluation.elsewhere import Elsewhere, read_samples
from gantool.plugins.registry import load_registry

N = 120


def data_of(name: str | Path, **options: Any) -> tuple[Prepared, TrainConfig]:
    config = TrainConfig(data=str(name), **options)
    return load(config, load_registry()), config


def read(path: Path, data: tuple[Prepared, TrainConfig], *, resize: bool = False) -> Elsewhere:
    prepared, config = data
    return read_samples(path, prepared, config=config, resize=resize, registry=load_registry())


def images(shape: tuple[int, ...] = (N, 28, 28), seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def ordered(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    flat = pixels.reshape(len(pixels), -1)
    return flat[np.lexsort(flat.T)]


def as_folder(place: Path, pixels: np.ndarray[Any, Any], **save: Any) -> Path:
    place.mkdir()
    for i, one in enumerate(pixels):
        Image.fromarray(one).save(place / f"{i:04d}.png", **save)
    return place


@pytest.fixture(scope="module")
def digits() -> tuple[Prepared, TrainConfig]:
    return data_of("mnist5k")


def test_the_same_samples_are_the_same_however_they_are_kept(
    tmp_path: Path, digits: tuple[Prepared, TrainConfig]
) -> None:
    pixels = images()
    folder = as_folder(tmp_path / "folder", pixels[::-1])
    np.savez(tmp_path / "s.npz", pixels)
    np.save(tmp_path / "s.npy", (pixels.astype(np.float32) / 127.5 - 1)[..., None])
    color = as_folder(tmp_path / "color", np.repeat(pixels[..., None], 3, axis=3))
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    found = [
        read(path, digits)
        for path in (folder, tmp_path / "s.npz", tmp_path / "s.npy", tmp_path / "s.zip", color)
    ]
    first = found[0]
    assert first.values.shape == (N, 28, 28, 1) and first.values.dtype == np.uint8
    assert (ordered(first.values) == ordered(pixels)).all()
    for other in found:
        assert (other.values == first.values).all()
        assert other.origin.sha256 == first.origin.sha256
    np.savez(tmp_path / "t.npz", images(seed=1))
    assert read(tmp_path / "t.npz", digits).origin.sha256 != first.origin.sha256


def test_of_many_some_are_chosen_and_not_the_first_ones(tmp_path: Path) -> None:
    pixels = images((400, 28, 28))
    pixels[:, 0, 0] = np.arange(400) // 2
    np.savez(tmp_path / "s.npz", pixels)
    found = read(tmp_path / "s.npz", data_of("mnist5k", evaluation_samples=150))
    assert (found.origin.samples, found.origin.scored) == (400, 150)
    assert len(np.unique(ordered(found.values), axis=0)) == 150
    places = found.values[:, 0, 0, 0]
    assert 85 < places.mean() < 115  # 100 but for chance


def test_what_does_not_fit_is_refused_with_a_remedy(
    tmp_path: Path, digits: tuple[Prepared, TrainConfig]
) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(ConfigError) as caught:
            read(path, digits)
        return str(caught.value)

    np.savez(tmp_path / "few.npz", images((99, 28, 28)))
    assert "holds 99 images" in refused(tmp_path / "few.npz")
    np.savez(tmp_path / "large.npz", images((N, 32, 30)))
    said = refused(tmp_path / "large.npz")
    assert "of 32x30; those of mnist5k are 28x28" in said and "--resize" in said
    np.savez(tmp_path / "color.npz", images((N, 28, 28, 3)))
    said = refused(tmp_path / "color.npz")
    assert f"{N} images have colors" in said and "--channels 3" in said
    np.save(tmp_path / "range.npy", images().astype(np.float32) - 1000)
    assert "black and white are not clear" in refused(tmp_path / "range.npy")
    assert "there is no such folder or file" in refused(tmp_path / "nothing")
    (tmp_path / "text.txt").write_text("x")
    said = refused(tmp_path / "text.txt")
    assert "--samples" in said and "--data" not in said
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    assert "is a run" in refused(tmp_path / "run")


def test_images_are_resized_as_the_data_is_when_that_is_asked_for(
    tmp_path: Path, digits: tuple[Prepared, TrainConfig]
) -> None:
    np.savez(tmp_path / "s.npz", np.repeat(np.repeat(images((N, 14, 14)), 4, axis=1), 4, axis=2))
    found = read(tmp_path / "s.npz", digits, resize=True)
    assert found.values.shape == (N, 28, 28, 1)
    assert found.origin.resized == ["56x56"]
    assert any("were resized to 28x28" in note for note in found.notes)


def test_labels_are_those_of_the_data_by_name_or_number(
    tmp_path: Path, picture_folder: Path
) -> None:
    data = data_of(picture_folder, image_size=16)
    assert data[0].classes == ("cats", "dogs")
    pixels = images((N, 16, 16, 3))
    asked = np.arange(N) % 2
    pixels[:, 0, 0, 0] = 250 * asked
    for labels, known in (
        (asked, True),
        (np.array(["cats", "dogs"])[asked], True),
        (np.array(["apes", "dogs"])[asked], False),
        (asked + 1, False),
    ):
        np.savez(tmp_path / "s.npz", images=pixels, labels=labels)
        found = read(tmp_path / "s.npz", data)
        assert found.origin.labels == (found.labels is not None) == known
        if found.labels is None:
            assert "are no classes of" in found.notes[0]
        else:
            assert (found.values[:, 0, 0, 0] == 250 * found.labels).all()
    np.savez(tmp_path / "s.npz", images=pixels)
    assert "has no labels" in read(tmp_path / "s.npz", data).notes[0]


def test_points_are_read_from_arrays_and_tables(tmp_path: Path) -> None:
    data = data_of("ring")
    assert data[0].truth is not None
    points, chosen = data[0].truth.sample(N, np.random.default_rng(0))
    points = points.astype(np.float32)
    np.savez(tmp_path / "s.npz", points=points, labels=chosen)
    np.save(tmp_path / "s.npy", points[::-1])
    rows = "\n".join(f"{x!r},{y!r}" for x, y in points.tolist())
    (tmp_path / "s.csv").write_text(f"x,y\n{rows}\n")
    labeled = read(tmp_path / "s.npz", data)
    array, table = (read(tmp_path / f"s.{suffix}", data) for suffix in ("npy", "csv"))
    assert array.values.dtype == np.float32 and (array.values == table.values).all()
    assert (np.diff(array.values[:, 0]) < 0).any()  # in random order
    assert array.origin.sha256 == table.origin.sha256 != labeled.origin.sha256
    assert labeled.labels is not None and array.labels is None
    assert (data[0].truth.nearest(labeled.values)[0] == labeled.labels).all()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("s.csv", "1,2,3\n" * 200, "points are numbers [N, 2]"),
        ("s.csv", "1,nan\n" * 200, "200 points are not finite"),
        ("s.csv", "a,b\nc,d\n", "cannot be read"),
        ("s.csv", "1,2\n" * 20, "holds 20 points"),
        ("s.png", "1,2\n", "no file of points"),
    ],
)
def test_what_is_no_points_is_refused(tmp_path: Path, name: str, content: str, reason: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=re.escape(reason)):
        read(tmp_path / name, data_of("ring"))
