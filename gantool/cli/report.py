"""`gantool report RUN`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")]) -> None:
    """Write report.html into a run's folder: its figures, scores and samples on one page."""
    from gantool.report.writing import write_report
    from gantool.runs import RunFolder

    for run in runs:
        print(write_report(RunFolder.open(run)))
