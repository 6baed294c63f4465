"""Trackers: the news of a run for plugins while it goes on, and their isolation from it."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, TypeAdapter

from gantool.runs.files import read_text, write_json

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from gantool.runs.records import Status

Kind = Literal["metrics", "scores", "samples"]
_REST = 5.0  # seconds between deliveries
_GROUPS = {"loss_": "loss/", "d_": "D/"}
_OF_THE_RUN = ("epoch", "images", "seconds")


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """The run that a tracker is asked to follow.

    Attributes:
        path: the run folder.
        name: the run's name.
        model: the model's name.
        config: every option's value.
        step: steps done when tracking begins; more than 0 where a run is resumed.
        total_steps: steps that the run is to have.
        id: what `Tracker.id` was when the run was followed before; None where it was not.
    """

    path: Path
    name: str
    model: str
    config: Mapping[str, Any]
    step: int
    total_steps: int
    id: str | None = None


class Tracker:
    """The base of what the hook `track` returns; it takes everything and does nothing.

    A tracker is told each thing once, steps in their order, also of a run that was killed and takes
    some steps again.

    Attributes:
        most: the number of steps, evenly spread, whose metrics it wants at most; None for all.
        id: its own name of the run, which is kept in the run folder and given back by
            `TrackedRun.id` when the run is resumed.
    """

    most: ClassVar[int | None] = None
    id: str | None = None

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Take the metrics of a step, or its scores, which come after them.

        The names have groups: loss/d, loss/g, D/real, D/fake, run/epoch, score/NAME; terms of a
        model's own are named as it names them. A value that is missing or not finite is left out.
        """

    def samples(self, step: int, image: npt.NDArray[np.uint8]) -> None:
        """Take the sample grid of a step, uint8 [height, width, 3]."""

    def flush(self) -> None:
        """Put what was logged where a kill of this process does not reach it."""

    def close(self, status: Status) -> None:
        """Take note that the run has ended: finished, interrupted, diverged or failed."""


class _Told(BaseModel):
    """A tracker's knowledge of a run: its own name for it, and the last step of each kind."""

    id: str | None = None
    metrics: int = -1
    scores: int = -1
    samples: int = -1


@dataclass(frozen=True, slots=True)
class _News:
    kind: Kind
    step: int
    content: Any


_FILE = TypeAdapter(dict[str, _Told])


class Trackers:
    """The trackers of a run; one that raises is told of nothing more, and the run goes on.

    News are told every few seconds. What each tracker knows is kept in a file, so that what a
    killed run does again is told once.

    Args:
        file: the place for that.
        report: called once for each tracker that is disabled, with its name and the reason.
    """

    def __init__(self, file: Path, *, report: Callable[[str, str], None]) -> None:
        self._file = file
        self._report = report
        self._trackers: dict[str, Tracker] = {}
        self._told: dict[str, _Told] = {}
        self._news: list[_News] = []
        self._total_steps = 0
        self._last = time.monotonic()

    def open(
        self, name: str, make: Callable[[TrackedRun], Tracker | None], *, run: TrackedRun
    ) -> None:
        """Add what `make` returns, if anything."""
        self._total_steps = run.total_steps
        if not self._told:
            with contextlib.suppress(
                OSError, ValueError
            ):  # not there, or damaged: none knows the run
                self._told = _FILE.validate_json(read_text(self._file))
        told = self._told.get(name, _Told())
        with self._isolated(name):
            tracker = make(replace(run, id=told.id))
            if tracker is not None:
                self._trackers[name] = tracker
                self._told[name] = told.model_copy(update={"id": tracker.id})
                self._keep()

    def metrics(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """Pass on a step's metrics, by their names in metrics.jsonl."""
        named = {_grouped(name): value for name, value in metrics.items() if name != "step"}
        self._add("metrics", step, content=_known(named))
        if time.monotonic() - self._last > _REST:
            self.tell()

    def scores(self, step: int, scores: Mapping[str, float | None]) -> None:
        """Pass on the scores of a step."""
        named = {f"score/{name}": value for name, value in scores.items()}
        self._add("scores", step, content=_known(named))

    def samples(self, step: int, image: npt.NDArray[np.uint8]) -> None:
        """Pass on a sample grid."""
        self._add("samples", step, content=image)

    def tell(self) -> None:
        """Tell the trackers what is new; a run that goes on from here has nothing to repeat."""
        news, self._news = self._news, []
        self._last = time.monotonic()
        for name, tracker in list(self._trackers.items()):
            with self._isolated(name):
                self._told[name] = self._tell_one(tracker, news, told=self._told[name])
        if news:
            self._keep()

    def close(self, status: Status) -> None:
        """Say that the run has ended."""
        self.tell()
        for name, tracker in list(self._trackers.items()):
            with self._isolated(name):
                tracker.close(status)

    def _add(self, kind: Kind, step: int, *, content: Any) -> None:
        if self._trackers:
            self._news.append(_News(kind, step, content))

    def _tell_one(self, tracker: Tracker, news: list[_News], *, told: _Told) -> _Told:
        """Tell one what it does not know yet; what it knows then."""
        known = dict(told)
        for each in news:
            if each.step <= getattr(told, each.kind):
                continue
            if each.kind == "samples":
                tracker.samples(each.step, each.content)
            elif each.kind == "scores" or self._chosen(each.step, tracker.most):
                tracker.log(each.step, each.content)
            known[each.kind] = each.step
        tracker.flush()
        return _Told(**known)

    def _chosen(self, step: int, most: int | None) -> bool:
        every = 1 if most is None else math.ceil(self._total_steps / most)
        return step % every == 0 or step == self._total_steps

    def _keep(self) -> None:
        write_json(self._file, {name: told.model_dump() for name, told in self._told.items()})

    @contextlib.contextmanager
    def _isolated(self, name: str) -> Iterator[None]:
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        except Exception as error:
            self._trackers.pop(name, None)
            cause = (str(error).strip() or "no message").splitlines()[0]
            self._report(name, f"{type(error).__name__}: {cause}")


def _known(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _grouped(name: str) -> str:
    """The name that charts have for a metric: before the slash the group that it is shown in."""
    if name in _OF_THE_RUN:
        return f"run/{name}"
    for prefix, group in _GROUPS.items():
        if name.startswith(prefix):
            return group + name.removeprefix(prefix)
    return name
