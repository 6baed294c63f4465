"""Pictures looked at: every figure against its closed form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support import picture, prepared_folder

from gantool.config import Fit
from gantool.data.inspection import near
from gantool.data.inspection.advice import advice
from gantool.data.inspection.findings import Inspection, inspect, look_at, lost
from gantool.data.inspection.near import difference_hash


def plain(file: Path, color: Any, size: tuple[int, int] = (16, 16), mode: str = "RGB") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(file)


def look(folder: Path, fit: Fit = "crop", channels: int | None = None) -> Inspection:
    return inspect(
        prepared_folder(folder, folder.parent / "c", fit=fit, channels=channels), fit=fit
    )


@given(
    *(st.integers(1, 2000) for _ in range(2)),
    *(st.integers(8, 64) for _ in range(2)),
)
def test_the_crop_loses_what_the_proportions_say(h: int, w: int, height: int, width: int) -> None:
    """The largest rectangle of the wanted proportions inside the picture is what is kept."""
    scale = min(h / height, w / width)
    kept = scale * height * scale * width / (h * w)
    found = lost(np.array([[h, w]], dtype=np.int32), (height, width))
    assert found[0] == pytest.approx(1 - kept, abs=1e-9)


def test_sizes_shapes_and_crops(tmp_path: Path) -> None:
    for i in range(40):
        picture(tmp_path / "x" / f"square{i}.png", (32, 32), seed=i)
    for i in range(30):
        picture(tmp_path / "x" / f"wide{i}.png", (64, 32), seed=100 + i)
    for i in range(10):
        picture(tmp_path / "x" / f"narrow{i}.png", (8, 20), seed=200 + i)
    found = look(tmp_path / "x").document
    assert found["images"] == 80
    assert found["shapes"] == {
        **{"taller than 2:3": 10, "upright": 0, "square": 40, "lying": 0, "wider than 3:2": 30}
    }
    sizes = found["sizes"]
    assert sizes["different"] == 3
    assert sizes["height"] == {"least": 20, "median": 32, "greatest": 32}
    assert sizes["width"] == {"least": 8, "median": 32, "greatest": 64}
    assert sizes["frequent"][1] == {"height": 32, "width": 64, "images": 30}
    assert sizes["upscaled"] == 10
    assert sizes["times_as_large"] == 2
    cut = found["cut_off"]
    assert cut["more_than_a_third"] == 40
    assert cut["greatest"] == 0.6
    assert cut["mean"] == pytest.approx((30 * 0.5 + 10 * 0.6) / 80)
    assert sum(cut["histogram"]) == 80
    assert cut["histogram"][0] == 40
    assert any("wider than 3:2; --fit pad" in words for words in found["advice"])
    padded = look(tmp_path / "x", fit="pad").document
    assert not any("--fit pad" in words for words in padded["advice"])
    assert padded["sizes"]["upscaled"] == 0


def test_brightness_and_color(tmp_path: Path) -> None:
    checks = np.indices((16, 16)).sum(0) % 2 * 255
    Image.fromarray(checks.astype(np.uint8)).convert("RGB").save(
        (tmp_path / "x" / "a.png").parent.mkdir() or tmp_path / "x" / "a.png"
    )
    plain(tmp_path / "x" / "red.png", "red")
    plain(tmp_path / "x" / "white.png", "white")
    plain(tmp_path / "x" / "black.png", "black")
    found = look(tmp_path / "x", channels=3)
    light = found.document["brightness"]
    assert light["mean"] == pytest.approx((0.5 + 0.299 + 1 + 0) / 4, abs=1e-4)
    assert light["contrast"] == pytest.approx(0.5 / 4, abs=1e-4)
    assert (light["nearly_black"], light["nearly_white"], light["one_tone"]) == (1, 1, 3)
    assert found.document["nearly_gray"] == 3
    assert found.mean[0, 0].tolist() == [128, 64, 64]  # a checkerboard's black field, red and white
    assert found.mean[0, 1].tolist() == [191, 128, 128]


def test_classes_modes_and_transparency(tmp_path: Path) -> None:
    for i in range(60):
        picture(tmp_path / "x" / "many" / f"{i}.png", seed=i)
    for i in range(20):
        picture(tmp_path / "x" / "few" / f"{i}.png", mode="RGBA", seed=100 + i)
    plain(tmp_path / "x" / "few" / "opaque.png", (1, 2, 3, 255), mode="RGBA")
    (tmp_path / "x" / "few" / "torn.png").write_bytes(b"torn")
    found = look(tmp_path / "x").document
    few, many = found["classes"]
    assert (few["name"], few["images"], many["name"], many["images"]) == ("few", 21, "many", 60)
    assert many["share"] == round(60 / 81, 4)
    for split, count in found["splits"].items():
        assert few[split] + many[split] == count
    assert found["modes"] == {"RGB": 60, "RGBA": 21}
    assert found["clear"] == 20
    assert [entry["name"] for entry in found["unreadable"]] == ["few/torn.png"]
    assert found["unreadable"][0]["reason"]
    words = " ".join(found["advice"])
    assert "20 pictures are transparent in places" in words
    assert "--labels uniform" in words
    assert "1 class has fewer than 50" in words
    assert "--channels 4" not in " ".join(look(tmp_path / "x", channels=4).document["advice"])


def smooth(seed: int) -> Image.Image:
    """A picture of large soft shapes, as photographs are and noise is not."""
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC)


def test_equal_and_nearly_equal_pictures(tmp_path: Path) -> None:
    for i in range(60):
        for name in ("a", "b"):
            (tmp_path / "x" / name).mkdir(parents=True, exist_ok=True)
        smooth(i).save(tmp_path / "x" / "ab"[i % 2] / f"{i}.png")
    smooth(0).save(tmp_path / "x" / "b" / "same.png")
    smooth(1).save(tmp_path / "x" / "b" / "twin.bmp")
    smooth(2).save(tmp_path / "x" / "a" / "again.jpg", quality=60)
    smooth(3).resize((40, 40), Image.Resampling.BILINEAR).save(tmp_path / "x" / "a" / "small.png")
    tinted = np.asarray(smooth(4)) // 2 + np.array([60, 0, 0], dtype=np.uint8)
    Image.fromarray(tinted).save(tmp_path / "x" / "a" / "tinted.png")  # of one hash, but another
    found = look(tmp_path / "x")
    equal, close = found.document["equal"], found.document["near"]
    assert (equal["images"], equal["groups"], equal["across_splits"]) == (4, 2, 0)
    assert equal["with_different_classes"] == 1
    assert [entry["names"] for entry in equal["listed"]] == [
        *(["a/0.png", "b/same.png"], ["b/1.png", "b/twin.bmp"])
    ]
    assert {frozenset(entry["names"]) for entry in close["listed"]} == {
        *(frozenset({"a/2.png", "a/again.jpg"}), frozenset({"b/3.png", "a/small.png"}))
    }
    assert close["pairs"] == 2
    assert [pair.shape for pair in found.pairs] == [(2, 16, 16, 3)] * 2
    assert [name for name, _ in found.grids] == ["a", "b"]


def test_the_comparisons_grow_with_the_number_and_not_its_square() -> None:
    """All in one bucket: 5,000 equal hashes are compared with a few neighbors each."""
    pairs = near._candidates(np.zeros(5_000, dtype=np.uint64))
    assert near.COMPARED == 128
    assert len(pairs) <= 5_000 * near.COMPARED // 2
    counts = np.bincount(pairs.ravel())
    assert counts.max() <= near.COMPARED


def test_candidates_differ_in_few_bits_and_are_found() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 1 << 63, 2_000, dtype=np.uint64)
    hashes[1_000:] = hashes[:1_000] ^ np.uint64(1 << 40)  # each has a neighbor of one other bit
    assert near._candidates(hashes).tolist() == [[i, 1_000 + i] for i in range(1_000)]


def test_the_hash_says_where_it_grows_darker() -> None:
    assert difference_hash(np.zeros((16, 16), np.uint8)) == 0
    left_to_right = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    assert {difference_hash(image) for image in (left_to_right, left_to_right[:, ::-1])} == {
        *(np.uint64(0), np.uint64(2**64 - 1))
    }


def test_without_the_library_near_duplicates_are_not_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "imagehash", None)
    for i in range(30):
        picture(tmp_path / "x" / f"{i}.png", seed=i)
    assert look(tmp_path / "x").document["near"] is None


def test_it_reads_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(60):
        picture(tmp_path / "x" / f"{i}.png", seed=i)
    data = prepared_folder(tmp_path / "x", tmp_path / "c", channels=3)
    whole = look_at(data)
    monkeypatch.setattr("gantool.data.inspection.findings._CHUNK_BYTES", 16 * 16 * 12 * 7)
    told: list[tuple[int, int]] = []
    pieces = look_at(data, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (60, 60)
    assert len(told) > 7
    assert (pieces.mean == whole.mean).all()
    assert (pieces.brightness == whole.brightness).all()
    assert pieces.hashes is not None
    assert (pieces.hashes == whole.hashes).all()


FINE: dict[str, Any] = {
    **{"images": 10_000, "image_size": 64, "fit": "crop", "channels": 3, "clear": 0},
    **{"nearly_gray": 0, "classes": [], "splits": {"train": 9_000}, "near": {"across_splits": 0}},
    "shapes": {"wider than 3:2": 0, "taller than 2:3": 0},
    "cut_off": {"more_than_a_third": 0, "median": 0.0},
    "sizes": {"upscaled": 0, "times_as_large": 1.5},
    "brightness": {"one_tone": 0, "nearly_black": 0},
    "equal": {"groups": 0, "images": 0, "with_different_classes": 0},
}


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        ({"splits": {"train": 450}}, "--from"),
        ({"nearly_gray": 10_000}, "--channels 1"),
        ({"nearly_gray": 5_000}, "Half of your pictures are gray"),
        ({"clear": 1}, "1 picture is transparent"),
        ({"sizes": {"upscaled": 5_000, "times_as_large": 1.0}}, "smaller --image-size"),
        ({"sizes": {"upscaled": 0, "times_as_large": 8.0}}, "larger --image-size"),
        (
            {
                "shapes": {"wider than 3:2": 5_000, "taller than 2:3": 0},
                "cut_off": {"more_than_a_third": 5_000, "median": 0.1},
            },
            "Half of your pictures are wider than 3:2; --fit pad keeps them whole.",
        ),
        ({"near": {"across_splits": 1}}, "1 pair of nearly equal pictures is in two splits"),
        ({"equal": {"groups": 1, "images": 2, "with_different_classes": 1}}, "check their labels"),
        ({"equal": {"groups": 1, "images": 2, "with_different_classes": 0}}, "--unique-test"),
        ({"classes": [{"train": 900}, {"train": 100}]}, "--labels uniform"),
    ],
)
def test_advice_follows_the_finding_and_only_it(finding: dict[str, Any], words: str) -> None:
    assert advice(FINE) == []
    assert any(words in sentence for sentence in advice({**FINE, **finding}))
