"""`gantool arithmetic RUN EXPRESSION`."""

from __future__ import annotations

from typing import Annotated

import typer

from gantool.cli.playing import AtOption, CodeOption, LabelOption, OutputOption, RunArgument


def arithmetic(
    run: RunArgument,
    expression: Annotated[
        str,
        typer.Argument(
            help='Cells of the sample grid, as in "mean(1,5,9) - mean(2,3,4) + mean(7,8,11)".'
        ),
    ],
    label: LabelOption = None,
    code: CodeOption = None,
    at: AtOption = None,
    output: OutputOption = None,
) -> None:
    """Add and subtract latents of the numbered sample grid.

    The picture shows operands, means and result.
    """
    from gantool.cli.playing import open_sampler, place_for, write_picture
    from gantool.sampling import pictures

    sampler = open_sampler(run, at)
    drawn = sampler.arithmetic(
        expression, label=sampler.label(label), codes=sampler.codes(code or [])
    )
    words = "".join(character if character.isalnum() else "-" for character in expression).strip(
        "-"
    )[:60]
    name = f"arithmetic-{sampler.trained.step}-{words}.png"
    write_picture(place_for(sampler, output, name=name), pictures.png(pictures.equation(drawn)))
