"""What an extractor has read in images that never change is kept, and read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gantool.data.prepared import ImageSplit, Prepared
from gantool.evaluation import evaluate
from gantool.evaluation.extractors import Extractor, Reading
from gantool.evaluation.kept import References, measure_or_recall
from gantool.evaluation.metric import Evaluation, ImageSet, Measured
from gantool.plugins.spec import MetricSpec
from gantool.runs.folder import RunFolder

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)


class Eye:
    """A network that counts the images it has seen; its features are their bottom halves."""

    def __init__(self, *, logits: bool = False, **fields: str) -> None:
        self.seen, self.logits = 0, logits
        self.extractor = Extractor(
            **{"name": "eye", "sha256": "a", **fields},
            classes=(),
            chunk=5,
            network=self.read,
            device=torch.device("cpu"),
            kept=True,
        )

    def read(self, images: Tensor) -> Reading:
        self.seen += len(images)
        features = images[:, :, 4:].flatten(1).float()
        return features, features[:, :10] if self.logits else None


@pytest.fixture
def data(tmp_path: Path) -> Prepared:
    splits = {split: ImageSplit(PIXELS, None) for split in ("train", "validation", "test")}
    return Prepared(
        "eyes",
        "0" * 64,
        size=(8, 8),
        channels=3,
        classes=(),
        unreadable=0,
        splits=splits,
        folder=tmp_path / "eyes-8",
    )


def judged(data: Prepared, eye: Eye, **options: object) -> Evaluation:
    folder = RunFolder(Path("nowhere"))
    return Evaluation(data, eye.extractor, folder, conditional=False, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("logits", [False, True])
def test_a_second_evaluation_reads_the_first_ones_features(data: Prepared, logits: bool) -> None:
    first, second = Eye(logits=logits), Eye(logits=logits)
    found = [judged(data, eye) for eye in (first, second)]
    readings = [(e.features(e.real("test")), e.features(e.noise(4))) for e in found]
    assert (first.seen, second.seen) == (16, 0)
    for before, after in zip(*readings, strict=True):
        assert torch.equal(before, after)
    if logits:
        read = [e.classes_read(e.real("test")) for e in found]
        assert (read[0] == read[1]).all()


def test_samples_are_not_kept_nor_what_takes_no_time(data: Prepared) -> None:
    eye = Eye()
    judged(data, eye).features(ImageSet("samples", PIXELS))
    eye.extractor = replace(eye.extractor, kept=False)
    judged(data, eye).features(ImageSet("test", PIXELS))
    judged(replace(data, folder=None), Eye()).features(ImageSet("test", PIXELS))
    assert data.folder
    assert not list(data.folder.parent.iterdir())


@pytest.mark.parametrize("other", [{"name": "lens"}, {"sha256": "b"}])
def test_another_extractor_reads_for_itself(data: Prepared, other: dict[str, str]) -> None:
    judged(data, Eye()).features(ImageSet("test", PIXELS))
    eye = Eye(**other)
    judged(data, eye).features(ImageSet("test", PIXELS))
    assert eye.seen == len(PIXELS)


def test_other_pixels_are_read(data: Prepared) -> None:
    judged(data, Eye()).features(ImageSet("test", PIXELS))
    eye = Eye()
    changed = PIXELS.copy()
    changed[-1, -1, -1, -1] ^= 1
    judged(data, eye).features(ImageSet("test", changed))
    assert eye.seen == len(PIXELS)


def test_a_damaged_file_is_read_anew_and_a_full_disk_costs_nothing(
    data: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged(data, Eye()).features(ImageSet("test", PIXELS))
    assert data.folder
    (file,) = data.folder.parent.glob("features/*")
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    eye = Eye()
    judged(data, eye).features(ImageSet("test", PIXELS))
    assert eye.seen == len(PIXELS)
    assert file.read_bytes() == whole

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    file.unlink()
    monkeypatch.setattr("gantool.evaluation.kept.write_bytes", full)
    assert judged(data, Eye()).features(ImageSet("test", PIXELS)).shape == (12, 96)


def test_reading_is_shown(data: Prepared) -> None:
    told = []
    evaluation = judged(data, Eye(), progress=lambda *shown: told.append(shown))
    evaluation.features(ImageSet("samples", PIXELS))
    assert told == [("samples", done, 12) for done in (5, 10, 12)]


class Measure:
    """What stands for measuring: it counts its calls."""

    def __init__(self, **found: float | None) -> None:
        self.calls, self.found = 0, found

    def __call__(self) -> References:
        self.calls += 1
        return {"real": self.found, "noise": self.found}


def test_what_real_images_reach_is_measured_once_for_each_way_of_measuring(tmp_path: Path) -> None:
    measure = Measure(one=0.1 + 0.2, none=None)
    found = [
        measure_or_recall("it", about, beside=tmp_path / "eyes", measure=measure)
        for about in ({"n": 1}, {"n": 1}, {"n": 2}, {"n": 1})
    ]
    assert measure.calls == 2
    assert found == [{"real": measure.found, "noise": measure.found}] * 4


@pytest.mark.parametrize("content", [b"", b'{"real": {"one": 1', b'{"real": ["one"]}', b"\xff"])
def test_a_damaged_file_of_references_is_measured_anew(tmp_path: Path, content: bytes) -> None:
    def recalled() -> References:
        return measure_or_recall("it", {}, beside=tmp_path / "eyes", measure=measure)

    measure = Measure(one=1.0)
    recalled()
    (file,) = tmp_path.glob("references/*")
    file.write_bytes(content)
    assert recalled()["noise"] == {"one": 1.0}
    recalled()
    assert measure.calls == 2


def test_what_cannot_be_measured_is_not_kept(tmp_path: Path) -> None:
    measure = Measure()
    for _ in range(2):
        measure_or_recall("it", {}, beside=tmp_path / "eyes", measure=measure)
    assert measure.calls == 2
    assert not list(tmp_path.iterdir())


def test_a_full_disk_costs_the_time_of_measuring_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gantool.evaluation.kept.write_bytes", full)
    found = measure_or_recall("it", {}, beside=tmp_path / "eyes", measure=Measure(one=1.0))
    assert found["real"] == {"one": 1.0}


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "1" * 64},
        {"classes": ("a", "b")},
        {"size": (8, 9)},
    ],
)
def test_other_data_is_another_way_of_measuring(data: Prepared, change: dict[str, object]) -> None:
    other = replace(data, **change)  # type: ignore[arg-type]
    assert judged(data, Eye()).about != judged(other, Eye()).about
    assert judged(data, Eye()).about == judged(replace(data), Eye()).about


@pytest.mark.parametrize(
    "options", [{"mirrored": True}, {"shares": (0.25, 0.75)}, {"extractor": "lens"}]
)
def test_other_runs_and_eyes_are_other_ways_of_measuring(
    data: Prepared, options: dict[str, Any]
) -> None:
    eye = Eye(name=options.pop("extractor", "eye"))
    assert judged(data, Eye()).about != judged(data, eye, **options).about


@pytest.mark.parametrize(("kept", "calls"), [(True, 2), (False, 4)])
def test_a_score_says_whether_its_references_are_kept(
    data: Prepared, monkeypatch: pytest.MonkeyPatch, kept: bool, calls: int
) -> None:
    seen = []

    def brightness(images: ImageSet, evaluation: Evaluation) -> dict[str, Measured]:
        seen.append(images.origin)
        return {"brightness": Measured(float(images.pixels.mean()))}

    monkeypatch.setattr(evaluate, "load_implementation", lambda measure: brightness)
    spec = MetricSpec("brightness", "mean", better="higher", measure="a:b", real="test", kept=kept)
    first, second = (
        evaluate._references([spec], 6, evaluation=judged(data, Eye())) for _ in range(2)
    )
    assert first == second
    assert first["noise"]["brightness"] == pytest.approx(127, abs=9)
    assert seen == ["test", "noise"] * (calls // 2)
    evaluate._references([spec], 5, evaluation=judged(data, Eye()))
    assert len(seen) == calls + 2
