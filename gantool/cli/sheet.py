"""`gantool sheet RUN`."""

from __future__ import annotations

from gantool.cli.playing import AtOption, CodeOption, OutputOption, RunArgument


def sheet(
    run: RunArgument,
    code: CodeOption = None,
    at: AtOption = None,
    output: OutputOption = None,
) -> None:
    """Draw the run's sample grid with the number of each cell.

    The numbers are those that interpolation and arithmetic take.
    """
    from gantool.cli.playing import open_sampler, place_for, write_picture
    from gantool.sampling import pictures

    sampler = open_sampler(run, at)
    picture = sampler.numbered(sampler.codes(code or []))
    write_picture(
        place_for(sampler, output, name=f"sheet-{sampler.trained.step}.png"), pictures.png(picture)
    )
