"""Trackers: the news of a run for plugins while it goes on, and their isolation from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """The run that a tracker is asked to follow.

    Attributes:
        path: the run folder.
        name: the run's name.
        model: the model's name.
        config: every option's value.
        step: steps done when tracking begins; more than 0 where a run is resumed.
    """

    path: Path
    name: str
    model: str
    config: Mapping[str, Any]
    step: int


class Tracker(Protocol):
    """The object that the hook `track` returns."""

    def log(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """Take a step's metrics, by their names in metrics.jsonl.

        A value that is missing or not finite is None.
        """

    def samples(self, step: int, image: npt.NDArray[np.uint8]) -> None:
        """Take the sample grid of a step, uint8 [height, width, 3]."""

    def close(self) -> None:
        """Take note that the run has ended, whatever the end."""


class Trackers:
    """The trackers of a run; one that raises is told of nothing more, and the run goes on.

    Args:
        report: called once for each tracker that is disabled, with its name and the reason.
    """

    def __init__(self, report: Callable[[str, str], None]) -> None:
        self._trackers: dict[str, Tracker] = {}
        self._report = report

    def open(self, name: str, make: Callable[[], Tracker | None]) -> None:
        """Add what `make` returns, if anything."""
        try:
            tracker = make()
        except Exception as error:
            self._report(name, f"{type(error).__name__}: {error}")
            return
        if tracker is not None:
            self._trackers[name] = tracker

    def log(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """Pass on a step's metrics."""
        self._each(lambda tracker: tracker.log(step, metrics))

    def samples(self, step: int, image: npt.NDArray[np.uint8]) -> None:
        """Pass on a sample grid."""
        self._each(lambda tracker: tracker.samples(step, image))

    def close(self) -> None:
        """Say that the run has ended."""
        self._each(lambda tracker: tracker.close())

    def _each(self, call: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._trackers.items()):
            try:
                call(tracker)
            except Exception as error:
                del self._trackers[name]
                self._report(name, f"{type(error).__name__}: {error}")
