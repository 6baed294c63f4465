"""`gantool list-models`."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def list_models(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the models that can be run, and the origin of each."""
    from gantool.cli.output import print_json, print_table
    from gantool.plugins.registry import load_registry

    registry = load_registry()
    models: list[dict[str, Any]] = [
        {
            "name": spec.name,
            "summary": spec.summary,
            "paper": spec.paper,
            "plugin": registry.plugin_of(spec.name).distribution,
            "needs_labels": spec.needs_labels,
            "kinds": list(spec.kinds),
            "presets": sorted(spec.presets),
        }
        for _, spec in sorted(registry.models.items())
    ]
    if json:
        print_json(models)
        return
    print_table(
        ("model", "summary", "draws", "labels", "presets", "plugin", "paper"),
        (
            (
                str(m["name"]),
                str(m["summary"]),
                ", ".join(m["kinds"]),
                "needed" if m["needs_labels"] else "unused",
                ", ".join(m["presets"]) or "-",
                str(m["plugin"]),
                str(m["paper"]),
            )
            for m in models
        ),
    )
