"""`gantool list-pretrained`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from gantool.plugins.spec import PretrainedSpec

_SHOWN = {"frechet-distance": "distance", "precision": "precision", "recall": "recall"}


def list_pretrained(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the generators that are trained already: what each draws, its scores, its license.

    A name, as pretrained:dcgan, stands for a run folder wherever one is read.
    """
    from gantool.cli.output import print_json, print_table
    from gantool.errors import GantoolError, printable
    from gantool.plugins.registry import load_registry

    registry = load_registry()
    found: list[dict[str, Any]] = []
    for _, spec in sorted(registry.pretrained.items()):
        try:
            found.append(_describe(spec))
        except GantoolError as error:  # a plugin's fault costs its own row only
            print(f"gantool: {printable(str(error))}", file=sys.stderr)
    if json:
        print_json(found)
        return
    if not found:
        print("none: `pip install gantool-pretrained` brings some.")
        return
    print_table(
        ("name", "draws", "model", "data", "size", *_SHOWN.values(), "MB"),
        (
            (
                str(each["name"]),
                str(each["summary"]),
                str(each["model"]),
                str(each["data"]),
                str(each["image_size"] or "-"),
                *(_short(each["scores"].get(score)) for score in _SHOWN),
                f"{each['bytes'] / 1e6:.1f}",
            )
            for each in found
        ),
    )
    for text in dict.fromkeys(each["license"] for each in found if each["license"]):
        names = ", ".join(each["name"] for each in found if each["license"] == text)
        print(f"{names}: {printable(text)}")


def _describe(spec: PretrainedSpec) -> dict[str, Any]:
    """A generator, as its run folder has it.

    Raises:
        GantoolError: its run.json is damaged.
    """
    from gantool.config import PRETRAINED
    from gantool.runs.folder import RunFolder

    folder = RunFolder.open(spec.folder)
    record = folder.read()
    data = record.data
    return {
        "name": f"{PRETRAINED}{spec.name}",
        "summary": spec.summary,
        "model": record.model,
        "data": data.get("name"),
        "image_size": data.get("image_size"),
        "channels": data.get("channels"),
        "classes": data.get("classes", []),
        "images": record.images,
        "steps": record.steps,
        "seconds": record.seconds,
        "scores": {
            score.metric: {"value": score.value, "real": score.real, "noise": score.noise}
            for score in folder.scores()
            if score.value is not None
        },
        "bytes": folder.generator_file.stat().st_size if folder.generator_file.is_file() else 0,
        "license": spec.license,
    }


def _short(score: dict[str, float | None] | None) -> str:
    from gantool.report.format import short

    if score is None:
        return "-"
    real = "" if score["real"] is None else f" (real {short(score['real'])})"
    return f"{short(score['value'])}{real}"
