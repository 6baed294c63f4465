"""`gantool inspect DATA`."""

from __future__ import annotations

import inspect as signatures
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gantool.cli.options import options_of_data, parameter_of
from gantool.config import TrainConfig

# Of the options of data those that do not change what is prepared.
_OTHERS = frozenset({"data", "flip", "points", "batch_size", "split_seed", "train_images"})
_LINES = 12  # of a list that is printed; the page and --json have more


def add_to(app: typer.Typer) -> None:
    """Add the command; its options are those of a run that say how data is prepared."""

    def inspect(data: str, output: Path | None, json: bool, **flags: Any) -> None:
        """Look at pictures before training on them: sizes, classes, duplicates, what to mind."""
        _inspect(
            {"data": data, **{key: value for key, value in flags.items() if value is not None}},
            output=output,
            json=json,
        )

    named = Annotated[
        str, typer.Argument(metavar="DATA", help="A name of a data set, or a folder of images.")
    ]
    place = Annotated[
        Path | None,
        typer.Option(help="File of the page, or a folder for it (unset: inspect-NAME.html here)."),
    ]
    as_json = Annotated[
        bool,
        typer.Option("--json", help="Print one JSON document; no page unless --output is given."),
    ]
    inspect.__signature__ = signatures.Signature(  # type: ignore[attr-defined]
        [
            _keyword("data", named, default=signatures.Parameter.empty),
            *(parameter_of(option) for option in options_of_data(but=_OTHERS)),
            _keyword("output", place, default=None),
            _keyword("json", as_json, default=False),
        ]
    )
    app.command("inspect")(inspect)


def _keyword(name: str, annotation: Any, *, default: Any) -> signatures.Parameter:
    return signatures.Parameter(
        name, signatures.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _inspect(flags: Mapping[str, Any], *, output: Path | None, json: bool) -> None:
    from gantool.cli.output import print_json
    from gantool.config import resolve
    from gantool.data.inspection.findings import inspect
    from gantool.data.load import load
    from gantool.display import make_display
    from gantool.errors import ConfigError
    from gantool.plugins.registry import load_registry
    from gantool.report.inspection import write_inspection
    from gantool.runs.files import slug

    registry = load_registry()
    config = resolve(TrainConfig, model="inspect", flags=flags).config
    spec = registry.datasets.get(config.data)
    if spec is not None and spec.kind == "points":
        raise ConfigError(
            f"{spec.name} is of points in the plane, made from a formula; there are no pictures.",
            "docs/data.md tells its parts; `gantool run vanilla --data ring` draws them.",
        )
    with make_display() as display:
        whole = config.model_copy(update={"split_seed": None, "train_images": None})
        data = load(whole, registry, progress=display.preparing)
        found = inspect(data, fit=config.fit, progress=display.inspecting)
    if not json:
        _print(found.document)
    if output is not None or not json:
        name = f"inspect-{slug(data.name) or 'folder'}.html"
        file = Path(name) if output is None else output
        page = write_inspection(
            file / name if file.is_dir() else file,
            document=found.document,
            mean=found.mean,
            grids=found.grids,
            pairs=found.pairs,
        )
        if not json:
            print(f"page: {page}")
    if json:
        print_json(found.document)


def _print(found: Mapping[str, Any]) -> None:
    from gantool.cli.output import print_table
    from gantool.errors import printable
    from gantool.report.inspection import classes_table, facts, lists

    print_table(("", found["name"]), facts(found))
    if found["classes"]:
        print_table(*classes_table(found, most=_LINES))
    for heading, lines in lists(found).items():
        print(f"{heading}:")
        for line in lines[:_LINES]:
            print(printable(f"  {line}"))
        if len(lines) > _LINES:
            print(f"  and {len(lines) - _LINES:,} more")
    for sentence in [*found["warnings"], *found["advice"]]:
        print(printable(f"- {sentence}"))
