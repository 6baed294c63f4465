"""The faults that scores are tried on, and what the table says of them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from made_clouds import prepared

FILE = Path(__file__).parents[2] / "tools" / "score_faults.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("score_faults", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["score_faults"] = module  # its dataclasses look for their module
    spec.loader.exec_module(module)
    return module


def test_each_fault_changes_what_it_says(tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "_VALIDATION", 20)
    monkeypatch.setattr(tool, "_POOL", 140)
    draw = tool.deal(prepared(train=260, held_out=20), 60, 0)
    assert [len(draw.data.splits[name]) for name in ("train", "validation", "test")] == [80, 20, 60]
    changed = {}
    for fault in tool.FAULTS:
        made = [fault.make(draw, level) for level in fault.levels]
        assert {each.shape for each in made} == {draw.whole.shape}, fault.title
        changed[fault.title] = [int((each != draw.whole).any((1, 2, 3)).sum()) for each in made]
    assert changed["noise (deviation, of 255)"][-1] == changed["blur (radius, pixels)"][-1] == 60
    assert changed["copies of training images (%)"] == [3, 6, 12, 24, 42, 60]
    assert changed["letters mixed in (%)"] == [1, 1, 3, 6, 12, 30]
    apart = tool.shifted(draw, 100)[:, 1:, 1:]
    assert (apart == draw.data.train.values[:60, :-1, :-1]).all()
    few = tool.repeated(draw, 80)
    assert len(np.unique(few.reshape(60, -1), axis=0)) == 10 + 12
    kept = {image.tobytes() for image in draw.pool.images[draw.pool.labels >= 3]}
    assert {image.tobytes() for image in tool.without_classes(draw, 3)} <= kept


def test_the_verdict_names_the_level_from_which_on_a_score_is_worse(tool: ModuleType) -> None:
    fault = tool.Fault("fault", (1, 2, 5), lambda draw, level: draw.whole)
    lower = tool.Score(mean=10, deviation=1, sign=1)
    assert tool.verdict(fault, lower, [11, 13, 20]) == "2"
    assert tool.verdict(fault, lower, [13, 11, 20]) == "5, not monotone"
    assert tool.verdict(fault, lower, [11, 9, 12]) == "-"
    assert tool.verdict(fault, lower, [10, 9, 7]) == "wrong way"
    higher = tool.Score(mean=10, deviation=1, sign=-1)
    assert tool.verdict(fault, higher, [9, 7, 0]) == "2"
