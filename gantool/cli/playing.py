"""What the commands that draw from a trained generator share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gantool.playground.player import Player

RunArgument = Annotated[Path, typer.Argument(help="Folder of a run.")]
AtOption = Annotated[
    int | None, typer.Option("--at", metavar="STEP", help="Generator of this step, if it was kept (unset: the last).")
]
LabelOption = Annotated[str | None, typer.Option(help="Class to draw, by name or number; conditional models only.")]
OutputOption = Annotated[Path | None, typer.Option(help="File to write (unset: in the run's folder pictures/).")]
DeviceOption = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or mps.")]


def open_player(run: Path, at: int | None = None, device: str = "cpu") -> Player:
    """Open a run to draw from it.

    Raises:
        GantoolError: it is no run, or has no such generator.
    """
    from gantool.device import choose_device
    from gantool.playground.player import Player
    from gantool.plugins import load_registry
    from gantool.runs import RunFolder
    from gantool.trained import open_trained

    folder = RunFolder.open(run)
    return Player(folder, folder.read(), open_trained(folder, load_registry(), choose_device(device), at))


def place_for(player: Player, output: Path | None, name: str) -> Path:
    """Where a picture goes: where the user says, else the run's own folder of pictures."""
    return output or player.folder.pictures / name


def write_picture(file: Path, content: bytes) -> None:
    """Write a picture and say where it is.

    Raises:
        GantoolError: it cannot be written.
    """
    from gantool.errors import GantoolError
    from gantool.playground.streaming import to_picture

    try:
        to_picture(file, content)
    except OSError as error:
        raise GantoolError(
            f"cannot write {file}: {error.strerror or error}", "Name another place with --output."
        ) from None
    print(file)
