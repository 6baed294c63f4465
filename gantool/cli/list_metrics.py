"""`gantool list-metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gantool.plugins.spec import MetricSpec


def list_metrics(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the scores that runs are given, and those that `gantool evaluate --metric` gives."""
    from gantool.cli.output import print_json, print_table
    from gantool.plugins.registry import load_registry
    from gantool.runs.records import ARROWS

    registry = load_registry()
    if json:
        print_json(
            [
                {
                    "name": spec.name,
                    "summary": spec.summary,
                    "kinds": list(spec.kinds),
                    "better": spec.better,
                    "unit": spec.unit,
                    "on_request": spec.on_request,
                    "paper": spec.paper,
                    "plugin": registry.plugin_of_metric(spec.name).distribution,
                }
                for spec in registry.metrics.values()
            ]
        )
        return
    print_table(
        ("score", "of", "better", "what it is", "plugin", "paper"),
        (
            (
                spec.name,
                ", ".join(spec.kinds),
                f"{ARROWS[spec.better]} {spec.better}",
                _described(spec),
                registry.plugin_of_metric(spec.name).distribution,
                spec.paper or "-",
            )
            for spec in registry.metrics.values()
        ),
    )


def _described(spec: MetricSpec) -> str:
    unit = f" ({spec.unit})" if spec.unit else ""
    return spec.summary + unit + ("; on request" if spec.on_request else "")
