"""The command line: one file a command, with its options and help only.

The work is imported inside the functions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gantool._version import __version__
from gantool.cli import (
    animate,
    arithmetic,
    check,
    compare,
    evaluate,
    explore,
    export,
    inspect,
    interpolate,
    list_datasets,
    list_metrics,
    list_models,
    list_plugins,
    list_pretrained,
    list_runs,
    new_plugin,
    note,
    pack,
    prune,
    reconstruct,
    report,
    resume,
    run,
    sample,
    sheet,
    study,
    unpack,
    watch,
)
from gantool.cli.output import CONTEXT
from gantool.plugins.registry import load_registry


class RootGroup(TyperGroup):
    """gantool's own commands, and those of plugins.

    Plugins are loaded only when one of their commands, or the list of all, is asked for.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """Own commands first."""
        return [*super().list_commands(ctx), *sorted(load_registry().commands)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """An own command, else a plugin's."""
        return super().get_command(ctx, cmd_name) or load_registry().commands.get(cmd_name)


app = typer.Typer(
    name="gantool",
    cls=RootGroup,
    help="Train, compare and understand GAN variants.",
    no_args_is_help=True,
    context_settings=CONTEXT,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"gantool {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and leave."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks; anywhere on the line.")
    ] = False,
) -> None:
    pass


app.add_typer(run.app, name="run")
app.command("resume")(resume.resume)
app.command("study")(study.study)
app.command("watch")(watch.watch)
inspect.add_to(app)
app.command("prune")(prune.prune)
app.command("note")(note.note)
evaluate.add_to(app)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("pack")(pack.pack)
app.command("unpack")(unpack.unpack)
for _command in (
    sample.sample,
    sheet.sheet,
    interpolate.interpolate,
    arithmetic.arithmetic,
    reconstruct.reconstruct,
    animate.animate,
    export.export,
    explore.explore,
):
    app.command(_command.__name__)(_command)
app.command("list-runs")(list_runs.list_runs)
app.command("list-models")(list_models.list_models)
app.command("list-datasets")(list_datasets.list_datasets)
app.command("list-metrics")(list_metrics.list_metrics)
app.command("list-plugins")(list_plugins.list_plugins)
app.command("list-pretrained")(list_pretrained.list_pretrained)
app.command("new-plugin")(new_plugin.new_plugin)
app.command("check")(check.check)


def command() -> Callable[..., Any]:
    """The command that `gantool` runs."""
    # A name that the terminal cannot show must not end a run.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    return typer.main.get_command(app)
