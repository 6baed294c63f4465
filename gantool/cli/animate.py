"""`gantool animate RUN...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def animate(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run folders, or pretrained:NAME.")
    ],
    output: Annotated[
        Path, typer.Option(help="A .gif, or where ffmpeg is installed an .mp4.")
    ] = Path("progress.gif"),
) -> None:
    """Animate the sample grids of runs while they learned, side by side and in step."""
    from gantool.plugins.pretrained import run_at
    from gantool.runs.folder import RunFolder
    from gantool.sampling.animation import animate as write

    print(write([RunFolder.open(run_at(run)) for run in runs], output))
