"""A made-up run that a tracker follows in a process of its own, which may be killed.

Steps 1 to `TOTAL`, sample grids at 0, 4 and 8, a score at the end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

TOTAL = 8
_REST = 3  # seconds before a kill: more than any library keeps things to itself


def loss(step: int) -> float:
    """The discriminator's loss in a step."""
    return 1 / step


def follow(
    name: str, folder: Path, *, first: int = 1, last: int = TOTAL, end: str = "finished"
) -> None:
    """Let a tracker follow the steps from `first` to `last`, and end as a status says or "killed".

    It must say nothing, and must not fail.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, __file__, name, folder, str(first), str(last), end]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == (-signal.SIGKILL if end == "killed" else 0), done.stderr
    assert done.stdout + done.stderr == ""


def _main(name: str, folder: Path, *, first: int, last: int, end: str) -> None:
    from gantool.plugins.registry import load_registry
    from gantool.plugins.tracking import TrackedRun, Trackers

    config = {"lr": 0.0002, "data": "mnist5k", "from_run": None}
    run = TrackedRun(
        folder, name=folder.name, model="dcgan", config=config, step=first - 1, total_steps=TOTAL
    )
    trackers = Trackers(folder / "tracked.json", report=_fail)
    trackers.open(name, partial(load_registry().track, name), run=run)
    for step in range(first - 1, last + 1):
        if step >= first:
            metrics = {"loss_d": loss(step), "loss_g": None, "d_real": 0.5, "epoch": step / TOTAL}
            trackers.metrics(step, {"step": step, **metrics})
        if step % 4 == 0:
            trackers.samples(step, np.full((20, 30, 3), step, dtype=np.uint8))
    trackers.tell()
    if end == "killed":
        time.sleep(_REST)
        os.kill(os.getpid(), signal.SIGKILL)
    trackers.scores(last, {"frechet-distance": 2.5, "recall": None})
    trackers.close(end)  # type: ignore[arg-type]


def _fail(name: str, reason: str) -> None:
    raise AssertionError(f"{name}: {reason}")


if __name__ == "__main__":
    name, folder, first, last, end = sys.argv[1:]
    _main(name, Path(folder), first=int(first), last=int(last), end=end)
