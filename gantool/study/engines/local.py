"""The engine of one machine: so many runs at once, each in a process of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from gantool.machine import signals
from gantool.study.engines.process import Outcome, carry_out
from gantool.study.job import Job

_LOOK_SECONDS = 0.5


def run(
    jobs: Sequence[Job], place: Path, at_once: int, table: Callable[[Outcome | None], None]
) -> list[Outcome]:
    """Carry out the jobs, `at_once` at a time, in order; a failed one does not stop the rest.

    Args:
        jobs: the runs.
        place: folder of the study.
        at_once: processes at a time.
        table: called with each outcome when it is there, and with None now and then.
    """
    stop = threading.Event()
    with signals.handled(stop.set), ThreadPoolExecutor(at_once) as pool:
        pending: set[Future[Outcome]] = {
            pool.submit(carry_out, job, place, stop.is_set) for job in jobs
        }
        outcomes = []
        while pending:
            done, pending = wait(pending, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                outcomes.append(future.result())
                table(outcomes[-1])
            table(None)
    return outcomes
