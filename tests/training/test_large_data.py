"""Runs on data that is read by blocks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gantool
from gantool.data import order
from gantool.display import PlainDisplay
from gantool.errors import ConfigError
from gantool.plugins.registry import load_registry
from gantool.training.run import resume

Train = Callable[..., gantool.Run]


@pytest.fixture
def train(tmp_path: Path, picture_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Runs on about 108 pictures of 192 bytes, of which two are a block and 32 a group."""
    for name, value in (("LARGE", 1000), ("BLOCK", 400), ("GROUP", 16 * 400)):
        monkeypatch.setattr(order, name, value)
    options: dict[str, Any] = {"ngf": 2, "ndf": 2, "nz": 4, "threads": 1, "evaluate": False}

    def made(name: str, steps: int) -> gantool.Run:
        return gantool.train(
            "dcgan",
            name=name,
            experiments_dir=tmp_path,
            progress=False,
            data=str(picture_folder),
            image_size=8,
            batch_size=10,
            steps=steps,
            **options,
        )

    return made


def extend(run: gantool.Run, steps: int) -> None:
    resume(run.path, load_registry(), display=PlainDisplay(), epochs=None, steps=steps, force=False)


def metrics(run: gantool.Run) -> list[dict[str, Any]]:
    lines = map(json.loads, (run.path / "metrics.jsonl").read_text().splitlines())
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def test_a_run_by_blocks_says_so_and_goes_on_as_it_would_have(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, begun = train("whole", 26), train("begun", 5)
    assert json.loads((whole.path / "run.json").read_text())["data"]["order"] == "blocks"
    extend(begun, 17)
    extend(begun, 26)
    assert metrics(begun) == metrics(whole)
    monkeypatch.setattr(order, "LARGE", 10**9)
    with pytest.raises(ConfigError, match="order of the images"):
        extend(whole, 30)
    usual = train("usual", 5)
    assert json.loads((usual.path / "run.json").read_text())["data"]["order"] == "permutation"
    assert metrics(usual)[0] != metrics(whole)[0]
