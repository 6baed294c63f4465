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
    from gantool.cli.playing import open_sampler, place_for
    from gantool.sampling.export import FORMATS
    from gantool.sampling.export import export as write

    sampler = open_sampler(run, at)
    print(
        write(
            sampler,
            kind,
            place_for(sampler, output, name=f"generator-{sampler.trained.step}{FORMATS[kind]}"),
        )
    )
