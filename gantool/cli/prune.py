"""`gantool prune RUN...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def prune(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run folders, or folders of them.")
    ],
    generators: Annotated[
        bool,
        typer.Option(
            "--generators", help="Also the generators of earlier steps (--keep-generators-every)."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be freed, and remove nothing.")
    ] = False,
) -> None:
    """Free the disk space that finished runs no longer need.

    These are the states that only resuming reads.
    """
    import sys

    from gantool.cli.output import print_table
    from gantool.errors import GantoolError, printable
    from gantool.report.load import unfolded
    from gantool.runs.folder import RunFolder
    from gantool.runs.pruning import superfluous

    rows, total, errors = [], 0, []
    for path in unfolded(runs):
        try:
            folder = RunFolder.open(path)
            with folder.locked():
                for kind, files in superfluous(folder, generators=generators).items():
                    size = sum(file.stat().st_size for file in files)
                    total += size
                    if files:
                        rows.append((str(path), kind, str(len(files)), _megabytes(size)))
                    if not dry_run:
                        for file in files:
                            file.unlink()
                if folder.read().status != "finished":
                    rows.append(
                        (str(path), "states kept: the run is not finished", "0", _megabytes(0))
                    )
        except GantoolError as error:
            errors.append(error)
    if rows:
        print_table(["run", "what", "files", "size"], rows)
    print(f"{'would free' if dry_run else 'freed'} {_megabytes(total)}")
    for passed_over in errors[:-1]:
        print(f"gantool: {printable(str(passed_over))}", file=sys.stderr)
    if errors:
        raise errors[-1]


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
