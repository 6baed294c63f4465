"""`gantool interpolate RUN`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from gantool.cli.playing import AtOption, LabelOption, OutputOption, RunArgument


def interpolate(
    run: RunArgument,
    start: Annotated[
        list[str], typer.Option("--from", metavar="CELL", help="Cell of the sheet, or seed:N; once for each row.")
    ],
    end: Annotated[list[str], typer.Option("--to", metavar="CELL", help="The same, as often as --from.")],
    steps: Annotated[int, typer.Option(min=2, max=1000, help="Images on the way, ends included.")] = 10,
    mode: Annotated[
        Literal["slerp", "lerp"] | None,
        typer.Option(help="Along an arc or a line (unset: slerp for a normal prior, lerp for a uniform one)."),
    ] = None,
    label: LabelOption = None,
    across_labels: Annotated[
        str | None, typer.Option(metavar="A,B", help="The same way once for each of these classes.")
    ] = None,
    gif: Annotated[bool, typer.Option("--gif", help="An animation, there and back; one pair only.")] = False,
    at: AtOption = None,
    output: OutputOption = None,
) -> None:
    """Draw what lies between two latents; several pairs give a row each, as in the 2014 paper's figure."""
    from gantool.cli.playing import open_player, place_for, write_picture
    from gantool.errors import ConfigError
    from gantool.playground import pictures

    if len(start) != len(end):
        raise ConfigError(f"{len(start)} --from and {len(end)} --to: each way needs both ends.")
    if label is not None and across_labels is not None:
        raise ConfigError("give --label or --across-labels, one of the two")
    player = open_player(run, at)
    wanted = [label] if across_labels is None else [part.strip() for part in across_labels.split(",")]
    labels = [player.label(one) for one in wanted]
    ways = [(a, b, chosen) for a, b in zip(start, end, strict=True) for chosen in labels]
    if gif and len(ways) > 1:
        raise ConfigError(f"--gif animates one way; {len(ways)} are given.")
    lines = [player.interpolate(a, b, steps=steps, mode=mode, label=chosen) for a, b, chosen in ways]
    named = ["" if chosen is None else f", class {player.classes[chosen]}" for _, _, chosen in ways]
    captions = [f"{a} to {b}{name}" for (a, b, _), name in zip(ways, named, strict=True)]
    ends = "-".join(f"{a}-{b}" for a, b in zip(start, end, strict=True)).replace(":", "")[:60]
    name = f"interpolate-{player.trained.step}-{ends}"
    if gif:
        frames = pictures.tall(list(lines[0]))
        write_picture(place_for(player, output, f"{name}.gif"), pictures.gif(frames, there_and_back=True))
    else:
        write_picture(place_for(player, output, f"{name}.png"), pictures.png(pictures.rows(lines, captions)))
