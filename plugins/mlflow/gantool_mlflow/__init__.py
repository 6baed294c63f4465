"""MLflow for gantool: `gantool run MODEL --track mlflow`."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import gantool

STATUS = {"finished": "FINISHED", "interrupted": "KILLED"}  # FAILED otherwise
_MOST = 1000  # metrics that MLflow takes at once


class MLflow(gantool.Tracker):
    """A tracker that logs to MLflow: to a SQLite store beside the run, or MLFLOW_TRACKING_URI."""

    most = 2000

    def __init__(self, run: gantool.TrackedRun) -> None:
        # What it would send to its makers is not for a tracker of local runs to send.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow.entities import Metric, Param, RunTag

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        self.metric, self.waiting = Metric, []
        experiment = self._open(run.path.parent.resolve() / "mlflow")
        self.id = run.id or self.client.create_run(experiment, run_name=run.name).info.run_id
        if run.id is None:
            options = [Param(key, str(value)) for key, value in run.config.items()]
            self.client.log_batch(self.id, params=options, tags=[RunTag("model", run.model)])
        self.client.update_run(self.id, status="RUNNING")

    def _open(self, folder: Path) -> str:
        """Open the store; the id of the experiment that its runs belong to."""
        from filelock import FileLock
        from mlflow import MlflowClient

        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "gantool")
        if address := os.environ.get("MLFLOW_TRACKING_URI"):
            self.client = MlflowClient(address)
            return self._experiment(name)
        folder.mkdir(exist_ok=True)
        with FileLock(folder / ".lock"):  # two runs that begin at once would both make the tables
            self.client = MlflowClient(f"sqlite:///{folder.as_posix()}/mlflow.db")
            return self._experiment(name, (folder / "files").as_uri())

    def _experiment(self, *named) -> str:
        known = self.client.get_experiment_by_name(named[0])
        return known.experiment_id if known else self.client.create_experiment(*named)

    def log(self, step, metrics) -> None:
        """Collect metrics: each call of MLflow is a transaction."""
        now = int(time.time() * 1000)
        self.waiting += [self.metric(key, value, now, step) for key, value in metrics.items()]

    def samples(self, step, image) -> None:
        """Log the sample grid of a step."""
        self.client.log_image(self.id, image, key="samples", step=step)

    def flush(self) -> None:
        """Write what was collected."""
        while self.waiting:
            self.client.log_batch(self.id, self.waiting[:_MOST])
            del self.waiting[:_MOST]

    def close(self, status) -> None:
        """Say how the run ended."""
        self.client.set_tag(self.id, "status", status)
        self.client.set_terminated(self.id, STATUS.get(status, "FAILED"))


@gantool.hookimpl
def track(run):
    """Follow a run."""
    return MLflow(run)
