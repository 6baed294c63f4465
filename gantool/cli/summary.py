"""The few lines that a finished run leaves on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from gantool.cli.output import print_json
from gantool.runs import RunFolder, read_json_lines


def print_summary(folders: Sequence[RunFolder], *, json: bool, many: bool) -> None:
    """Print what was made: run.json with its path (an array of them for several seeds), or a summary to read."""
    if json:
        documents = [{"path": str(f.path), **f.read().model_dump(mode="json")} for f in folders]
        print_json(documents if many else documents[0])
        return
    for folder in folders:
        _print_one(folder)


def _print_one(folder: RunFolder) -> None:
    record = folder.read()
    minutes, seconds = divmod(round(record.seconds), 60)
    print(
        f"{record.model} on {record.data.get('name')}: {record.steps:,} steps ({record.epochs:g} epochs) in "
        f"{minutes}:{seconds:02d}, {record.images_per_second or 0:,.0f} images/s; {record.status}"
    )
    for event in read_json_lines(folder.events_file):
        if event.get("kind") == "collapse":
            print(f"  collapse at step {event['step']} ({event['detector']}): {event['message']}")
    print(f"  samples    {folder.samples_figure}")
    print(f"  losses     {folder.losses_figure}")
    print(f"  animation  {folder.animation}")
    print(f"  run        {folder.path}")
