"""What trackers are told of a run, what they are not told twice, and what their faults cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gantool import TrackedRun, Tracker
from gantool.plugins import tracking
from gantool.plugins.tracking import Trackers

GRID = np.zeros((2, 3, 3), dtype=np.uint8)


class Diary(Tracker):
    """Writes down what it is told."""

    def __init__(self, lines: list[Any], **attributes: Any) -> None:
        self.lines = lines
        for name, value in attributes.items():
            setattr(self, name, value)

    def log(self, step: int, metrics: Any) -> None:
        self.lines.append((step, *metrics.items()))

    def samples(self, step: int, image: Any) -> None:
        self.lines.append((step, image.shape))

    def close(self, status: str) -> None:
        self.lines.append(status)


def follow(
    folder: Path, *makes: Callable[[TrackedRun], Tracker | None], step: int = 0, total: int = 9
) -> Trackers:
    """The trackers "0", "1" ... of a run that has had so many steps."""
    run = TrackedRun(folder, name="x", model="m", config={}, step=step, total_steps=total)
    trackers = Trackers(folder / "tracked.json", report=FAILED.append_pair)
    FAILED.clear()
    for number, make in enumerate(makes):
        trackers.open(str(number), make, run=run)
    return trackers


class Failed(list[tuple[str, str]]):
    def append_pair(self, name: str, reason: str) -> None:
        self.append((name, reason))


FAILED = Failed()


def test_metrics_are_named_in_groups_and_missing_ones_left_out(tmp_path: Path) -> None:
    lines: list[Any] = []
    trackers = follow(tmp_path, lambda run: Diary(lines))
    values = {"step": 1, "epoch": 0.5, "loss_d": 1.0, "loss_g": None, "d_real": 0.5, "kl": 2.0}
    trackers.metrics(1, values)
    trackers.scores(1, {"recall": 0.5, "precision": None})
    trackers.samples(1, GRID)
    trackers.close("finished")
    assert lines == [
        (1, ("run/epoch", 0.5), ("loss/d", 1.0), ("D/real", 0.5), ("kl", 2.0)),
        (1, ("score/recall", 0.5)),
        (1, (2, 3, 3)),
        "finished",
    ]


def test_what_a_killed_run_does_again_is_told_once(tmp_path: Path) -> None:
    lines: list[Any] = []
    names: list[str | None] = []

    def make(run: TrackedRun) -> Tracker:
        names.append(run.id)
        return Diary(lines, id="its own name")

    trackers = follow(tmp_path, make)
    trackers.samples(0, GRID)
    for step in range(1, 6):
        trackers.metrics(step, {"kl": step})
    trackers.tell()
    trackers.metrics(6, {"kl": 6})  # and is killed before it is told
    trackers = follow(tmp_path, make, step=3)
    for step in range(4, 8):
        trackers.metrics(step, {"kl": step})
    trackers.samples(4, GRID)  # had been drawn, but not told
    trackers.close("interrupted")
    assert names == [None, "its own name"]
    steps = [line[0] for line in lines if line[1:] != ((2, 3, 3),)]
    assert steps == [1, 2, 3, 4, 5, 6, 7, "i"]
    assert [line[0] for line in lines if line[1:] == ((2, 3, 3),)] == [0, 4]


def test_news_are_told_after_a_while_and_before_a_state_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[Any] = []
    trackers = follow(tmp_path, lambda run: Diary(lines))
    trackers.metrics(1, {"kl": 1.0})
    assert lines == []
    trackers.tell()
    assert len(lines) == 1
    monkeypatch.setattr(tracking, "_REST", -1)
    trackers.metrics(2, {"kl": 1.0})
    assert len(lines) == 2


def test_a_tracker_may_want_fewer_steps(tmp_path: Path) -> None:
    few: list[Any] = []
    every: list[Any] = []
    trackers = follow(tmp_path, lambda run: Diary(few, most=4), lambda run: Diary(every), total=10)
    for step in range(1, 11):
        trackers.metrics(step, {"kl": 1.0})
    trackers.scores(5, {"recall": 0.5})
    trackers.close("finished")
    assert [line[0] for line in few[:-1]] == [3, 6, 9, 10, 5]
    assert len(every) == 12


@pytest.mark.parametrize("method", ["__init__", "log", "samples", "flush", "close"])
def test_a_tracker_that_fails_costs_one_line_and_nothing_else(tmp_path: Path, method: str) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of paper\nand of ink")

    broken = type("Broken", (Diary,), {method: fail})
    lines: list[Any] = []
    trackers = follow(tmp_path, lambda run: broken([]), lambda run: Diary(lines))
    for step in range(1, 4):
        trackers.metrics(step, {"kl": 1.0})
        trackers.samples(step, GRID)
        trackers.tell()
    trackers.close("failed")
    assert FAILED == [("0", "RuntimeError: out of paper")]
    assert len(lines) == 7


def test_a_tracker_may_leave_a_run_alone(tmp_path: Path) -> None:
    trackers = follow(tmp_path, lambda run: None)
    trackers.metrics(1, {"kl": 1.0})
    trackers.close("finished")
    assert FAILED == []
    assert not (tmp_path / "tracked.json").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"0": 7}', '{"0": {"metrics": "many"}}'])
def test_a_damaged_file_of_what_was_told_is_begun_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / "tracked.json").write_text(content)
    lines: list[Any] = []
    trackers = follow(tmp_path, lambda run: Diary(lines), step=3)
    trackers.metrics(4, {"kl": 1.0})
    trackers.close("finished")
    assert [line[0] for line in lines] == [4, "f"]
    assert FAILED == []
