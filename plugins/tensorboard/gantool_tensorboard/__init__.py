"""TensorBoard for gantool.

`gantool run MODEL --track tensorboard` writes events, `gantool tensorboard` shows them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

import gantool

FOLDER = "tensorboard"


class TensorBoard(gantool.Tracker):
    """A tracker that writes a run's metrics and sample grids as TensorBoard events."""

    def __init__(self, run: gantool.TrackedRun) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(run.path / FOLDER))

    def log(self, step, metrics) -> None:
        """Write metrics as scalars."""
        for name, value in metrics.items():
            self.writer.add_scalar(name, value, step)

    def samples(self, step, image) -> None:
        """Write the sample grid of a step."""
        self.writer.add_image("samples", image, step, dataformats="HWC")

    def flush(self) -> None:
        """Write what is still in memory."""
        self.writer.flush()

    def close(self, status) -> None:
        """Write how the run ended."""
        self.writer.add_text("status", status)
        self.writer.close()


@gantool.hookimpl
def track(run):
    """Follow a run."""
    return TensorBoard(run)


@gantool.hookimpl
def register_commands(app):
    """Add `gantool tensorboard`."""

    @app.command("tensorboard")
    def tensorboard(
        runs: Annotated[Path, typer.Argument(help="Folder of runs.")] = Path("experiments"),
        port: Annotated[int, typer.Option(help="Port of this machine to serve on.")] = 6006,
    ) -> None:
        """Serve the events of all runs below a folder, on this machine only."""
        if not runs.is_dir():
            raise gantool.ConfigError(
                f"{runs} is not a folder.", "Give the folder that holds your runs."
            )
        command = [
            "-m",
            "tensorboard.main",
            "--logdir",
            str(runs),
            "--host",
            "localhost",
            "--port",
            str(port),
        ]
        raise typer.Exit(subprocess.call([sys.executable, *command]))
