"""Pictures of one's own: ordered and split by content, in parts that outlive a stop."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import picture, prepared_folder, read_image

from gantool.data import parts, preparing
from gantool.data.parts import digest_of
from gantool.data.pixels import fitted
from gantool.data.prepared import Duplicates, Prepared, Split
from gantool.data.preparing import prepare
from gantool.data.readers.folder import ImageFolder
from gantool.errors import ConfigError, GantoolError


def pictures(folder: Path, count: int = 60, **how: Any) -> None:
    for i in range(count):
        picture(folder / f"{i}.png", seed=i, **how)


def everything(data: Prepared) -> np.ndarray[Any, Any]:
    return np.concatenate([split.values for split in data.splits.values()])


def folders(cache: Path) -> list[str]:
    return [p.name for p in (cache / "prepared").iterdir() if p.suffix != ".lock"]


def test_each_image_goes_where_the_hash_of_its_pixels_says(tmp_path: Path) -> None:
    pictures(tmp_path / "x", 80)
    data = prepared_folder(tmp_path / "x", tmp_path / "c", channels=3)
    expected: dict[str, list[tuple[bytes, bytes]]] = {"train": [], "validation": [], "test": []}
    for file in (tmp_path / "x").iterdir():
        pixels = fitted(read_image(file), (16, 16), channels=3).tobytes()
        digest = hashlib.sha256(pixels).digest()
        draw = int.from_bytes(digest[:4], "big") % 100
        split = "train" if draw < 90 else "validation" if draw < 95 else "test"
        expected[split].append((digest, pixels))
    for name, split in data.splits.items():
        assert [x.tobytes() for x in split.values] == [p for _, p in sorted(expected[name])]


def test_names_and_folders_do_not_matter_and_labels_follow(tmp_path: Path) -> None:
    for i in range(60):
        picture(tmp_path / "x" / f"class{i % 2}" / f"{i}.png", seed=i)
        picture(tmp_path / "y" / f"class{i % 2}" / "deeper" / f"{97 * i % 61}.bmp", seed=i)
        picture(tmp_path / "z" / f"class{(i + 1) % 2}" / f"{i}.png", seed=i)
    x, y, z = (prepared_folder(tmp_path / n, tmp_path / "c", channels=3) for n in "xyz")
    assert x.fingerprint == y.fingerprint != z.fingerprint
    assert (everything(x) == everything(z)).all()
    assert x.train.labels is not None
    assert z.train.labels is not None
    assert (x.train.labels + z.train.labels == 1).all()


def test_equal_images_share_a_split_are_counted_and_listed(tmp_path: Path) -> None:
    pictures(tmp_path / "x", 60)
    tested = prepared_folder(tmp_path / "x", tmp_path / "c", channels=3).splits["test"].values[0]
    for i in range(3):
        Image.fromarray(tested).save(tmp_path / "x" / f"copy{i}.png")
        picture(tmp_path / "x" / f"again{i}.png", seed=30 + i)
    # as large as it is prepared, so that its pixels stay what they are
    data = prepared_folder(tmp_path / "x", tmp_path / "c", channels=3)
    assert data.duplicates == Duplicates(groups=4, images=4 + 6)
    (note,) = data.notes
    assert "10 images are in 4 groups of equal ones" in note
    assert data.folder is not None
    groups = json.loads((data.folder / "duplicates.json").read_text())
    assert ["30.png", "again0.png"] in groups
    assert any(group[-3:] == ["copy0.png", "copy1.png", "copy2.png"] for group in groups)
    unique = prepare(
        ImageFolder(tmp_path / "x"),
        "x",
        size=(16, 16),
        channels=3,
        cache=tmp_path / "c",
        unique_test=True,
    )
    digests = [digest_of(image) for image in unique.splits["test"].values]
    assert len(digests) == len(set(digests))
    assert {digest_of(image) for image in data.splits["test"].values} == set(digests)
    assert (unique.train.values == data.train.values).all()


def test_gray_pictures_are_the_same_data_however_they_are_kept(tmp_path: Path) -> None:
    for i in range(40):
        file = picture(tmp_path / "x" / f"{i}.png", mode="L", seed=i)
        (tmp_path / "y").mkdir(exist_ok=True)
        Image.open(file).convert("RGB").save(tmp_path / "y" / f"{i}.png")
        palette = Image.open(file).convert("P")
        palette.putpalette([value for gray in range(256) for value in (gray, gray, gray)])
        (tmp_path / "z").mkdir(exist_ok=True)
        palette.save(tmp_path / "z" / f"{i}.png")
    gray = prepared_folder(tmp_path / "x", tmp_path / "c")
    for other in (
        prepared_folder(tmp_path / "x", tmp_path / "c", channels=1),
        prepared_folder(tmp_path / "y", tmp_path / "c", channels=1),
        prepared_folder(tmp_path / "z", tmp_path / "c"),
    ):
        assert other.channels == 1
        assert other.fingerprint == gray.fingerprint
    colored = prepared_folder(tmp_path / "x", tmp_path / "c", channels=3)
    assert (everything(colored) == everything(gray)).all()


def test_processes_prepare_what_threads_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(tmp_path / "x", 40)
    (tmp_path / "x" / "torn.png").write_bytes(b"torn")
    monkeypatch.setattr("loky.cpu_count", lambda: 2)
    alone = prepared_folder(tmp_path / "x", tmp_path / "c")
    monkeypatch.setattr(parts, "_MANY", 1)
    apart = prepared_folder(tmp_path / "x", tmp_path / "d")
    assert apart.fingerprint == alone.fingerprint
    assert apart.notes == alone.notes
    assert apart.unreadable == 1


def test_a_stopped_preparation_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(tmp_path / "x", 80)
    whole = prepared_folder(tmp_path / "x", tmp_path / "c")
    read: list[int] = []
    image = ImageFolder.image

    def counted(self: ImageFolder, number: int) -> Image.Image:
        read.append(number)
        return image(self, number)

    def stop(done: int, total: int) -> None:
        if done >= 32:
            raise KeyboardInterrupt

    monkeypatch.setattr(ImageFolder, "image", counted)
    source = ImageFolder(tmp_path / "x")
    with pytest.raises(KeyboardInterrupt):
        prepare(source, "x", size=(16, 16), channels=None, cache=tmp_path / "d", progress=stop)
    (place,) = (tmp_path / "d" / "prepared").glob(".*-parts")
    made = {file.stem for file in place.glob("*.npz")}
    assert len(made) >= 2
    first_part = place / f"{min(made)}.u8"
    first_part.write_bytes(first_part.read_bytes()[:-1])  # torn by the stop: it is made again
    read.clear()
    again = prepared_folder(tmp_path / "x", tmp_path / "d")
    assert again.fingerprint == whole.fingerprint
    assert len(read) == 80 - 16 * (len(made) - 1)
    assert not folders(tmp_path / "d")[1:]


def test_a_folder_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    pictures(tmp_path / "x", 40)

    def change(done: int, total: int) -> None:
        picture(tmp_path / "x" / "new.png", seed=99)

    with pytest.raises(ConfigError, match="x changed while it was read"):
        prepare(
            ImageFolder(tmp_path / "x"),
            "x",
            size=(16, 16),
            channels=3,
            cache=tmp_path / "c",
            progress=change,
        )
    assert folders(tmp_path / "c") == []


def test_without_room_on_the_disk_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(tmp_path / "x", 40)
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(preparing.shutil, "disk_usage", lambda place: usage)
    with pytest.raises(GantoolError, match="are free") as raised:
        prepared_folder(tmp_path / "x", tmp_path / "c")
    assert "--data-dir" in str(raised.value)
    assert folders(tmp_path / "c") == []


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(tmp_path / "x", 40)

    def full(self: Any, file: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parts.Originals, "save", full)
    with pytest.raises(GantoolError, match="No space left on device"):
        prepared_folder(tmp_path / "x", tmp_path / "c")
    assert folders(tmp_path / "c") == []


def test_a_large_photograph_is_decoded_to_fewer_pixels(tmp_path: Path) -> None:
    """The decoder's own reduction stays within rounding of the whole picture's."""
    y, x = np.mgrid[0:600, 0:800]
    smooth = np.stack([x / 800, y / 600, (x + y) / 1400], axis=2)
    photograph = Image.fromarray((255 * smooth).astype(np.uint8))
    (tmp_path / "x").mkdir()
    for i in range(20):
        photograph.rotate(i).save(tmp_path / "x" / f"{i}.jpg", quality=95)
    data = prepared_folder(tmp_path / "x", tmp_path / "c")
    whole = [fitted(read_image(f), (16, 16), channels=3) for f in (tmp_path / "x").iterdir()]
    for image in everything(data).astype(float):
        assert min(np.abs(image - other).mean() for other in whole) < 1
    source = ImageFolder(tmp_path / "x")
    source.size = (16, 16)
    source.open()
    with source.image(0) as opened:
        from gantool.data.pixels import decode

        assert decode(opened, least=(32, 32)).size == (100, 75)


@pytest.mark.slow
def test_a_preparation_that_was_killed_goes_on(tmp_path: Path) -> None:
    """Killed with its processes at work, by a signal that none can see."""
    pictures(tmp_path / "x", 3_000)
    script = f"""
