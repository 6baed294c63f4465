"""Which extractor judges which images, and whose weights a file holds."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gantool.errors import ConfigError
from gantool.evaluation.extractors import check_choice, usual_extractor
from gantool.plugins.registry import load_registry

FILE = Path(__file__)


@pytest.mark.parametrize(
    ("channels", "weights", "expected"),
    [(3, None, "photos"), (4, None, "photos"), (1, None, "inception"), (3, FILE, "inception")],
)
def test_folders_in_color_are_judged_by_photos(
    channels: int, weights: Path | None, expected: str
) -> None:
    images: Any = SimpleNamespace(channels=channels)
    assert usual_extractor(images, weights) == expected


def test_data_sets_keep_the_extractors_that_they_name() -> None:
    named = {name: spec.extractor for name, spec in load_registry().datasets.items()}
    expected = {"mnist5k": "digits", "cifar10": "inception", "celeba": "inception", "cats": ""}
    assert {name: named[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("name", "weights", "said"),
    [
        ("photos", FILE, "brings its own weights"),
        ("digits", FILE, "brings its own weights"),
        ("clip", None, "does not bring its weights"),
        ("dinov2", None, "does not bring its weights"),
        ("clip", Path("none.pt"), "no such file"),
        ("auto", Path("none.pt"), "no such file"),
    ],
)
def test_weights_that_lack_or_have_no_use_are_refused(
    name: str, weights: Path | None, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        check_choice(name, weights, registry=load_registry())


@pytest.mark.parametrize(
    ("name", "weights"),
    [("auto", None), ("auto", FILE), ("inception", None), ("inception", FILE), ("clip", FILE)],
)
def test_weights_of_use_are_taken(name: str, weights: Path | None) -> None:
    check_choice(name, weights, registry=load_registry())


@pytest.mark.parametrize(
    ("data", "extractor", "refused"),
    [
        ("mnist5k", "auto", True),
        ("mnist5k", "digits", True),
        ("mnist5k", "clothes", False),
        ("fashion-mnist", "auto", True),
        ("fashion-mnist", "digits", False),
        ("robots", "auto", True),
        ("cifar10", "auto", False),
        ("my-folder", "auto", False),
    ],
)
def test_an_extractor_does_not_judge_by_what_it_was_trained_on(
    data: str, extractor: str, refused: bool
) -> None:
    registry = load_registry()
    split: Any = SimpleNamespace(name=data, split_seed=1)
    its_own: Any = SimpleNamespace(name=data, split_seed=None)
    check_choice(extractor, None, registry=registry, data=its_own)
    if not refused:
        check_choice(extractor, None, registry=registry, data=split)
        return
    with pytest.raises(ConfigError, match=r"--split-seed 1: .* was trained on"):
        check_choice(extractor, None, registry=registry, data=split)
