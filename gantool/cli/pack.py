"""`gantool pack RUN... --output FILE.zip`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from gantool.runs.sharing.pack import Packed

_NAMED = 3  # files that a line names


def pack(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run folders, studies, or folders of runs."),
    ],
    output: Annotated[Path, typer.Option(metavar="FILE.zip", help="File to write.")],
    states: Annotated[
        bool,
        typer.Option("--states", help="Also the resumable states, so that runs can go on."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file if it is there.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Put runs into one zip file to give away, without what tells of this machine.

    Paths, and the names of users and hosts, are replaced or left out; all of it is listed.
    """
    from gantool.cli.output import print_json
    from gantool.report.load import unfolded
    from gantool.runs.sharing.pack import pack as write

    places = {path: list(unfolded([path])) for path in runs}
    made = write(places, output, states=states, force=force)
    if json:
        print_json(_as_json(made, output))
    else:
        _print(made, output)


def _as_json(made: Packed, output: Path) -> dict[str, Any]:
    return {
        "output": str(output),
        "bytes": output.stat().st_size,
        "runs": made.runs,
        "files": made.files,
        "replaced": [
            {"place": each.place, "before": each.before, "after": each.after, "times": times}
            for each, times in sorted(made.neutral.changes.items())
        ],
        "kept": [
            {"place": place, "value": value, "times": times}
            for (place, value), times in sorted(made.neutral.kept.items())
        ],
        "left_out": made.left_out,
    }


def _print(made: Packed, output: Path) -> None:
    import shlex

    from gantool.cli.output import print_table
    from gantool.errors import printable, some_of

    changes = sorted(made.neutral.changes.items())
    if changes:
        print_table(
            ["replaced in", "was", "is now", "times"],
            [
                (each.place, each.before, each.after or "(left out)", str(times))
                for each, times in changes
            ],
        )
    if made.neutral.kept:
        print("the name of a user or a host still stands there; look whether it tells something:")
        print_table(
            ["kept in", "value", "times"],
            [(*where, str(times)) for where, times in sorted(made.neutral.kept.items())],
        )
    reasons: dict[str, list[str]] = {}
    for name, reason in made.left_out.items():
        reasons.setdefault(reason, []).append(name)
    if reasons:
        print_table(
            ["left out", "files"],
            [(reason, some_of(names, _NAMED)) for reason, names in reasons.items()],
        )
    number = f"{len(made.runs)} run{'s' if len(made.runs) != 1 else ''}"
    size = output.stat().st_size / 1e6
    print(printable(f"{output}: {number}, {made.files} files, {size:,.1f} MB"))
    print("names of runs, data and classes, notes and pictures of real images stay as they are.")
    print(printable(f"  {'unpack':14}  gantool unpack {shlex.quote(str(output))}"))
