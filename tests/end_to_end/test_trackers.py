"""A run that every installed tracker follows, on a machine without a network."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gantool.plugins.registry import TRACKERS

# A process in a network namespace of its own, in which there is no network.
_ALONE = ["unshare", "--map-root-user", "--net"]


@pytest.fixture
def alone() -> list[str]:
    """The words before a command that take its network away."""
    if shutil.which("unshare") is None or subprocess.run([*_ALONE, "true"]).returncode:
        pytest.skip("this machine does not let a process be without a network")
    return _ALONE


@pytest.mark.slow
def test_every_tracker_follows_a_run_that_has_no_network(alone: list[str], tmp_path: Path) -> None:
    installed = [name for name in TRACKERS if importlib.util.find_spec(name) is not None]
    if not installed:
        pytest.skip("no library of a tracker is installed")
    own = {
        key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW", "WANDB"))
    }
    own |= {"TRACKIO_DIR": str(tmp_path / "trackio"), "GANTOOL_OPT_TRACK": ",".join(installed)}
    gantool = [*alone, sys.executable, "-m", "gantool"]
    small = ["--data", "ring", "--evaluation-samples", "500", "--name", "x", "--json"]
    run = tmp_path / "experiments" / "x"
    for words in (
        ["run", "vanilla", "--steps", "20", *small],
        ["resume", str(run), "--steps", "30"],
    ):
        done = subprocess.run(
            [*gantool, *words], cwd=tmp_path, env=own, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert not [line for line in done.stderr.lower().splitlines() if "tracker" in line]
        if words[0] == "run":
            assert json.loads(done.stdout)["trackers"] == installed
    told = json.loads((run / "tracked.json").read_text())
    steps = {name: (known["metrics"], known["scores"]) for name, known in told.items()}
    assert steps == dict.fromkeys(installed, (30, 30))
    experiments = tmp_path / "experiments"
    if "mlflow" in installed:
        with sqlite3.connect(experiments / "mlflow" / "mlflow.db") as store:
            assert store.execute("select name, status from runs").fetchall() == [("x", "FINISHED")]
    if "trackio" in installed:
        with sqlite3.connect(tmp_path / "trackio" / "gantool.db") as store:
            names = store.execute("select distinct run_name from metrics").fetchall()
            assert names == [("x",)]
    if "wandb" in installed:
        assert len(list((experiments / "wandb").glob("offline-run-*-*"))) == 2
