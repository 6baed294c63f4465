"""Write docs/commands.md from the command line: `python tools/make_commands.py`."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from gantool.cli import command as root

_HEAD = """# Commands

*Made from the code by `python tools/make_commands.py`.*

`gantool --help` lists the commands, `gantool COMMAND --help` shows this for one of them.
`--debug`, anywhere on a line, shows tracebacks. A command ends with 0 if all went well, 1 if
something failed, 2 if it was asked for in a way that cannot be (nothing was made then), 3 if a run
diverged, 130 after Ctrl-C.
"""
_RUN = "Run"  # the heading of what is no option of the training
_WORDS: dict[Any, str] = {int: "N", float: "X", Path: "PATH", bool: ""}


def _plain(annotation: Any) -> Any:
    """The type of a value: without Annotated, None and list."""
    if hasattr(annotation, "__metadata__"):
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType, list, tuple):
        return _plain(next(kind for kind in get_args(annotation) if kind is not type(None)))
    return annotation


def _value(parameter: Any, annotation: Any) -> str:
    if parameter.metavar is not None:
        return str(parameter.metavar)
    kind = _plain(annotation)
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    return _WORDS.get(kind, "TEXT")


def _cell(text: str) -> str:
    return " ".join(text.replace("\\[", "[").replace("|", "\\|").split())


def _rows(parameters: Iterable[Any], annotations: dict[str, Any]) -> list[str]:
    rows = []
    for parameter in parameters:
        value = _value(parameter, annotations.get(parameter.name))
        spellings = [*parameter.opts, *parameter.secondary_opts]
        if parameter.param_type_name == "argument":
            spelling = parameter.metavar or parameter.name.upper()
        else:
            spelling = f"{', '.join(spellings)} {value}".rstrip()
        text = parameter.help or ""
        default = parameter.default
        if isinstance(default, (int, float, str, Path)) and not isinstance(default, bool):
            text += f" [default: {default}]"
        if parameter.multiple and "several times" not in text:
            text += " May be given several times."
        rows.append(f"| `{_cell(spelling)}` | {_cell(text)} |")
    return rows


def _table(command: Any, *, panels: Iterable[str] | None = None) -> list[str]:
    """The parameters of a command, of some headings only if they are named."""
    signature = inspect.signature(command.callback, eval_str=True)
    annotations = {name: p.annotation for name, p in signature.parameters.items()}
    shown = [
        parameter
        for parameter in command.params
        if not parameter.hidden and (panels is None or parameter.rich_help_panel in panels)
    ]
    rows = _rows(shown, annotations)
    return ["| | |", "|---|---|", *rows, ""] if rows else []


def _usage(name: str, command: Any) -> str:
    words = [
        parameter.metavar or parameter.name.upper()
        for parameter in command.params
        if parameter.param_type_name == "argument"
    ]
    return " ".join(["gantool", name, *words])


def _models(group: Any, context: Any) -> list[str]:
    """Flags that are no options of the training, once; then the options that a model alone has."""
    lines = ["### Of every model", "", *_table(group.get_command(context, "dcgan"), panels=[_RUN])]
    lines += ["And the options of [options.md](options.md).", ""]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        lines += [f"### gantool run {name}", "", f"{_cell(command.short_help)}.", ""]
        own = _table(command, panels=[f"Options of {name}"])
        lines += own or ["Nothing besides.", ""]
    return lines


def render() -> str:
    """The page, for gantool and the plugins that are installed."""
    app: Any = root()
    context = app.make_context("gantool", [], resilient_parsing=True)
    lines = [_HEAD]
    for name in app.list_commands(context):
        command = app.get_command(context, name)
        lines += [f"## gantool {name}", "", *(command.help or "").strip().split("\n"), ""]
        if hasattr(command, "list_commands"):
            lines += ["    gantool run MODEL", "", *_models(command, context)]
        else:
            lines += [f"    {_usage(name, command)}", "", *_table(command)]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    (Path(__file__).parent.parent / "docs" / "commands.md").write_text(render(), encoding="utf-8")
