"""`gantool list-runs [PATH...]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WhereOption = Annotated[
    str | None,
    typer.Option(
        metavar="CONDITION",
        help='Only these runs: "model=dcgan and lr>1e-4 and not tag=bad" '
        "(= != < <= > >= ~ in, and or not, brackets).",
    ),
]


def list_runs(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...", help="Run folders, or folders of them (unset: experiments)."
        ),
    ] = None,
    where: WhereOption = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="By a score, the best first; by an option or a field, the least first "
            "(unset: the newest first).",
        ),
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="The other way round.")] = False,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B", help="Options, fields and scores to show.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most so many runs.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show runs: options, state, scores, tags and notes; filtered and sorted by any of them."""
    import sys

    from gantool.cli.output import print_json, print_table
    from gantool.errors import printable
    from gantool.report.listing import Listing
    from gantool.report.load import read_records
    from gantool.report.where import parse_where
    from gantool.runs.files import finite

    condition = None if where is None else parse_where(where)
    reading = read_records(paths or [Path("experiments")])
    every = Listing(reading.runs)
    chosen = every if condition is None else every.filtered(condition)
    names = [name.strip() for name in (columns or "").split(",") if name.strip()]
    every.check(names, "--columns")
    every.check([sort] if sort else [], "--sort")
    chosen = chosen.ordered(sort, reverse=reverse)
    shown = chosen if limit is None else chosen.first(limit)
    for path, why in reading.skipped.items():
        print(printable(f"not a run: {path} ({why})"), file=sys.stderr)
    if json:
        print_json(finite(shown.documents(names)))
        return
    if shown.runs:
        print_table(*shown.table(names, by=sort))
    counts = [f"{len(shown.runs):,} of {len(reading.runs):,} runs"]
    if len(chosen.runs) > len(shown.runs):
        counts.append(f"{len(chosen.runs) - len(shown.runs):,} more with a larger --limit")
    print("; ".join(counts))
