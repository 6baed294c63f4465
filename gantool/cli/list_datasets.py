"""`gantool list-datasets`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gantool.plugins.spec import DatasetSpec


def list_datasets(
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder that holds downloaded data sets.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the data sets that `--data` knows; a folder of images works as well."""
    from gantool.cli.output import print_json, print_table
    from gantool.data.prepared import data_folder
    from gantool.errors import printable
    from gantool.plugins.registry import load_registry

    datasets = [
        {
            "name": spec.name,
            "kind": spec.kind,
            "summary": spec.summary,
            "images": spec.images,
            "image_size": spec.image_size,
            "channels": spec.channels,
            "classes": spec.classes,
            "present": _present(spec, data_dir),
            "credit": spec.credit,
        }
        for _, spec in sorted(load_registry().datasets.items())
    ]
    if json:
        print_json(datasets)
        return
    print_table(
        ("data set", "of", "summary", "samples", "size", "channels", "classes", "present"),
        (
            (
                str(d["name"]),
                str(d["kind"]),
                str(d["summary"]),
                f"{d['images']:,}",
                f"{d['image_size']} x {d['image_size']}" if d["image_size"] else "-",
                str(d["channels"] or "-"),
                str(d["classes"] or "-"),
                "yes" if d["present"] else "no",
            )
            for d in datasets
        ),
    )
    for d in datasets:
        if d["credit"]:
            print(f"{d['name']}: {printable(str(d['credit']))}")
    print(
        f"Not present: downloaded into {data_folder(data_dir)} at first use, or put there by hand."
    )


def _present(spec: DatasetSpec, data_dir: Path | None) -> bool:
    from gantool.data.load import open_source

    if spec.kind == "points":  # made from a formula
        return True
    try:
        return bool(open_source(spec, data_dir).present())
    except Exception as error:  # a plugin's fault costs its own row only
        print(f"gantool: data set {spec.name} is broken: {error}", file=sys.stderr)
        return False
