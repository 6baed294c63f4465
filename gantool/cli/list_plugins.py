"""`gantool list-plugins`."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def list_plugins(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the plugins: what each registers, and what is wrong with those that do not work."""
    from gantool.cli.output import print_json, print_table
    from gantool.plugins.registry import load_registry

    registry = load_registry(announce=False)
    plugins: list[dict[str, Any]] = [
        {
            "name": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "models": [spec.name for spec in plugin.models],
            "datasets": [spec.name for spec in plugin.datasets],
            "readers": [spec.name for spec in plugin.readers],
            "extractors": [spec.name for spec in plugin.extractors],
            "pretrained": [spec.name for spec in plugin.pretrained],
            "commands": sorted(plugin.commands),
            "tracker": plugin.tracks,
            "healthy": not plugin.problem,
            "problem": plugin.problem or None,
            "remedy": plugin.remedy or None,
            "conflicts": sorted(
                name for (_, name), claimants in registry.conflicts.items() if plugin in claimants
            ),
            "seconds": round(plugin.seconds, 3),
            "slow": plugin.slow,
        }
        for plugin in registry.plugins
    ]
    if json:
        print_json(plugins)
        return
    print_table(
        ("plugin", "distribution", "version", "registers", "state"),
        ((p["name"], p["distribution"], p["version"], _registers(p), _state(p)) for p in plugins),
    )


_LISTED = {
    "models": "models",
    "datasets": "data sets",
    "readers": "readers",
    "extractors": "extractors",
    "pretrained": "pretrained generators",
    "commands": "commands",
}


def _registers(plugin: dict[str, Any]) -> str:
    parts = [f"{kind} {', '.join(plugin[key])}" for key, kind in _LISTED.items() if plugin[key]]
    if plugin["tracker"]:
        parts.append(f"tracker {plugin['name']}")
    return "; ".join(parts) or "-"


def _state(plugin: dict[str, Any]) -> str:
    if plugin["problem"]:
        return f"broken: {plugin['problem']} {plugin['remedy']}"
    if plugin["conflicts"]:
        return f"another plugin registers {', '.join(plugin['conflicts'])} too, so neither is used"
    if plugin["slow"]:
        return f"healthy, but takes {plugin['seconds']:.1f} s to load"
    return "healthy"
