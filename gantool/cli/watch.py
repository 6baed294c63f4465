"""`gantool watch [PATH...]`, and the page beside `gantool run` and `gantool study`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gantool.watch.board import Board

_EXPERIMENTS = Path("experiments")


def watch(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Run folders, folders of runs, or studies' folders (unset: experiments).",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes any that is free.")
    ] = 8015,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
) -> None:
    """Follow runs in the browser while they train: curves, samples, alarms, scores, time left.

    The page is for this machine alone. It reads run folders and writes nothing; runs that start
    meanwhile appear.
    """
    import sys

    from gantool.errors import ConfigError
    from gantool.watch.board import Board
    from gantool.watch.server import WatchServer

    for path in paths or ():
        if not path.is_dir():
            what = "is a file" if path.exists() else "is not there"
            raise ConfigError(
                f"{path} {what}: nothing can be followed in it.",
                "Give run folders, or the folder that runs go to: gantool watch experiments",
            )
    board = Board(paths or [_EXPERIMENTS])
    server = WatchServer(board, port)
    print(f"{server.address}  (Ctrl-C ends it)", flush=True)
    board.look()
    if not board.runs:
        where = ", ".join(str(path) for path in board.paths)
        print(f"no run in {where} yet: waiting for the first one", file=sys.stderr)
    if browser:
        _open(server.address)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    server.end()


def _open(address: str) -> None:
    """Open the page, in a thread: a browser may take its time."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()


@contextlib.contextmanager
def watched(wanted: bool) -> Iterator[Board | None]:
    """Open the page, if wanted, for what this process does meanwhile; paths are added to it.

    It takes another port where its own is in use, as beside another run.
    """
    if not wanted:
        yield None
        return
    import os
    import sys

    from gantool.errors import GantoolError
    from gantool.watch.board import Board
    from gantool.watch.server import PORT, serving

    with contextlib.ExitStack() as stack:
        board = Board()
        try:
            server = stack.enter_context(serving(board, PORT))
        except GantoolError:
            server = stack.enter_context(serving(board, 0))
        print(f"watch it at {server.address}", file=sys.stderr, flush=True)
        # A browser in the terminal would take it away from the run.
        seen = any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")))
        if seen or sys.platform in ("darwin", "win32"):
            _open(server.address)
        yield board
