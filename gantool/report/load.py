"""Run folders as data. The only part of a report that opens their records."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gantool.config import INCIDENTAL
from gantool.errors import ConfigError, GantoolError
from gantool.report.equilibrium import LastAnswers
from gantool.report.index import Condensed, Index, opened
from gantool.report.series import Series
from gantool.runs.files import read_json_lines
from gantool.runs.folder import RunFolder
from gantool.runs.notes import Notes, read_notes
from gantool.runs.records import Best, RunRecord, Score


@dataclass(frozen=True, slots=True)
class RunData:
    """One run as it lies on disk now.

    Attributes:
        folder: its run folder.
        record: its run.json.
        status: that of its record, or "stale" where it says running and no process holds it.
        series: the columns of metrics.jsonl, float64 [steps] each, nan where a value is missing;
            those of a long run are condensed.
        last_losses: the mean of each loss over the last tenth of the steps.
        last_answers: the discriminator's answers there.
        events: the lines of events.jsonl.
        scores: the lines of scores.jsonl; those of the kept best generator once more, under names
            of their own.
        damaged_scores: the number of lines there that hold no score.
        best: the choice of that generator, where there is one.
        notes: those that people wrote on it.
        planned: names of the runs of its variant that its study has planned, its own among them.
        settings: the number of settings of its model that lie beside it.
    """

    folder: RunFolder
    record: RunRecord
    status: str
    series: Series = field(default_factory=dict)
    last_losses: Mapping[str, float] = field(default_factory=dict)
    last_answers: LastAnswers | None = None
    events: Sequence[dict[str, Any]] = ()
    scores: Sequence[Score] = ()
    damaged_scores: int = 0
    best: Best | None = None
    notes: Notes = field(default_factory=Notes)
    planned: Sequence[str] = ()
    settings: int = 1


def noun_of(runs: Iterable[RunData]) -> str:
    """The word for the samples of the runs' data: images, points, or samples for both."""
    nouns = {run.record.noun for run in runs}
    return nouns.pop() if len(nouns) == 1 else "samples"


def configuration(record: RunRecord) -> dict[str, Any]:
    """The options that make the variant."""
    incidental = INCIDENTAL.union(record.incidental)
    made = {key: value for key, value in record.config.items() if key not in incidental}
    # The fingerprint tells data apart, not its place, which is another one on another machine.
    if "data" in made and record.data.get("fingerprint") and record.data.get("name"):
        made["data"] = record.data["name"]
    # Uniform where classes are equal, and in a run from before there was a choice; a model without
    # the option has none.
    if record.data.get("shares"):
        made.setdefault("labels", "data")
    elif "labels" in made:
        made["labels"] = "uniform"
    if begun := record.begun_from:  # the weights count, not their place
        made["from_run"] = f"{begun.get('run')}@{begun.get('step')}-{str(begun.get('sha256'))[:8]}"
    return made


@dataclass(frozen=True, slots=True)
class Reading:
    """The runs at some paths, and all else that lay there.

    Attributes:
        runs: those that were asked for.
        skipped: what is no run, with the reason.
        left_out: a sentence on the runs that were not asked for; empty where all were.
    """

    runs: list[RunData]
    skipped: dict[str, str]
    left_out: str = ""


def read_runs(
    paths: Iterable[Path], *, chosen: Callable[[Reading], Reading] = lambda reading: reading
) -> Reading:
    """Read every run among the paths; a folder of runs counts as its runs.

    Args:
        paths: of runs, or of folders of them.
        chosen: leaves out runs before their metrics are read.

    Raises:
        ConfigError: there is none.
    """
    found = chosen(read_records(paths))
    with opened() as index:
        return replace(found, runs=[with_metrics(run, index) for run in found.runs])


def read_records(paths: Iterable[Path]) -> Reading:
    """As `read_runs`, but for the metrics of steps, which take longest to read.

    A text in Markdown beside them, which `experiments/*` finds, is passed over.

    Raises:
        ConfigError: there is none.
    """
    runs: list[RunData] = []
    skipped: dict[str, str] = {}
    seen: set[str] = set()
    for path in unfolded(paths):
        real = os.path.realpath(path)
        if real in seen:
            continue
        seen.add(real)
        try:
            if (path / "run.json").is_file():
                runs.append(read_record(path))
            else:
                skipped[str(path)] = _what_it_is(path)
        except GantoolError as error:
            skipped[str(path)] = error.message
        except OSError as error:  # another user's folder
            skipped[str(path)] = error.strerror or str(error)
    if not runs:
        found = "; ".join(f"{name} ({reason})" for name, reason in list(skipped.items())[:5])
        raise ConfigError(
            f"there is no run{': ' + found if found else '.'}",
            "A run is a folder that `gantool run` made, with a run.json in it; "
            "name some, or a folder of them such as experiments.",
        )
    return Reading(runs, {name: why for name, why in skipped.items() if not name.endswith(".md")})


def _what_it_is(path: Path) -> str:
    if path.is_dir():
        return "studies, name one" if any(path.glob("*.toml")) else "no run.json"
    return "not a folder" if path.exists() else "not there"


def read_run(path: Path) -> RunData:
    """Read one run folder.

    Raises:
        ConfigError: it is none.
        GantoolError: its run.json is damaged or of a newer format.
    """
    return with_metrics(read_record(path))


def read_record(path: Path) -> RunData:
    """Read one run folder, but for the metrics of its steps.

    Raises:
        ConfigError: it is none.
        GantoolError: its run.json is damaged or of a newer format.
    """
    folder = RunFolder.open(path)
    record = folder.read()
    status = "stale" if record.status == "running" and not folder.is_live() else record.status
    found = folder.read_scores()
    best = Best.of(found.choices)
    return RunData(
        folder=folder,
        record=record,
        status=status,
        events=list(read_json_lines(folder.events_file)),
        scores=[*found.scores, *(best.reported(found.scores) if best else ())],
        damaged_scores=found.damaged,
        best=best,
        notes=read_notes(folder.notes_file),
    )


def with_metrics(run: RunData, index: Index | None = None) -> RunData:
    """The run with its metrics, from the index where there is one and the file is unchanged."""
    ends = sorted({*run.folder.sample_grids(), *(score.step for score in run.scores)})
    file = run.folder.metrics_file
    found = Condensed.of(file, ends) if index is None else index.condensed(file, ends)
    return replace(
        run,
        series=found.series,
        last_losses=found.last_losses,
        last_answers=found.last_answers,
    )


def unfolded(paths: Iterable[Path]) -> Iterable[Path]:
    """The paths, with a folder of runs replaced by its runs."""
    for path in paths:
        yield from _runs_in(path) or [path]


def _runs_in(path: Path) -> list[Path]:
    """The runs in a folder that is none itself; [] where it cannot be read."""
    try:
        if not path.is_dir() or (path / "run.json").exists():
            return []
        inside = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
    except OSError:
        return []
    return sorted(entry for entry in inside if _holds_a_run(entry))


def _holds_a_run(path: Path) -> bool:
    try:
        return (path / "run.json").is_file()
    except OSError:
        return False
