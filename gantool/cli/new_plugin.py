"""`gantool new-plugin NAME`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gantool.plugins.scaffold import PLUGIN_KINDS, write_plugin

_KINDS = "; ".join(f"{name}: {kind.summary}" for name, kind in PLUGIN_KINDS.items())


def new_plugin(
    name: Annotated[
        str,
        typer.Argument(help="Name of what it brings: lower-case letters, digits and hyphens."),
    ],
    kind: Annotated[str, typer.Option(metavar="KIND", help=f"The kind of plugin. {_KINDS}.")] = (
        "gan"
    ),
    directory: Annotated[
        Path, typer.Option(help="Where to make the folder gantool-NAME.")
    ] = Path(),
) -> None:
    """Write a plugin that installs, works and passes its tests at once.

    Edit it to make it yours.
    """
    written = write_plugin(name, directory, kind=kind)
    print(f"{written.folder} is written. Next:\n")
    for command in (f"pip install -e {written.folder}", *written.commands):
        print(f"  {command}")
    print(f"\nThe {PLUGIN_KINDS[kind].piece} is in {written.edit}.")
