"""Flags made from the options of a configuration."""

from __future__ import annotations

import inspect
import types
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

from gantool.config import DataOptions, Option, TrainConfig, options_of

_METAVARS = {int: "N", float: "X", str: "TEXT", Path: "PATH", bool: ""}


def options_of_data(*, but: Collection[str]) -> list[Option]:
    """The options of a run that are of its data, but for some."""
    return [
        option
        for option in options_of(TrainConfig)
        if option.key in DataOptions.model_fields and option.key not in but
    ]


def parameter_of(option: Option, *, hidden: bool = False) -> inspect.Parameter:
    """The flag of an option; one that is not given is None, whatever the real default.

    The default is only shown, so that files and environment keep their say; a hidden flag is not.
    """
    kind = _plain_type(option.field.annotation)
    default = option.field.default
    flag = f"{option.flag}/--no-{option.flag[2:]}" if kind is bool else option.flag
    text = option.description
    if option.choices:
        text += f": {', '.join(option.choices)}"
    if kind is bool:
        text += f" [default: {'on' if default else 'off'}]"
    elif default is not None:
        text += f" [default: {default}]"
    declaration = typer.Option(
        flag,
        help=text.replace("[", "\\["),
        show_default=False,
        metavar=_METAVARS.get(kind, "NAME"),
        rich_help_panel=option.heading,
        hidden=hidden,
    )
    return inspect.Parameter(
        option.key,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, declaration],
    )


def _plain_type(annotation: Any) -> Any:
    """The type that the command line parses.

    A type that it does not know stays text, for the configuration to validate.
    """
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [part for part in get_args(annotation) if part is not type(None)]
        annotation = inner[0] if len(inner) == 1 else str
    if get_origin(annotation) is Literal:
        kinds = {type(choice) for choice in get_args(annotation)}
        if kinds == {str}:
            return annotation
        return kinds.pop() if len(kinds) == 1 else str
    return annotation if annotation in (int, float, bool, str, Path) else str
