"""Arguments and helpers of the commands that draw from a trained generator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gantool.sampling.sampler import Sampler
    from gantool.sampling.trained import Step

RunArgument = Annotated[Path, typer.Argument(help="Run folder, or pretrained:NAME.")]
AtOption = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="STEP",
        help="Generator of this step, if it was kept, or best: the one that --keep-best chose "
        "(unset: the last).",
    ),
]
LabelOption = Annotated[
    str | None, typer.Option(help="Class to draw, by name or number; conditional models only.")
]
CodeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--code",
        metavar="NAME=VALUE",
        help="Set a named part of the latent: digit=3, style.0=1.5; once for each part.",
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        help="File to write (unset: in pictures/ of the run folder; of pretrained:NAME in that of "
        "experiments/pretrained-NAME)."
    ),
]
DeviceOption = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or mps.")]


def step_of(at: str | None) -> Step | None:
    """The step that `--at` names.

    Raises:
        ConfigError: it names none.
    """
    from gantool.errors import ConfigError

    if at is None:
        return None
    if at == "best":
        return "best"
    if not at.isdecimal():
        raise ConfigError(f"--at {at!r}: a step is expected, as 500, or best")
    return int(at)


def open_sampler(run: Path, at: str | None = None, device: str = "cpu") -> Sampler:
    """Open a run to draw from it.

    Raises:
        GantoolError: it is no run, or has no such generator.
    """
    from gantool.plugins.pretrained import run_at
    from gantool.plugins.registry import load_registry
    from gantool.runs.folder import RunFolder
    from gantool.sampling.sampler import Sampler

    return Sampler.open(RunFolder.open(run_at(run)), load_registry(), device=device, at=step_of(at))


def place_for(sampler: Sampler, output: Path | None, name: str) -> Path:
    """The place of a picture: the one that the user names, else the run's folder of pictures.

    Raises:
        GantoolError: the run is one that a plugin brings, and no copy of it can be made.
    """
    from gantool.plugins.pretrained import to_write_to

    return output or to_write_to(sampler.folder).pictures / name


def write_picture(file: Path, content: bytes, *, silent: bool = False) -> None:
    """Write a picture and name its place, unless stdout is for a document.

    Raises:
        GantoolError: it cannot be written.
    """
    from gantool.errors import GantoolError
    from gantool.sampling.streaming import to_picture

    try:
        to_picture(file, content)
    except OSError as error:
        raise GantoolError(
            f"cannot write {file}: {error.strerror or error}", "Name another place with --output."
        ) from None
    if not silent:
        print(file)