from pathlib import Path
from gantool.data.preparing import prepare
from gantool.data.readers.folder import ImageFolder
prepare(ImageFolder(Path({str(tmp_path / "x")!r})), "x", size=(16, 16), channels=3,
        cache=Path({str(tmp_path / "d")!r}))
"""
    process = subprocess.Popen([sys.executable, "-c", script])
    made: list[Path] = []
    while len(made) < 4 and process.poll() is None:
        made = list((tmp_path / "d" / "prepared").glob(".*-parts/*.npz"))
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    whole = prepared_folder(tmp_path / "x", tmp_path / "c", channels=3)
    done: list[int] = []
    again = prepare(
        ImageFolder(tmp_path / "x"),
        "x",
        size=(16, 16),
        channels=3,
        cache=tmp_path / "d",
        progress=lambda now, total: done.append(now),
    )
    assert again.fingerprint == whole.fingerprint
    assert len(made) >= 4
    assert min(done) > 46 * len(made)  # what was there is not made again
    assert [name for name in folders(tmp_path / "d") if name.startswith(".")] == []


def test_another_split_has_the_same_images_and_its_own_test(tmp_path: Path) -> None:
    for i in range(60):
        picture(tmp_path / "x" / "ab"[i % 2] / f"{i}.png", size=(16, 16), seed=i)
    source, cache = ImageFolder(tmp_path / "x"), tmp_path / "c"

    own, other, again = (
        prepare(source, "x", size=(16, 16), channels=3, cache=cache, split_seed=seed)
        for seed in (None, 3, 3)
    )

    def content(split: Split) -> set[tuple[bytes, int]]:
        assert split.labels is not None
        return {(v.tobytes(), y) for v, y in zip(split.values, split.labels.tolist(), strict=True)}

    assert set().union(*map(content, own.splits.values())) == set().union(
        *map(content, other.splits.values())
    )
    assert {name: len(split) for name, split in own.splits.items()} == {
        name: len(split) for name, split in other.splits.items()
    }
    assert content(own.splits["test"]) != content(other.splits["test"])
    assert content(other.splits["test"]) == content(again.splits["test"])
    assert own.fingerprint == other.fingerprint
    assert other.describe()["split_seed"] == 3
    assert "split_seed" not in own.describe()


def test_no_picture_judges_twice_in_another_split_either(tmp_path: Path) -> None:
    for i in range(80):
        picture(tmp_path / "x" / f"{i}.png", size=(16, 16), seed=i // 2)

    def digests_of(*, unique: bool) -> list[bytes]:
        data = prepare(
            ImageFolder(tmp_path / "x"),
            "x",
            size=(16, 16),
            channels=3,
            cache=tmp_path / "c",
            unique_test=unique,
            split_seed=1,
        )
        return [digest_of(image) for image in data.splits["test"].values]

    twice, once = digests_of(unique=False), digests_of(unique=True)
    assert len(twice) == 2 * len(set(twice)) > 0
    assert len(once) == len(set(once)) > 0
