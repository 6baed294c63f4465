"""`gantool interpolate RUN`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from gantool.cli.playing import AtOption, CodeOption, LabelOption, OutputOption, RunArgument


def interpolate(
    run: RunArgument,
    start: Annotated[
        list[str],
        typer.Option(
            "--from", metavar="CELL", help="Cell of the sample grid, or seed:N; once for each row."
        ),
    ],
    end: Annotated[
        list[str], typer.Option("--to", metavar="CELL", help="The same, as often as --from.")
    ],
    steps: Annotated[
        int, typer.Option(min=2, max=1000, help="Images on the way, ends included.")
    ] = 10,
    mode: Annotated[
        Literal["slerp", "lerp"] | None,
        typer.Option(
            help="Along an arc or a line (unset: slerp for a normal prior, lerp for a uniform one)."
        ),
    ] = None,
    label: LabelOption = None,
    across_labels: Annotated[
        str | None, typer.Option(metavar="A,B", help="The same way once for each of these classes.")
    ] = None,
    code: CodeOption = None,
    gif: Annotated[
        bool, typer.Option("--gif", help="An animation, there and back; one pair only.")
    ] = False,
    at: AtOption = None,
    output: OutputOption = None,
) -> None:
    """Draw the images between two latents.

    Several pairs give a row each, as in the figure of the 2014 paper; of points in the plane the
    ways are drawn over the sample grid. A categorical part of the
    latent is exchanged half way, or held by --code.
    """
    from gantool.cli.playing import open_sampler, place_for, write_picture
    from gantool.errors import ConfigError
    from gantool.sampling import pictures

    if len(start) != len(end):
        raise ConfigError(f"{len(start)} --from and {len(end)} --to: each way needs both ends.")
    if label is not None and across_labels is not None:
        raise ConfigError("give --label or --across-labels, one of the two")
    sampler = open_sampler(run, at)
    wanted = (
        [label] if across_labels is None else [part.strip() for part in across_labels.split(",")]
    )
    labels = [sampler.label(one) for one in wanted]
    ways = [(a, b, chosen) for a, b in zip(start, end, strict=True) for chosen in labels]
    if gif and len(ways) > 1:
        raise ConfigError(f"--gif animates one way; {len(ways)} are given.")
    codes = sampler.codes(code or [])
    lines = [
        sampler.interpolate(a, b, steps=steps, mode=mode, label=chosen, codes=codes)
        for a, b, chosen in ways
    ]
    named = [
        "" if chosen is None else f", class {sampler.classes[chosen]}" for _, _, chosen in ways
    ]
    captions = [f"{a} to {b}{name}" for (a, b, _), name in zip(ways, named, strict=True)]
    ends = "-".join(f"{a}-{b}" for a, b in zip(start, end, strict=True)).replace(":", "")[:60]
    name = f"interpolate-{sampler.trained.step}-{ends}"
    if gif:
        shown = pictures.there_and_back(sampler.frames(lines[0]))
        write_picture(place_for(sampler, output, name=f"{name}.gif"), pictures.gif(shown))
    else:
        write_picture(
            place_for(sampler, output, name=f"{name}.png"),
            pictures.png(sampler.ways(lines, captions)),
        )
