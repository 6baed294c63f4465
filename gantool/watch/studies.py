"""The progress of a study, read from its folder."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gantool.runs.files import read_text
from gantool.watch.growing import stamp

FILE = "study.json"
_WORDS = {
    "finished": "done",
    "running": "running",
    "failed": "failed",
    "diverged": "failed",
    "unreadable": "failed",
}
_SETTLED = 15.0  # seconds after its last word, from which on a run without a folder has failed


class FollowedStudy:
    """A study's folder: the runs that it plans, and how far they have come."""

    def __init__(self, place: Path, name: str) -> None:
        self.place = place
        self.name = name
        self._stamp: Any = ()
        self._planned: list[str] = []

    def look(self, statuses: Mapping[Path, str]) -> dict[str, Any]:
        """The number of its runs, and how many are done, running, failed, stopped and waiting.

        Args:
            statuses: of the run folders that are there.
        """
        now = stamp(self.place / FILE)
        if now != self._stamp:
            self._stamp, self._planned = now, self._read()
        counts = Counter(self._word(name, statuses) for name in self._planned)
        return {"name": self.name, "total": len(self._planned), **counts}

    def _read(self) -> list[str]:
        try:
            runs = json.loads(read_text(self.place / FILE))["runs"]
            return [run["name"] for run in runs if isinstance(run["name"], str)]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return self._planned  # it is being written, or is none of ours

    def _word(self, name: str, statuses: Mapping[Path, str]) -> str:
        status = statuses.get(self.place / name)
        if status is not None:
            return _WORDS.get(status, "stopped")
        return "failed" if self._was_refused(name) else "waiting"

    def _was_refused(self, name: str) -> bool:
        """Whether the last attempt at a run said why there is none."""
        log = self.place / "logs" / f"{name}.log"
        found = stamp(log)
        if found is None or time.time() - found[2] / 1e9 < _SETTLED:
            return False
        try:
            last_attempt = read_text(log).rpartition("$ gantool ")[2]
        except (OSError, ValueError):
            return False
        return "\ngantool: " in last_attempt
