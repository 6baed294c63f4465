"""`gantool animate RUN...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def animate(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    output: Annotated[Path, typer.Option(help="A .gif, or where ffmpeg is installed an .mp4.")] = Path("progress.gif"),
) -> None:
    """Animate the sheets of runs while they learned, side by side and in step."""
    from gantool.playground.animation import animate as write
    from gantool.runs import RunFolder

    print(write([RunFolder.open(run) for run in runs], output))
