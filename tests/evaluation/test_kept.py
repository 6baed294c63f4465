"""What an extractor has read in images that never change is kept, and read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from gantool.data.prepared import ImageSplit, Prepared
from gantool.evaluation.extractors import Extractor, Reading
from gantool.evaluation.metric import Evaluation, ImageSet
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
