"""What Trackio's own store holds of a run."""

from __future__ import annotations

import json
import sqlite3

import pytest
from tracked import follow, loss

pytest.importorskip("trackio", reason="Trackio is not installed")
pytestmark = pytest.mark.slow  # seconds a process, which imports the library


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """The rows that a query of the store gives."""
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "store"))

    def ask(query):
        with sqlite3.connect(tmp_path / "store" / "gantool.db") as store:
            return store.execute(query).fetchall()

    return ask


def test_a_killed_run_goes_on_and_holds_each_step_once(tmp_path, rows):
    run = tmp_path / "runs" / "x"
    follow("trackio", run, last=6, end="killed")
    follow("trackio", run, first=4, end="diverged")
    logged = [
        (step, json.loads(metrics)) for step, metrics in rows("select step, metrics from metrics")
    ]
    assert [step for step, _ in logged] == sorted(step for step, _ in logged)
    losses = [(step, metrics["loss/d"]) for step, metrics in logged if "loss/d" in metrics]
    assert losses == [(step, loss(step)) for step in range(1, 9)]
    assert [step for step, metrics in logged if "samples" in metrics] == [0, 4, 8]
    assert logged[-1] == (8, {"score/frechet-distance": 2.5})
    assert rows("select title, level from alerts") == [("diverged", "error")]
    ((name, config),) = rows("select run_name, config from configs")
    assert name == "x"
    assert json.loads(config).items() >= {"model": "dcgan", "lr": 0.0002, "from_run": None}.items()


def test_runs_of_one_name_are_kept_apart(tmp_path, rows):
    follow("trackio", tmp_path / "a" / "x")
    follow("trackio", tmp_path / "b" / "x", last=3, end="interrupted")
    follow("trackio", tmp_path / "b" / "x", first=4)
    runs = dict(rows("select run_name, count(*) from metrics group by run_name"))
    assert list(runs.values()) == [12, 13]  # the second was scored twice
    assert [level for (level,) in rows("select level from alerts")] == ["info"] * 3
