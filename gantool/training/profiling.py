"""The use of a run's time: a trace of some steps, and a table of the dearest operations."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch.profiler import ProfilerActivity, profile, schedule

from gantool.display import Display
from gantool.runs.folder import RunFolder

_SKIPPED, _WARM, _TRACED = 5, 2, 10  # steps: the first ones are not like the others
_ROWS = 15


@contextlib.contextmanager
def profiled(folder: RunFolder, display: Display, *, wanted: bool) -> Iterator[Callable[[], None]]:
    """Trace ten steps after the first seven, if wanted.

    The function that is yielded must be called after each step. The trace goes to the run folder
    (trace.json, for chrome://tracing or Perfetto), the table to the display.
    """
    if not wanted:
        yield lambda: None
        return

    def ready(profiler: profile) -> None:
        profiler.export_chrome_trace(str(folder.trace))
        by = "self_cuda_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
        display.say(
            profiler.key_averages().table(sort_by=by, row_limit=_ROWS, max_name_column_width=40)
        )
        display.say(f"trace of {_TRACED} steps: {folder.trace}")

    activities = [
        ProfilerActivity.CPU,
        *([ProfilerActivity.CUDA] if torch.cuda.is_available() else []),
    ]
    plan = schedule(skip_first=_SKIPPED, wait=0, warmup=_WARM, active=_TRACED, repeat=1)
    with profile(activities=activities, schedule=plan, on_trace_ready=ready) as profiler:
        yield profiler.step
