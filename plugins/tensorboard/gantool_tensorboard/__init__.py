"""TensorBoard for gantool.

`gantool run MODEL --tensorboard` writes events, `gantool tensorboard` shows them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

import gantool

FOLDER = "tensorboard"


class TensorBoard:
    """A tracker that writes a run's metrics and sample grids as TensorBoard events."""

    def __init__(self, run: gantool.TrackedRun) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # A resumed run takes its steps after the checkpoint again: TensorBoard then hides what was
        # written for them.
        self.writer = SummaryWriter(
            str(run.path / FOLDER), purge_step=run.step + 1 if run.step else None
        )

    def log(self, step, metrics) -> None:
        """Write losses under loss/, D's answers under D/, all else under its own name."""
        for name, value in metrics.items():
            if name != "step" and value is not None:
                self.writer.add_scalar(_tag(name), value, step)

    def samples(self, step, image) -> None:
        """Write the sample grid of a step."""
        self.writer.add_image("samples", image, step, dataformats="HWC")

    def close(self) -> None:
        """Write what is still in memory."""
        self.writer.close()


def _tag(name: str) -> str:
    for prefix, group in (("loss_", "loss/"), ("d_", "D/")):
        if name.startswith(prefix):
            return group + name.removeprefix(prefix)
    return f"run/{name}" if name in ("epoch", "images", "seconds") else name


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
