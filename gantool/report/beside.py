"""The folders beside the runs that are compared: the study's plan, and other settings tried."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gantool.errors import GantoolError
from gantool.report.load import RunData, configuration
from gantool.runs.files import read_text
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord


def with_what_lies_beside(runs: Sequence[RunData]) -> list[RunData]:
    """The runs, each with the seeds of its variant that its study has planned beside its own.

    And with the number of settings of its model on its data that lie in its folder's parent,
    trained or planned: a variant that was searched for has an advantage over one that was not.
    """
    paths = [run.folder.path.resolve() for run in runs]
    known = {path: run.record for path, run in zip(paths, runs, strict=True)}
    plans: dict[Path, dict[str, list[str]]] = {}
    settings: dict[Path, dict[str, set[str]]] = {}
    found = []
    for run, path in zip(runs, paths, strict=True):
        place = path.parent
        if place not in plans:
            plans[place] = _plan(place)
            settings[place] = _settings(place, known)
        planned = plans[place].get(run.folder.path.name, [])
        tried = len(settings[place].get(_subject(run.record), ()))
        found.append(replace(run, planned=planned, settings=max(1, tried)))
    return found


def _plan(place: Path) -> dict[str, list[str]]:
    """The runs of the same variant as each run of the study in a folder; {} without a study."""
    try:
        content = json.loads(read_text(place / "study.json"))
        variants = {str(run["name"]): str(run["variant"]) for run in content["runs"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    members: dict[str, list[str]] = {}
    for name, variant in variants.items():
        members.setdefault(variant, []).append(name)
    return {name: members[variant] for name, variant in variants.items() if variant}


def _settings(place: Path, known: Mapping[Path, RunRecord]) -> dict[str, set[str]]:
    """The configurations in a folder of runs, by model and data; `known` are records at hand."""
    found: dict[str, set[str]] = {}
    for record in _records(place, known):
        made = json.dumps(configuration(record), sort_keys=True, default=str)
        found.setdefault(_subject(record), set()).add(made)
    return found


def _records(place: Path, known: Mapping[Path, RunRecord]) -> Iterable[RunRecord]:
    for file in place.glob("*/run.json"):
        try:
            yield known.get(file.parent) or RunFolder(file.parent).read()
        except (GantoolError, OSError):
            continue


def _subject(record: RunRecord) -> Any:
    return json.dumps([record.model, record.data.get("fingerprint")])
