"""The hooks that a plugin may implement, each with `@gantool.hookimpl`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import typer

    from gantool.plugins.spec import DatasetSpec, MetricSpec, ModelSpec
    from gantool.plugins.tracking import TrackedRun, Tracker

hookspec = pluggy.HookspecMarker("gantool")
hookimpl = pluggy.HookimplMarker("gantool")


@hookspec
def register_models(register: Callable[[ModelSpec], None]) -> None:
    """Call `register(ModelSpec(...))` once for each model."""


@hookspec
def register_datasets(register: Callable[[DatasetSpec], None]) -> None:
    """Call `register(DatasetSpec(...))` once for each data set."""


@hookspec
def register_metrics(register: Callable[[MetricSpec], None]) -> None:
    """Call `register(MetricSpec(...))` once for each score."""


@hookspec
def register_commands(app: typer.Typer) -> None:
    """Add commands to `gantool` with `@app.command("name")`.

    The names of gantool's own commands are taken.
    """


@hookspec
def track(run: TrackedRun) -> Tracker | None:
    """Follow a run: return an object with `log`, `samples` and `close`, or None to leave it alone.

    A plugin with this hook adds a flag to `gantool run`, named after its entry point; the hook is
    called where the flag is given.
    """
