"""Samples in the terminal: the first of a grid, as many as it has room for, or a scatter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantool.config import SHOW
from gantool.runs.files import read_text

if TYPE_CHECKING:
    from PIL import Image

    from gantool.machine.terminal import Screen
    from gantool.runs.folder import RunFolder

ShowOption = Annotated[
    bool | None, typer.Option(SHOW.flag, help=f"{SHOW.description.capitalize()}.")
]

_FEWEST, _MOST = 2, 4  # rows of a grid, where it has so many
_LARGEST = 10  # columns of characters that an image takes, about, so that it can be read
_LARGEST_IN_BLOCKS = 32
_TEXT_LINES = 24  # that a summary with scores takes below a grid
_FEW_LINES = 8  # that are left free beside a scatter, which is one picture and needs the room


def show_run(folder: RunFolder, wanted: bool | None) -> None:
    """Show a run's newest sample grid, if it has one, and its step where the run went further.

    Args:
        folder: of the run.
        wanted: as `--show`.
    """
    from gantool.machine.terminal import find_screen

    grids = folder.sample_grids()
    screen = find_screen(wanted) if grids else None
    if screen is None:
        return
    step, file = list(grids.items())[-1]
    record = folder.read()
    grid = None if record.noun == "points" else json.loads(read_text(folder.sheet_file))
    screen.show(_fitting(_read(file), grid, screen=screen))
    if step != record.steps:
        print(f"samples at step {step:,}")


def show_samples(
    picture: Image.Image, wanted: bool | None, *, grid: Mapping[str, Any] | None
) -> None:
    """Show samples, if that is wanted where stdout leads.

    Args:
        picture: RGB, a grid of images or a scatter.
        wanted: as `--show`.
        grid: rows, columns and padding, as in sheet.json; None of a scatter.
    """
    from gantool.machine.terminal import find_screen

    if screen := find_screen(wanted):
        screen.show(_fitting(picture, grid, screen=screen))


def _fitting(
    picture: Image.Image, grid: Mapping[str, Any] | None, *, screen: Screen
) -> Image.Image:
    """The part or the size of a picture that fits a screen."""
    return _scatter(picture, screen) if grid is None else _excerpt(picture, grid, screen=screen)


def _read(file: Path) -> Image.Image:
    from PIL import Image

    with Image.open(file, formats=["PNG"]) as picture:
        return picture.convert("RGB")


def _excerpt(picture: Image.Image, grid: Mapping[str, Any], *, screen: Screen) -> Image.Image:
    """The first cells of a grid, large enough to be read, as many as there is room for.

    Pixels are enlarged to whole numbers of pixels; only images that are larger than that are made
    smaller.
    """
    from PIL import Image

    padding = int(grid.get("padding", 2))
    rows, columns = int(grid["rows"]), int(grid["columns"])
    along, down = (picture.width - padding) // columns, (picture.height - padding) // rows
    room = screen.columns * screen.cell[0], (screen.lines - _TEXT_LINES) * screen.cell[1]
    largest = _LARGEST_IN_BLOCKS if screen.way == "blocks" else _LARGEST * screen.cell[0]
    width, whole = along - padding, along + padding  # of an image, and with all of its frame
    larger = max(1, min(largest // width, room[0] // whole))
    smaller = max(-(-width // largest), -(-whole // room[0]))
    across, below = (
        (free * smaller // larger - padding) // step
        for free, step in ((room[0], along), (room[1], down))
    )
    across = max(1, min(columns, across))
    below = min(rows, max(_FEWEST, min(_MOST, below)))
    size = across * along + padding, below * down + padding
    part = picture.crop((0, 0, *size)).reduce(smaller)
    return part.resize((part.width * larger, part.height * larger), Image.Resampling.NEAREST)


def _scatter(picture: Image.Image, screen: Screen) -> Image.Image:
    """A scatter as large as there is room for; of few pixels without its axes."""
    from PIL import Image

    from gantool.sampling.scatter import LEFT, PLANE, TOP

    if screen.way == "blocks":
        picture = picture.crop((LEFT, TOP, LEFT + PLANE, TOP + PLANE))
    room = screen.columns * screen.cell[0], (screen.lines - _FEW_LINES) * screen.cell[1]
    side = max(screen.cell[0], min(room))
    if side >= picture.width:
        side -= side % picture.width
    return picture.resize((side, side), Image.Resampling.LANCZOS)
