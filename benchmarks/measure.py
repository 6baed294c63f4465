"""How figures are taken: alternating, so that a machine that slows down slows both, and by medians."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One line of the table; `value` is what the target speaks of."""

    name: str
    value: float
    unit: str
    target: str
    met: bool
    detail: str


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds that some work takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def ratio(reference: Callable[[], object], ours: Callable[[], object], rounds: int) -> tuple[float, list[float]]:
    """Median of reference time / our time over interleaved rounds, after one round that is not counted."""
    ratios = []
    for number in range(rounds + 1):
        pair = seconds(reference) / seconds(ours)
        if number:
            ratios.append(pair)
    return statistics.median(ratios), ratios


def seconds_and_memory(arguments: Sequence[str]) -> tuple[float, float]:
    """Seconds and peak resident memory in MiB of a whole command."""
    begin = time.perf_counter()
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, arguments)
    unit = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - begin, usage.ru_maxrss * unit / 2**20


def command(arguments: Sequence[str], rounds: int) -> list[float]:
    """Seconds that a whole command takes, after one run that is not counted."""
    times = [seconds(lambda: subprocess.run(arguments, check=True, capture_output=True)) for _ in range(rounds + 1)]
    return times[1:]
