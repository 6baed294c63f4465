"""`gantool report RUN`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")],
    embed: Annotated[
        bool,
        typer.Option(
            "--embed", help="Put the sample grids of all steps on it (unset: at most 20)."
        ),
    ] = False,
) -> None:
    """Write report.html into a run folder: its metrics, scores and samples on one page."""
    from gantool.report.write import write_report
    from gantool.runs.folder import RunFolder

    for run in runs:
        print(write_report(RunFolder.open(run), embed=embed))
