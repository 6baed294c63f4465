"""The few lines that a finished run leaves on the terminal, its samples before them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gantool.cli.output import print_json, print_table
from gantool.cli.scores import print_scores, with_error
from gantool.cli.showing import show_run
from gantool.display import clock
from gantool.runs.files import read_json_lines
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord

_NEXT = 3  # commands
_SHORT = 600  # seconds of training, below which it costs little to go on as long again


def print_summary(
    folders: Sequence[RunFolder], *, json: bool, many: bool, show: bool | None = None
) -> None:
    """Print the runs that were made, as JSON or as a summary to read.

    The JSON is run.json with its path, or an array of these for several seeds. A summary has the
    samples before it where `show`, which is as `--show`, says so. Of several processes that share
    the runs, the first alone prints.
    """
    from gantool.machine import distributed

    if distributed.world().rank:
        return
    if json:
        _print_documents(
            [{"path": str(f.path), **f.read().model_dump(mode="json")} for f in folders], many
        )
        return
    for folder in folders:
        show_run(folder, show)
        _print_one(folder)
    commands = next_commands(folders[-1]) if folders else {}
    if len(folders) > 1:
        paths = shlex.join(str(folder.path) for folder in folders)
        commands = {"compare them": f"gantool compare {paths}", **commands}
    for purpose in list(commands)[:_NEXT]:
        print(f"  {purpose:14}  {commands[purpose]}")


def next_commands(folder: RunFolder) -> dict[str, str]:
    """Commands that are useful after a run, by their purpose, the most useful first."""
    record, run = folder.read(), shlex.quote(str(folder.path))
    parent = folder.path.parent
    others = any(file != folder.record_file for file in parent.glob("*/run.json"))
    again = f"gantool run {record.model} --config {shlex.quote(str(folder.record_file))}"
    if parent != Path("experiments"):
        again += f" --experiments-dir {shlex.quote(str(parent))}"
    commands = {}
    finished, diverged = record.status == "finished", record.status == "diverged"
    if not finished and not diverged:
        commands["go on"] = f"gantool resume {run}"
    if diverged and (rate := record.config.get("lr")):
        commands["try slower"] = f"{again} --lr {rate / 2:.3g}"
    drawable = folder.generator_file.exists() or (folder.states() and not diverged)
    if drawable and find_spec("starlette") and find_spec("uvicorn"):
        commands["play with it"] = f"gantool explore {run}"
    if finished and folder.states() and record.seconds < _SHORT:
        option = "epochs" if record.config.get("steps") is None else "steps"
        commands["train longer"] = f"gantool resume {run} --{option} {2 * record.config[option]}"
    if others:
        commands["compare"] = f"gantool compare {shlex.quote(str(parent))}/*"
    elif finished or diverged:
        seed = record.config.get("seed", 0)
        commands["other seeds"] = f"{again} --seeds {seed + 1},{seed + 2}"
    if drawable:
        commands["draw more"] = f"gantool sample {run} -n 100 --seed 1"
    return commands


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
    if best := folder.best():
        own = next(
            (s for s in folder.scores() if (s.step, s.metric) == (best.step, best.metric)), None
        )
        reported = "" if own is None else f"; reported: {with_error(own)}"
        print(
            f"  {'best':14}  step {best.step:,}, by {best.metric} on validation the best of "
            f"{best.candidates}{reported} (--at best)"
        )
    pictures = (
        folder.samples_figure,
        folder.losses_figure,
        folder.animation,
        folder.neighbors_figure,
    )
    names = ", ".join(path.name for path in pictures if path.exists())
    print(f"  {'run':14}  {folder.path}{': ' if names else ''}{names}")
    if folder.report_file.exists():
        print(f"  {'report':14}  {folder.report_file}")


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
