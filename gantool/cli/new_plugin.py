"""`gantool new-plugin NAME`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def new_plugin(
    name: Annotated[
        str, typer.Argument(help="Name of the model: lower-case letters, digits and hyphens.")
    ],
    directory: Annotated[
        Path, typer.Option(help="Where to make the folder gantool-NAME.")
    ] = Path(),
) -> None:
    """Write a plugin that installs, lists, trains and passes its tests at once.

    Edit it to make it yours.
    """
    from gantool.plugins.scaffold import write_plugin

    folder = write_plugin(name, directory)
    print(f"{folder} is written. Next:\n")
    print(f"  pip install -e {folder}\n  gantool check {name}\n  gantool run {name} --epochs 5\n")
    print(f"The model is in {next(folder.glob('gantool_*/model.py'))}.")
