"""`gantool export RUN`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from gantool.cli.playing import AtOption, OutputOption, RunArgument


def export(
    run: RunArgument,
    kind: Annotated[
        Literal["safetensors", "pt2", "onnx"],
        typer.Option("--format", help="Weights alone, PyTorch's exported program, or ONNX."),
    ] = "safetensors",
    at: AtOption = None,
    output: OutputOption = None,
) -> None:
    """Write the generator for other programs, with what its latents and images are like."""
    from gantool.cli.playing import open_player, place_for
    from gantool.playground.export import FORMATS
    from gantool.playground.export import export as write

    player = open_player(run, at)
    print(write(player, kind, place_for(player, output, f"generator-{player.trained.step}{FORMATS[kind]}")))
