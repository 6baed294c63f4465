"""The taking of measurements.

The two sides alternate, so that a machine that slows down slows both, and medians count.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_BETWEEN = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@dataclass(frozen=True)
class Result:
    """One line of the table; `value` is what the target speaks of."""

    name: str
    value: float
    unit: str
    target: str
    met: bool
    detail: str


def of_ratios(
    name: str, ratios: Sequence[float], *, least: float, unit: str, about: Sequence[str] = ()
) -> Result:
    """The line of a ratio that should be at least so large: its median and its spread.

    Args:
        name: of the line.
        ratios: of the rounds.
        least: the target.
        unit: what the ratio is of, after a number.
        about: what else is told.
    """
    median = statistics.median(ratios)
    spread = f"ratios {min(ratios):.2f} to {max(ratios):.2f}"
    return Result(
        name,
        median,
        unit=unit,
        target=f"at least {least:g}",
        met=median >= least,
        detail="; ".join([*about, spread]),
    )


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds that some work takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def ratio(
    reference: Callable[[], object], ours: Callable[[], object], rounds: int
) -> tuple[float, list[float]]:
    """Median of reference time / our time over interleaved rounds, and the ratio of each round.

    The first round is not counted.
    """
    ratios = []
    for number in range(rounds + 1):
        pair = seconds(reference) / seconds(ours)
        if number:
            ratios.append(pair)
    return statistics.median(ratios), ratios


def short_run(folder: str, *words: str) -> None:
    """`gantool run WORDS`, not scored, in a process of its own; the run goes to a folder."""
    place = ["--no-evaluate", "--experiments-dir", folder]
    command = [sys.executable, "-m", "gantool", "run", *words, *place]
    subprocess.run(command, check=True, capture_output=True)


def seconds_and_memory(arguments: Sequence[str]) -> tuple[float, float]:
    """Seconds and peak resident memory in MiB of a whole command."""
    begin = time.perf_counter()
    # A process begins with the peak of the one that started it, so a small one stands between.
    done = subprocess.run(
        [sys.executable, "-c", _BETWEEN, *arguments], capture_output=True, text=True, check=True
    )
    unit = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - begin, int(done.stdout) * unit / 2**20


def command(arguments: Sequence[str], rounds: int) -> list[float]:
    """Seconds that a whole command takes, after one run that is not counted."""
    times = [
        seconds(lambda: subprocess.run(arguments, check=True, capture_output=True))
        for _ in range(rounds + 1)
    ]
    return times[1:]
