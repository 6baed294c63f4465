"""The table of a study under way: it stays on a terminal; elsewhere there are lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gantool.display import clock, losses_of_step
from gantool.errors import printable
from gantool.runs.files import last_line
from gantool.study.engines.process import Outcome
from gantool.study.job import Job

_MOST_ROWS = 12


class StudyTable:
    """Counts outcomes, and reads how far the runs under way have come from their folders."""

    def __init__(self, jobs: Sequence[Job], place: Path) -> None:
        self.jobs = jobs
        self.place = place
        self.outcomes: dict[str, Outcome] = {}
        self._live: Any = None  # rich is not imported where there is no terminal

    def __call__(self, outcome: Outcome | None) -> None:
        """Take an outcome, or None to look again."""
        if outcome is not None:
            self.outcomes[outcome.name] = outcome
            if self._live is None:
                self._print(outcome)
        if self._live is not None:
            self._live.update(self.table(), refresh=True)

    def say(self, text: str) -> None:
        """Print a line for people; where the table stays on the terminal, above it."""
        print(printable(text), file=sys.stderr, flush=True)

    def running(self) -> Iterator[tuple[Job, dict[str, Any]]]:
        """The runs that are under way, each with the last line of its metrics."""
        for job in self.jobs:
            file = self.place / job.name / "metrics.jsonl"
            if job.name not in self.outcomes and file.exists():
                yield job, last_line(file)

    def table(self) -> Any:
        """The table as it stands."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        under_way = list(self.running())
        counts = self.counts(len(under_way))
        table = Table(box=None, pad_edge=False)
        for heading in ("run", "step", "loss", "left"):
            table.add_column(heading, justify="left" if heading == "run" else "right")
        for job, line in under_way[:_MOST_ROWS]:
            table.add_row(printable(job.name), *_figures(job, line))
        for outcome in [found for found in self.outcomes.values() if found.status == "failed"][
            -_MOST_ROWS:
        ]:
            table.add_row(printable(outcome.name), "failed", "", printable(outcome.reason[:60]))
        return Group(Text(", ".join(f"{n} {what}" for what, n in counts.items())), table)

    def counts(self, running: int) -> dict[str, int]:
        """The numbers of runs that are waiting, running, done and failed."""
        statuses = [outcome.status for outcome in self.outcomes.values()]
        waiting = len(self.jobs) - len(statuses) - running
        return {
            "waiting": waiting,
            "running": running,
            "done": statuses.count("done"),
            "failed": statuses.count("failed"),
        }

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the table on the terminal meanwhile."""
        if not sys.stderr.isatty():
            yield
            return
        from rich.console import Console
        from rich.live import Live

        with Live(self.table(), console=Console(stderr=True), auto_refresh=False) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def _print(self, outcome: Outcome) -> None:
        position = f"{len(self.outcomes)}/{len(self.jobs)}"
        reason = f": {outcome.reason}" if outcome.reason else ""
        self.say(f"{position} {outcome.status}: {outcome.name}{reason}")


def _figures(job: Job, line: dict[str, Any]) -> tuple[str, str, str]:
    step, seconds = line.get("step", 0), line.get("seconds", 0.0)
    losses = [f"{player} {value:.3f}" for player, value in losses_of_step(line).items()]
    total = job.steps or 0
    left = seconds / step * (total - step) if step else 0.0
    return f"{step:,}/{total:,}", printable("  ".join(losses)), clock(left) if step else ""
