"""`gantool list-models`."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def list_models(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the models that can be run, by what they are, and the origin of each."""
    from gantool.cli.output import print_json, print_table
    from gantool.plugins.registry import load_registry
    from gantool.plugins.spec import CONDITIONAL, OUTSIDERS, PLAIN

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
            "group": spec.heading,
        }
        for _, spec in sorted(registry.models.items())
    ]
    if json:
        print_json(models)
        return
    usual = [PLAIN, CONDITIONAL]
    groups = sorted(
        {m["group"] for m in models},
        key=lambda group: (group == OUTSIDERS, group not in usual, group),
    )
    for group in groups:
        print(f"{group[0].upper()}{group[1:]}")
        print_table(
            ("model", "summary", "draws", "labels", "presets", "plugin", "paper"),
            (
                (
                    m["name"],
                    m["summary"],
                    ", ".join(m["kinds"]),
                    "needed" if m["needs_labels"] else "unused",
                    ", ".join(m["presets"]) or "-",
                    m["plugin"],
                    m["paper"],
                )
                for m in models
                if m["group"] == group
            ),
        )
