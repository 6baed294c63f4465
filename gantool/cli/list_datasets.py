"""`gantool list-datasets`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def list_datasets(
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds downloaded data sets.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the data sets that `--data` knows; a folder of images works as well."""
    from gantool.cli.output import print_json, print_table
    from gantool.data.prepared import data_folder
    from gantool.plugins import load_registry
    from gantool.spec import load_implementation

    datasets = [
        {
            "name": spec.name,
            "summary": spec.summary,
            "images": spec.images,
            "image_size": spec.image_size,
            "channels": spec.channels,
            "classes": spec.classes,
            "present": bool(load_implementation(spec.source)(data_folder(data_dir)).present()),
        }
        for _, spec in sorted(load_registry().datasets.items())
    ]
    if json:
        print_json(datasets)
        return
    print_table(
        ("data set", "summary", "images", "size", "channels", "classes", "present"),
        (
            (
                str(d["name"]),
                str(d["summary"]),
                f"{d['images']:,}",
                f"{d['image_size']} x {d['image_size']}",
                str(d["channels"]),
                str(d["classes"] or "-"),
                "yes" if d["present"] else "no",
            )
            for d in datasets
        ),
    )
    print(f"Not present: downloaded into {data_folder(data_dir)} at first use, or put there by hand.")
