"""The few lines that a finished run leaves on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gantool.cli.output import print_json, print_table
from gantool.cli.scores import print_scores
from gantool.display import clock
from gantool.runs.files import read_json_lines
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord


def print_summary(folders: Sequence[RunFolder], *, json: bool, many: bool) -> None:
    """Print the runs that were made, as JSON or as a summary to read.

    The JSON is run.json with its path, or an array of these for several seeds.
    """
    if json:
        _print_documents(
            [{"path": str(f.path), **f.read().model_dump(mode="json")} for f in folders], many
        )
        return
    for folder in folders:
        _print_one(folder)


def _print_documents(documents: list[dict[str, Any]], many: bool) -> None:
    """One document, or an array for several seeds; nothing where a single run was never made."""
    if many:
        print_json(documents)
    elif documents:
        print_json(documents[0])


def _print_one(folder: RunFolder) -> None:
    record = folder.read()
    print(
        f"{record.model} on {record.data.get('name')}: {record.steps:,} steps "
        f"({record.epochs:.3g} epochs) in {clock(record.seconds)}, "
        f"{record.images_per_second or 0:,.0f} {record.data.get('kind', 'images')}/s; "
        f"{record.status}"
    )
    for event in read_json_lines(folder.events_file):
        if event.get("kind") == "collapse":
            print(f"  collapse at step {event['step']} ({event['detector']}): {event['message']}")
    scores = [score for score in folder.scores() if score.step == record.steps]
    if scores:
        print_scores(scores)
    pictures = {
        "report": folder.report_file,
        "samples": folder.samples_figure,
        "losses": folder.losses_figure,
        "animation": folder.animation,
        "neighbours": folder.neighbors_figure,
    }
    for name, path in pictures.items():
        if path.exists():
            print(f"  {name:10}  {path}")
    print(f"  run         {folder.path}")


def print_setups(records: Sequence[RunRecord], *, json: bool, many: bool) -> None:
    """Print the runs that would be made, as JSON or as tables of options to read.

    The JSON is one document, or an array for several seeds.
    """
    if json:
        hidden = {"status", "started", "ended", "process"}
        _print_documents(
            [record.model_dump(mode="json", exclude=hidden) for record in records], many
        )
        return
    for record in records:
        print_table(
            ("option", "value", "from"),
            (
                (key, "-" if value is None else str(value), record.sources.get(key, "default"))
                for key, value in record.config.items()
            ),
        )
        networks = ", ".join(
            f"{name} {count:,} parameters" for name, count in record.networks.items()
        )
        print(f"{record.model} on {record.data['name']}: {record.total_steps:,} steps; {networks}")
