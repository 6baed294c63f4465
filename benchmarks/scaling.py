"""The gain of a second process.

`python -m benchmarks.scaling` prints the table of docs/scaling.md.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.distributed as dist

_ROUNDS = 3
_STUDY = """
models = ["dcgan", "vanilla"]
seeds = [0, 1]
budget = { steps = 150 }
%s
[options]
batch_size = 64
evaluation_samples = 2000
"""
_RUNS = {
    "dcgan 32 x 32, batch 64": (
        "dcgan",
        "--image-size",
        "32",
        "--batch-size",
        "64",
        "--steps",
        "40",
    ),
    "vanilla 28 x 28, batch 128": ("vanilla", "--batch-size", "128", "--steps", "300"),
}
_ALONE = [sys.executable, "-m", "gantool"]
_TOGETHER = [
    sys.executable,
    "-m",
    "torch.distributed.run",
    "--standalone",
    "--nproc-per-node",
    "2",
    "-m",
    "gantool",
]


def study_seconds(place: Path, jobs: int, *, scored: bool = False) -> float:
    """Seconds of a whole study, comparison included; all scores, of 2,000 samples, or none."""
    name = f"jobs-{jobs}-{time.monotonic_ns()}"
    file = place / "it.toml"
    file.write_text(_STUDY % ("" if scored else "scores = []"))
    begin = time.perf_counter()
    words = [
        "study",
        str(file),
        "--jobs",
        str(jobs),
        "--name",
        name,
        "--experiments-dir",
        str(place),
    ]
    subprocess.run([*_ALONE, *words], check=True, capture_output=True)
    return time.perf_counter() - begin


def images_per_second(
    place: Path, launcher: Sequence[str], words: Sequence[str], threads: int
) -> float:
    """Images a second of a run, as its record says."""
    name = f"run-{time.monotonic_ns()}"
    given = [
        *words,
        "--threads",
        str(threads),
        "--name",
        name,
        "--experiments-dir",
        str(place),
        "--no-evaluate",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    subprocess.run([*launcher, "run", *given], check=True, capture_output=True, env=environment)
    rate: float = json.loads((place / name / "run.json").read_text())["images_per_second"]
    return rate


def all_reduce_seconds() -> dict[int, float]:
    """Seconds of an all-reduce of so many floats between two processes of this machine."""
    done = subprocess.run(
        [*_TOGETHER[:-1], "benchmarks.scaling", "all-reduce"],
        check=True,
        capture_output=True,
        text=True,
    )
    return {int(n): float(seconds) for n, seconds in re.findall(r"(\d+) (\S+)", done.stdout)}


def _all_reduce() -> None:
    dist.init_process_group("gloo")
    torch.set_num_threads(1)
    for n in (1, 10_000, 1_000_000, 6_342_272):
        values = torch.ones(n)
        times = []
        for _ in range(12):
            dist.barrier()
            begin = time.perf_counter()
            dist.all_reduce(values)
            times.append(time.perf_counter() - begin)
        if dist.get_rank() == 0:
            print(n, statistics.median(times[2:]))
    dist.destroy_process_group()


def main() -> None:
    """Measure, interleaved, and print."""
    print("| what | median | of |")
    print("|---|---:|---|")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        pairs = [(study_seconds(place, 1), study_seconds(place, 2)) for _ in range(_ROUNDS)]
        _row("study of four runs, `--jobs 2` over one at a time", [one / two for one, two in pairs])
        for name, words in _RUNS.items():
            found = [
                (
                    images_per_second(place, _ALONE, words=words, threads=1),
                    images_per_second(place, _ALONE, words=words, threads=2),
                    images_per_second(place, _TOGETHER, words=words, threads=1),
                )
                for _ in range(_ROUNDS)
            ]
            _row(
                f"{name}: 2 ranks of one thread over 1 of one",
                [ranks / one for one, _, ranks in found],
            )
            _row(
                f"{name}: 1 process of two threads over one of one",
                [two / one for one, two, _ in found],
            )
            _row(
                f"{name}: 2 ranks of one thread over 1 of two",
                [ranks / two for _, two, ranks in found],
            )
    for n, seconds in all_reduce_seconds().items():
        print(
            f"| all-reduce of {n:,} floats between 2 processes | {1000 * seconds:.2f} ms | |",
            flush=True,
        )


def _row(name: str, ratios: list[float]) -> None:
    shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"| {name} | {statistics.median(ratios):.2f} | {shown} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["all-reduce"]:
        _all_reduce()
    else:
        main()
