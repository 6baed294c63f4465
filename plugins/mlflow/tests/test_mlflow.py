"""What MLflow's own client reads of a run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import tracked
from tracked import follow, loss

pytest.importorskip("mlflow", reason="MLflow is not installed")
pytestmark = pytest.mark.slow  # seconds a process, which imports the library


@pytest.fixture(autouse=True)
def _local(monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


def store(folder):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{folder}/mlflow/mlflow.db")


def runs(client):
    (experiment,) = client.search_experiments(filter_string="name = 'gantool'")
    return client.search_runs([experiment.experiment_id])


def test_a_killed_run_goes_on_and_holds_each_step_once(tmp_path):
    run = tmp_path / "x"
    follow("mlflow", run, last=6, end="killed")
    client = store(tmp_path)
    assert runs(client)[0].info.status == "RUNNING"
    follow("mlflow", run, first=4, end="interrupted")
    (found,) = runs(client)
    assert (found.info.run_name, found.info.status) == ("x", "KILLED")
    assert found.data.tags["status"] == "interrupted"
    assert found.data.tags["model"] == "dcgan"
    assert found.data.params == {"lr": "0.0002", "data": "mnist5k", "from_run": "None"}
    losses = client.get_metric_history(found.info.run_id, "loss/d")
    assert sorted((m.step, m.value) for m in losses) == [(n, loss(n)) for n in range(1, 9)]
    scores = client.get_metric_history(found.info.run_id, "score/frechet-distance")
    assert [(m.step, m.value) for m in scores] == [(8, 2.5)]
    images = [Path(f.path).name for f in client.list_artifacts(found.info.run_id, "images")]
    grids = sorted(name for name in images if name.endswith(".png"))
    assert [name.replace("%", "+").split("+")[2] for name in grids] == ["0", "4", "8"]


def test_runs_that_begin_at_once_share_a_store(tmp_path):
    words = [sys.executable, tracked.__file__, "mlflow"]
    begun = []
    for name, end in (("a", "finished"), ("b", "failed")):
        (tmp_path / name).mkdir()
        begun.append(subprocess.Popen([*words, tmp_path / name, "1", "8", end]))
    assert [process.wait(timeout=600) for process in begun] == [0, 0]
    found = {run.info.run_name: run.info.status for run in runs(store(tmp_path))}
    assert found == {"a": "FINISHED", "b": "FAILED"}
