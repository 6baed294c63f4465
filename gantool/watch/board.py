"""All runs and studies at some paths as they are now, and what a viewer has not heard of yet."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gantool.errors import GantoolError
from gantool.watch.followed import FollowedRun
from gantool.watch.growing import stamp
from gantool.watch.studies import FILE, FollowedStudy
from gantool.watch.thinning import Mark

PERIOD = 1.0  # seconds: metrics are written once a second
_DEPTH = 2  # folders below a path: a study's folder among others, and its runs


class Board:
    """The runs at some paths, followed for any number of viewers.

    It looks at the folders when a viewer asks, once a period at most.
    """

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        self.paths = list(paths)
        self.runs: dict[str, FollowedRun] = {}
        self.studies: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.lock = threading.Lock()
        self._followed: dict[Path, FollowedRun] = {}
        self._studies: dict[Path, FollowedStudy] = {}
        self._refused: dict[Path, str] = {}
        self._looked = -PERIOD

    def add(self, path: Path) -> None:
        """Follow one more path; it need not be there yet."""
        with self.lock:
            self.paths.append(path)
            self._looked = -PERIOD

    def look(self, *, at_once: bool = False) -> None:
        """Find runs that are new or gone, and read what has changed in the others."""
        if not at_once and time.monotonic() - self._looked < PERIOD:
            return
        self._looked = time.monotonic()
        runs: dict[Path, str] = {}
        studies: dict[Path, str] = {}
        missing = []
        for path in self.paths:
            if stamp(path) is None:
                missing.append(f"{path} is not there: waiting for it.")
            name = path.name or path.resolve().name
            prefix = f"{name}/" if len(self.paths) > 1 else ""
            for found, shown in _found(path, name, prefix=prefix, depth=_DEPTH):
                (runs if _is_run(found) else studies)[found] = shown
        self._follow(runs)
        statuses = {path: run.status for path, run in self._followed.items()}
        self._studies = {
            place: self._studies.get(place) or FollowedStudy(place, name)
            for place, name in studies.items()
        }
        self.studies = [study.look(statuses) for study in self._studies.values()]
        self.notes = [*missing, *self._refused.values()]

    def _follow(self, names: dict[Path, str]) -> None:
        self._refused = {path: why for path, why in self._refused.items() if path in names}
        followed = {}
        for path, name in names.items():
            if path in self._refused:
                continue
            try:
                run = self._followed.get(path) or FollowedRun(path, name)
                run.look()
            except GantoolError as error:
                self._refused[path] = error.message
            except OSError:  # it goes while it is read
                continue
            else:
                followed[path] = run
        self._followed = followed
        self.runs = {run.key: run for run in followed.values()}


def _is_run(path: Path) -> bool:
    return stamp(path / "run.json") is not None


def _found(path: Path, name: str, *, prefix: str, depth: int) -> Iterator[tuple[Path, str]]:
    """The run folders and studies at a path, with their names; `prefix` is of those inside."""
    if _is_run(path):
        yield path, name
        return
    if stamp(path / FILE) is not None:
        yield path, name
    if depth:
        try:
            inner = sorted(e for e in path.iterdir() if e.name[0] != "." and e.is_dir())
        except OSError:
            return
        for entry in inner:
            shown = prefix + entry.name
            yield from _found(entry, shown, prefix=f"{shown}/", depth=depth - 1)


class Viewer:
    """One open page: what it has been told, and the runs that it shows in large."""

    def __init__(self, board: Board, chosen: Iterable[str]) -> None:
        self.board = board
        self.chosen = list(dict.fromkeys(chosen))
        self._cards: dict[str, dict[str, Any]] = {}
        self._details: dict[str, dict[str, Any]] = {}
        self._marks: dict[str, Mark] = {}
        self._said: dict[str, Any] = {}

    def news(self, *, at_once: bool = False) -> dict[str, Any]:
        """All that has changed since the last time; {} where nothing has.

        Keys: `cards` and `details` by the run's key, `curves` as of `ThinnedSeries.since`, `gone`
        (keys), `studies` and `notes` (all of them, where one is new).
        """
        with self.board.lock:
            self.board.look(at_once=at_once)
            runs = self.board.runs
            gone = [key for key in self._cards if key not in runs]
            for key in gone:
                for told in (self._cards, self._details, self._marks):
                    told.pop(key, None)
            shown = {key: runs[key] for key in self.chosen if key in runs}
            details = {key: run.details for key, run in shown.items()}
            curves = {}
            for key, run in shown.items():
                self._marks[key], new = run.curves(self._marks.get(key))
                if new is not None:
                    curves[key] = new
            news = {
                "gone": gone,
                "cards": _unlike({key: run.card for key, run in runs.items()}, self._cards),
                "details": _unlike(details, self._details),
                "curves": curves,
            }
            said = _unlike({"studies": self.board.studies, "notes": self.board.notes}, self._said)
        return {**{key: value for key, value in news.items() if value}, **said}


def _unlike(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The entries that are not as before, which they are taken for from now on."""
    new = {key: value for key, value in now.items() if before.get(key) != value}
    before.update(new)
    return new
