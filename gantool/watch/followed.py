"""One run folder while it is followed: its card, its details and its curves."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gantool.errors import GantoolError
from gantool.runs.files import finite, last_line, read_json_lines
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord, Score
from gantool.watch.growing import GrowingFile, Stamp, stamp
from gantool.watch.thinning import Mark, ThinnedSeries, number

_QUIET = 3.0  # seconds without a new line, after which a run that says "running" is asked
_MOST_EVENTS = 200  # the newest ones, that are shown


class FollowedRun:
    """A run folder, read again where something in it has changed.

    Attributes:
        key: the same for the same folder, in every session.
        card: what the list of runs shows of it; another object whenever it is another.
        details: what is shown of a run in large, besides its curves; likewise.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.folder = RunFolder.open(path)
        self.key = key_of(path)
        self.name = name
        self.card: dict[str, Any] = {}
        self.details: dict[str, Any] = {}
        self._record: RunRecord | None = None
        self._problem = ""
        self._last: dict[str, Any] = {}
        self._events: list[dict[str, Any]] = []
        self._scores: list[Score] = []
        self._grid: tuple[int, int] | None = None  # the newest one's step and time
        self._is_live = True
        self._metrics: GrowingFile | None = None  # once someone wants the curves
        self._series = ThinnedSeries()
        self._stamps: dict[Path, Stamp | None] = {}
        self._readers: dict[Path, Callable[[], None]] = {
            self.folder.record_file: self._read_record,
            self.folder.metrics_file: self._read_last_line,
            self.folder.events_file: self._read_events,
            self.folder.scores_file: self._read_scores,
            self.folder.samples: self._find_newest_grid,
        }

    def look(self) -> None:
        """Read what has changed; what is gone counts as empty."""
        stamps = {path: stamp(path) for path in self._readers}
        changed = [path for path in stamps if stamps[path] != self._stamps.get(path, ())]
        self._stamps = stamps
        for path in changed:
            self._readers[path]()
        was_live = self._is_live
        if self._record is not None and self._record.status == "running":
            written = max(found[2] for found in (*stamps.values(), (0, 0, 0)) if found is not None)
            quiet = time.time() - written / 1e9 > _QUIET
            self._is_live = not quiet or self.folder.is_live()
        if changed or was_live != self._is_live:
            self.card, self.details = self._make_card(), self._make_details()

    def _read_record(self) -> None:
        try:
            self._record, self._problem = self.folder.read(), ""
        except GantoolError as error:
            self._problem = error.message

    def _read_last_line(self) -> None:
        self._last = last_line(self.folder.metrics_file)

    def _read_events(self) -> None:
        self._events = list(read_json_lines(self.folder.events_file))[-_MOST_EVENTS:]

    def _read_scores(self) -> None:
        self._scores = self.folder.scores()

    def _find_newest_grid(self) -> None:
        grids = self.folder.sample_grids()
        newest = next(reversed(grids), None)
        found = None if newest is None else stamp(grids[newest])
        self._grid = None if newest is None or found is None else (newest, found[2] // 1_000_000)

    @property
    def status(self) -> str:
        """As in its record, or "stale" where that says running and no process holds it."""
        if self._record is None:
            return "unreadable"
        if self._record.status == "running" and not self._is_live:
            return "stale"
        return self._record.status

    def curves(self, mark: Mark | None) -> tuple[Mark, dict[str, Any] | None]:
        """The curves, as `ThinnedSeries.since`."""
        if self._metrics is None:
            self._metrics = GrowingFile(self.folder.metrics_file)
        anew, lines = self._metrics.look()
        if anew:
            self._series = ThinnedSeries()
        for line in lines:
            self._series.add(line)
        return self._series.since(mark)

    def _make_card(self) -> dict[str, Any]:
        record, last = self._record, self._last
        if record is None:
            return {"name": self.name, "status": self.status, "problem": self._problem}
        known = {key: number(last.get(key)) for key in ("step", "epoch", "seconds")}
        running = self.status == "running"
        if not running and record.status != "running":
            known = {"step": record.steps, "epoch": record.epochs, "seconds": record.seconds}
        step, seconds, total = known["step"] or 0, known["seconds"] or 0.0, record.total_steps
        losses = {key: number(last.get(key)) for key in last if key.startswith("loss_")}
        first = next((score for score in self._scores if score.value is not None), None)
        card = {
            "name": self.name,
            "model": record.model,
            "data": str(record.data.get("name", "")),
            "noun": record.noun,
            "scale": record.d_scale,
            "status": self.status,
            "problem": self._problem,
            "started": record.started,
            **known,
            "total": total,
            "left": seconds / step * (total - step) if running and step and total > step else None,
            "losses": {key: value for key, value in losses.items() if value is not None},
            "grid": self._grid,
            "score": None if first is None else self._last_of(first.metric),
            "alarms": sum(event.get("detector") not in (None, "") for event in self._events),
        }
        return dict(finite(card))

    def _make_details(self) -> dict[str, Any]:
        events = [
            {key: event.get(key) for key in ("step", "kind", "detector", "message")}
            for event in self._events
        ]
        metrics = dict.fromkeys(score.metric for score in self._scores)
        return dict(
            finite({"events": events, "scores": [self._last_of(metric) for metric in metrics]})
        )

    def _last_of(self, metric: str) -> dict[str, Any]:
        """The newest value of a score, beside those before it: [step, value] each."""
        found = [score for score in self._scores if score.metric == metric]
        newest = sorted(found, key=lambda score: score.step)[-1]
        return {
            "metric": metric,
            "better": newest.better,
            "step": newest.step,
            "value": newest.value,
            "error": newest.error,
            "reason": newest.reason,
            "points": sorted([s.step, s.value] for s in found if s.value is not None),
        }


def key_of(path: Path) -> str:
    """A name for the folder that can stand in an address."""
    return hashlib.sha256(str(path.resolve()).encode(errors="surrogateescape")).hexdigest()[:12]
