"""A study from beginning to end: settle, carry out, compare."""

from __future__ import annotations

import contextlib
import json
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock, Timeout

from gantool.errors import ConfigError, GantoolError
from gantool.report.beside import with_what_lies_beside
from gantool.report.load import read_runs
from gantool.report.scoreboard import OnData, compare_by_data
from gantool.report.write import write_comparisons
from gantool.runs.files import read_text, write_json
from gantool.runs.folder import RunFolder, refuse_unusable
from gantool.study.claims import with_claims
from gantool.study.curves import best_of, plot_best_of_budget
from gantool.study.engines.process import Outcome
from gantool.study.file import Study
from gantool.study.job import Job
from gantool.study.table import StudyTable

Engine = Callable[[Sequence[Job], Path, StudyTable], list[Outcome]]


def known_steps(place: Path) -> dict[str, int]:
    """Steps by variant that an earlier session of the study worked out; {} where there was none."""
    try:
        content = json.loads(read_text(place / "study.json"))
        return {str(job["variant"]): int(job["steps"]) for job in content["runs"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def carry_out_all(jobs: Sequence[Job], study: Study, place: Path, engine: Engine) -> list[Outcome]:
    """Carry out the runs that are not done yet; `study.json` in the folder describes the study.

    Raises:
        GantoolError: another process carries this study out, or the folder cannot be written.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
        with _alone(place):
            runs = [{"name": job.name, "variant": job.variant, "steps": job.steps} for job in jobs]
            write_json(place / "study.json", {"study": study.model_dump(mode="json"), "runs": runs})
            table = StudyTable(jobs, place)
            with table.shown():
                return engine(jobs, place, table)
    except OSError as error:
        raise GantoolError(
            f"cannot write to {place}: {error.strerror or error}", "Make room, and repeat."
        ) from error


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    try:
        with FileLock(place / ".study.lock", timeout=0):
            yield
    except Timeout:
        raise GantoolError(
            f"the study in {place} is being carried out by another process.",
            "Wait for it, or give another --name.",
        ) from None


def compared(
    jobs: Sequence[Job], outcomes: Sequence[Outcome], place: Path, *, study: Study
) -> list[OnData]:
    """The comparisons of the runs that have ended, one on each data set; [] where none has.

    Those that diverged or failed stand in them as what they are.
    """
    ended = {outcome.name for outcome in outcomes if outcome.status != "interrupted"}
    paths = [
        place / job.name
        for job in jobs
        if job.name in ended and RunFolder(place / job.name).record_file.is_file()
    ]
    if not paths:
        return []
    return with_claims(study, jobs, compare_by_data(with_what_lies_beside(read_runs(paths).runs)))


def write_page(comparisons: Sequence[OnData], place: Path) -> Path | None:
    """Write the comparisons of a study into its folder; the path of the page, if there is any."""
    return write_comparisons(place / "comparison", comparisons) if comparisons else None


def best_of_budget(jobs: Sequence[Job], study: Study, place: Path) -> Path | None:
    """Draw the best-of-budget curves of a random search; the picture's path.

    It is None where nothing was searched or scored.
    """
    if not study.values:
        return None
    chosen = _score_of(jobs, study, place=place)
    if chosen is None:
        return None
    name, better = chosen
    values: dict[str, list[float]] = {}
    for variant in dict.fromkeys(job.variant for job in jobs):
        members = [job for job in jobs if job.variant == variant]
        found = [_value(place / job.name, name) for job in members]
        sound = [value for value in found if value is not None and math.isfinite(value)]
        # A setting with a run that failed counts as the worst of its curve.
        whole = len(sound) == len(members)
        values.setdefault(_title(members[0], study), []).append(
            statistics.mean(sound) if whole else math.nan
        )
    values = {
        title: _worst_for_nan(found, better)
        for title, found in values.items()
        if not np.isnan(found).all()
    }
    file = place / "comparison" / "best-of-budget.png"
    file.parent.mkdir(exist_ok=True)
    curves = {title: best_of(found, better) for title, found in values.items()}
    plot_best_of_budget(curves, name, file=file)
    return file


def _score_of(jobs: Sequence[Job], study: Study, place: Path) -> tuple[str, Any] | None:
    for job in jobs:
        for score in _scores(place / job.name):
            if score.value is not None and score.metric == (study.scores or [score.metric])[0]:
                return score.metric, score.better
    return None


def _scores(path: Path) -> list[Any]:
    folder = RunFolder(path)
    return folder.scores() if folder.record_file.exists() else []


def _value(path: Path, name: str) -> float | None:
    folder = RunFolder(path)
    if not folder.record_file.exists():
        return None
    record = folder.read()
    at_the_end = record.status == "finished"
    found = [
        score.value
        for score in folder.scores()
        if score.metric == name and score.step == record.steps
    ]
    return found[-1] if at_the_end and found else None


def _title(job: Job, study: Study) -> str:
    own = [
        f"{key} = {value}"
        for key, value in job.options.items()
        if key not in {**study.values, **study.options}
    ]
    return " ".join(
        word for word in (job.model, job.preset, *own, "on", Path(job.data).name) if word
    )


def _worst_for_nan(values: list[float], better: Literal["lower", "higher"]) -> list[float]:
    worst = float(np.nanmax(values) if better == "lower" else np.nanmin(values))
    return [worst if math.isnan(value) else value for value in values]


def with_threads(jobs: Sequence[Job], threads: int) -> list[Job]:
    """The jobs, each with so many threads unless its options say otherwise."""
    return [replace(job, threads=threads) for job in jobs]


def place_of(experiments_dir: Path, name: str) -> Path:
    """The folder of a study.

    Raises:
        ConfigError: the name cannot be a folder's, or the folder is a run.
    """
    refuse_unusable(name)
    place = experiments_dir / name
    if (place / "run.json").exists():
        raise ConfigError(f"{place} is a run, not a folder for a study.", "Give another --name.")
    return place
