"""`gantool unpack FILE.zip`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gantool.runs.folder import RunFolder

_NAMED = 6  # folders that a command names
_LISTED = 20  # runs


def unpack(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="As `gantool pack` wrote it.")],
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the runs and studies.")
    ] = Path("experiments"),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Unpack runs that somebody packed; nothing is overwritten.

    The whole file is checked first: one that is damaged or hostile leaves nothing behind.
    """
    from gantool.cli.output import print_json
    from gantool.errors import printable
    from gantool.runs.sharing.unpack import unpack as read

    folders = read(file, output)
    if json:
        print_json({"runs": [str(folder.path) for folder in folders]})
        return
    number = f"{len(folders)} run{'s' if len(folders) != 1 else ''}"
    print(printable(f"{number} in {output}:"))
    for folder in folders[:_LISTED]:
        record = folder.read()
        data = record.data.get("name")
        print(
            printable(
                f"  {folder.path}: {record.model} on {data}, {record.steps:,} steps, "
                f"{record.status}"
            )
        )
    if len(folders) > _LISTED:
        print(f"  and {len(folders) - _LISTED} more")
    for purpose, command in _next(folders, output).items():
        print(printable(f"  {purpose:14}  {command}"))


def _next(folders: Sequence[RunFolder], output: Path) -> dict[str, str]:
    """Commands that are useful now, by their purpose."""
    import shlex

    first = folders[0]
    paths = list(dict.fromkeys(output / _top(folder, output) for folder in folders))
    several = shlex.join(map(str, paths))
    if len(paths) > _NAMED:
        several = f"{shlex.quote(str(output))}/*"
    commands = {"their page": f"gantool report {shlex.quote(str(first.path))}"}
    if len(folders) > 1:
        commands = {"compare them": f"gantool compare {several}"}
    for folder in folders:
        record = folder.read()
        if folder.states() and record.status != "finished":
            elsewhere = str(record.config.get("data", "")).startswith("./")
            data = " --data PATH" if elsewhere else ""
            commands["go on"] = f"gantool resume {shlex.quote(str(folder.path))}{data}"
            break
    if first.generator_file.exists():
        commands["draw more"] = f"gantool sample {shlex.quote(str(first.path))} -n 100 --seed 1"
    return commands


def _top(folder: RunFolder, output: Path) -> str:
    return folder.path.relative_to(output).parts[0]
