"""`gantool reconstruct RUN`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gantool.cli.playing import AtOption, DeviceOption, OutputOption, RunArgument


def reconstruct(
    run: RunArgument,
    n: Annotated[int, typer.Option("-n", "--images", min=1, max=1000, help="Images to show.")] = 32,
    at: AtOption = None,
    output: OutputOption = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set.")] = None,
    device: DeviceOption = "cpu",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Draw images of the test split beside what the model makes of their latents, G(E(x)).

    The error is that of the whole split. Models without an encoder are refused.
    """
    from gantool.cli.output import print_json
    from gantool.cli.playing import open_sampler, place_for, write_picture
    from gantool.display import make_display
    from gantool.plugins.registry import load_registry
    from gantool.sampling import pictures, reconstruction

    sampler = open_sampler(run, at, device=device)
    with make_display() as display:
        found = reconstruction.reconstruct(
            sampler, load_registry(), shown=n, data_dir=data_dir, progress=display.preparing
        )
    file = place_for(sampler, output, name=f"reconstruct-{sampler.trained.step}.png")
    write_picture(file, pictures.png(found.picture()), silent=json)
    if json:
        print_json(
            {
                "run": sampler.record.name,
                "model": sampler.record.model,
                "step": sampler.trained.step,
                **found.describe(),
                "shown": len(found.real),
                "picture": str(file),
            }
        )
        return
    print(
        f"mean squared error {found.mean_squared_error:.4g} of values in [-1, 1], over "
        f"{found.images:,} test images; their mean image has {found.error_of_mean:.4g}"
    )
