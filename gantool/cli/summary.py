"""The few lines that a finished run leaves on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gantool.cli.output import print_json, print_table
from gantool.cli.scores import print_scores
from gantool.runs import RunFolder, RunRecord, read_json_lines


def print_summary(folders: Sequence[RunFolder], *, json: bool, many: bool) -> None:
    """Print what was made: run.json with its path (an array of them for several seeds), or a summary to read."""
    if json:
        _print_documents([{"path": str(f.path), **f.read().model_dump(mode="json")} for f in folders], many)
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
    minutes, seconds = divmod(round(record.seconds), 60)
    print(
        f"{record.model} on {record.data.get('name')}: {record.steps:,} steps ({record.epochs:.3g} epochs) in "
        f"{minutes}:{seconds:02d}, {record.images_per_second or 0:,.0f} images/s; {record.status}"
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
        "neighbours": folder.neighbours_figure,
    }
    for name, path in pictures.items():
        if path.exists():
            print(f"  {name:10}  {path}")
    print(f"  run         {folder.path}")


def print_plans(records: Sequence[RunRecord], *, json: bool, many: bool) -> None:
    """Print what would be run: one JSON document (an array for several seeds), or tables of options to read."""
    if json:
        hidden = {"status", "started", "ended", "process"}
        _print_documents([record.model_dump(mode="json", exclude=hidden) for record in records], many)
        return
    for record in records:
        print_table(
            ("option", "value", "from"),
            (
                (key, "-" if value is None else str(value), record.sources.get(key, "default"))
                for key, value in record.config.items()
            ),
        )
        networks = ", ".join(f"{name} {count:,} parameters" for name, count in record.networks.items())
        print(f"{record.model} on {record.data['name']}: {record.total_steps:,} steps; {networks}")
