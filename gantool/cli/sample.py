"""`gantool sample RUN`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from gantool.cli.playing import (
    AtOption,
    CodeOption,
    DeviceOption,
    LabelOption,
    OutputOption,
    RunArgument,
)
from gantool.cli.showing import ShowOption

_MOST_IN_A_GRID = 10_000


def sample(
    run: RunArgument,
    n: Annotated[int, typer.Option("-n", "--samples", min=1, help="How many.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same samples.")] = 0,
    label: LabelOption = None,
    labels: Annotated[
        Literal["all"] | None, typer.Option(help="all: a column a class, the same latents in each.")
    ] = None,
    code: CodeOption = None,
    truncation: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="PSI",
            help="Styles at this share of their distance from the mean one, where a model has "
            "styles: below 1 samples are cleaner and more alike.",
        ),
    ] = None,
    at: AtOption = None,
    kind: Annotated[
        Literal["png", "npz"], typer.Option("--format", help="A grid, or arrays.")
    ] = "png",
    separate: Annotated[
        bool, typer.Option("--separate", help="A PNG for each sample, in a new folder.")
    ] = False,
    output: OutputOption = None,
    device: DeviceOption = "cpu",
    show: ShowOption = None,
) -> None:
    """Draw from a trained generator: a grid, single files, or arrays of any number.

    `--code NAME=all` draws a column for each value of a code, with the rest alike in each.
    """
    from PIL import Image

    from gantool.cli.playing import open_sampler, place_for, write_picture
    from gantool.cli.showing import show_samples
    from gantool.display import make_display
    from gantool.errors import ConfigError, GantoolError
    from gantool.sampling import streaming
    from gantool.sampling.pictures import png
    from gantool.sampling.views import PlaneView

    if label is not None and labels is not None:
        raise ConfigError("give --label or --labels all, one of the two")
    if separate and kind == "npz":
        raise ConfigError("give --separate or --format npz, one of the two")
    if show and (separate or kind == "npz"):
        raise ConfigError("--show is for a grid", "Leave it out, or leave out the other option.")
    if labels and (separate or kind == "npz"):
        raise ConfigError("--labels all is for a grid", "Give --label, once for each class.")
    sampler = open_sampler(run, at, device=device)
    if truncation is not None:
        sampler.model.truncate(truncation)
    chosen = sampler.label(label)
    codes = sampler.codes(code or [], all_values=True)
    swept = [one for one in codes if len(one.values) > 1]
    codes = [one for one in codes if len(one.values) == 1]
    if len(swept) + bool(labels) > 1:
        raise ConfigError("a grid has columns of one kind", "Ask for all values of one thing.")
    if swept and (separate or kind == "npz"):
        raise ConfigError(
            f"{swept[0].text} is for a grid", "Give --code once for each of its values."
        )
    words = [f"sample-{sampler.trained.step}-seed{seed}"]
    words += [str(chosen)] if chosen is not None else []
    words += ["all"] if labels else []
    words += [one.text.replace("=", "-").replace(" ", "") for one in [*codes, *swept]]
    words += [f"truncation{truncation:g}"] if truncation is not None else []
    name = "-".join(words)
    if kind == "png" and not separate:
        if n > _MOST_IN_A_GRID:
            raise ConfigError(
                f"a grid of {n:,} samples is too large to look at; "
                f"{_MOST_IN_A_GRID:,} are the most.",
                "Use --format npz or --separate.",
            )
        if labels:
            classes = max(1, len(sampler.classes))
            z, y = sampler.every_label(max(1, n // classes), seed, codes=codes)
            columns = classes
        elif swept:
            columns = len(swept[0].values)
            rows = max(1, n // columns)
            z, y = sampler.every_value(swept[0], rows, seed, label=chosen, codes=codes)
        else:
            z, y = sampler.choose(n, seed, label=chosen, codes=codes)
            columns = min(n, max(1, round(n**0.5)))
        picture = Image.fromarray(sampler.picture(z, y, columns=columns))
        grid = {"rows": -(-len(z) // columns), "columns": columns}
        points = isinstance(sampler.view, PlaneView)
        show_samples(picture, show, grid=None if points else grid)
        write_picture(place_for(sampler, output, name=f"{name}.png"), png(picture))
        return
    wanted = streaming.Wanted(n, seed=seed, label=chosen, codes=codes)
    try:
        with make_display() as display:
            if separate:
                folder = place_for(sampler, output, name=name)
                print(streaming.to_files(sampler, wanted, folder=folder, progress=display.drawing))
            else:
                file = place_for(sampler, output, name=f"{name}.npz")
                print(streaming.to_npz(sampler, wanted, file=file, progress=display.drawing))
    except OSError as error:
        raise GantoolError(
            f"cannot write the samples: {error.strerror or error}",
            "Name another place with --output.",
        ) from None
