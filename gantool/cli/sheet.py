"""`gantool sheet RUN`."""

from __future__ import annotations

from gantool.cli.playing import AtOption, OutputOption, RunArgument


def sheet(run: RunArgument, at: AtOption = None, output: OutputOption = None) -> None:
    """Draw the run's sheet with the number of each cell, to pick from for interpolation and arithmetic."""
    from gantool.cli.playing import open_player, place_for, write_picture
    from gantool.playground import pictures

    player = open_player(run, at)
    picture = pictures.numbered(player.draw_sheet(), player.sheet.columns)
    write_picture(place_for(player, output, f"sheet-{player.trained.step}.png"), pictures.png(picture))
