"""`gantool resume RUN`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gantool.cli.showing import ShowOption


def resume(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Extend the run to so many epochs in all.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Extend the run to so many steps in all.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Folder or file of the run's data, where it lies elsewhere now."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Go on although code, data or versions changed.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print run.json and nothing else on stdout.")
    ] = False,
    show: ShowOption = None,
) -> None:
    """Go on with a run that was interrupted, or extend a finished one."""
    from gantool.cli.summary import print_summary
    from gantool.display import make_display
    from gantool.errors import ConfigError
    from gantool.machine.garbage import imports_uncollected
    from gantool.plugins.registry import load_registry

    if epochs is not None and steps is not None:
        raise ConfigError("give --epochs or --steps, one of the two")
    with imports_uncollected():
        from gantool.training.run import resume as go_on

    with make_display() as display:
        folder = go_on(
            run,
            load_registry(),
            display=display,
            epochs=epochs,
            steps=steps,
            data=data,
            force=force,
        )
    print_summary([folder], json=json, many=False, show=show)
