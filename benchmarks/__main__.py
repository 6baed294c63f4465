"""Run the benchmarks named on the command line, or all."""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from benchmarks.made_runs import make_runs
from benchmarks.measure import Result, command, ratio, seconds_and_memory
from benchmarks.tutorial import Tutorial
from gantool.data.batches import Batches
from gantool.data.prepared import ImageSplit
from gantool.gan import Shapes
from gantool.models.dcgan import Config
from gantool.models.dcgan.model import DCGAN
from gantool.trainer import Trainer

_STEPS = 3


def start_up() -> Result:
    """`gantool --help` and `list-models`, as whole commands."""
    times = {
        words: statistics.median(command([sys.executable, "-m", "gantool", words], 5))
        for words in ("--help", "list-models")
    }
    slowest = max(times.values())
    detail = ", ".join(f"{words} {value:.2f} s" for words, value in times.items())
    return Result("start-up", slowest, "s", "at most 0.4 s", slowest <= 0.4, detail)


def dcgan_step(precision: str, target: float) -> Result:
    """Dcgan at 64 x 64 x 3, batch 128: images a second over the tutorial's, the same weights to begin with."""
    rng = np.random.default_rng(0)
    split = ImageSplit(rng.integers(0, 256, (512, 64, 64, 3), dtype=np.uint8), None)
    torch.manual_seed(0)
    gan = DCGAN.create(Config(batch_size=128, precision=precision), Shapes(64, 3, 0), split)
    tutorial = Tutorial(copy.deepcopy(gan.generator), copy.deepcopy(gan.discriminator), 100)
    cpu = torch.device("cpu")
    gan = gan.to(memory_format=torch.channels_last)
    trainer = Trainer(gan, Batches(split, 128, 0, cpu), 10**9, torch.Generator().manual_seed(0))
    real = [next(Batches(split, 128, 0, cpu))[0].contiguous() for _ in range(_STEPS)]

    def ours() -> None:
        for _ in range(_STEPS):
            for figure in trainer.step().values():
                figure.item()

    median, every = ratio(lambda: [tutorial.step(batch) for batch in real], ours, rounds=5)
    detail = f"ratios {min(every):.2f} to {max(every):.2f}"
    return Result(f"dcgan-{precision}", median, "x the tutorial", f"at least {target}", median >= target, detail)


def evaluate() -> Result:
    """`gantool evaluate` of a 28 x 28 run of dcgan with 10,000 samples, as a whole command."""
    with tempfile.TemporaryDirectory() as folder:
        gantool = [sys.executable, "-m", "gantool"]
        words = ["run", "dcgan", "--steps", "2", "--no-evaluate", "--name", "it", "--experiments-dir", folder]
        subprocess.run([*gantool, *words], check=True, capture_output=True)
        taken = [seconds_and_memory([*gantool, "evaluate", f"{folder}/it"]) for _ in range(3)]
    value = statistics.median(seconds for seconds, _ in taken)
    memory = max(memory for _, memory in taken)
    return Result("evaluate", value, "s", "below 60 s, 2 GB", value < 60 and memory < 2000, f"peak {memory:,.0f} MiB")


def compare() -> Result:
    """`gantool compare` on 200 runs of 5,000 steps with ten sheets each, as a whole command."""
    with tempfile.TemporaryDirectory() as folder:
        make_runs(Path(folder), runs=200, steps=5000, sheets=10)
        words = ["compare", folder, "--output", f"{folder}/comparison"]
        taken = [seconds_and_memory([sys.executable, "-m", "gantool", *words]) for _ in range(3)]
        size = Path(folder, "comparison", "index.html").stat().st_size / 1e6
    value = statistics.median(seconds for seconds, _ in taken)
    memory = max(memory for _, memory in taken)
    detail = f"peak {memory:,.0f} MiB, page {size:.1f} MB"
    return Result("compare", value, "s", "at most 20 s, 1 GB", value <= 20 and memory <= 1000, detail)


BENCHMARKS: dict[str, Callable[[], Result]] = {
    "start-up": start_up,
    "evaluate": evaluate,
    "compare": compare,
    "dcgan-fp32": lambda: dcgan_step("fp32", 1.4),
    "dcgan-bf16": lambda: dcgan_step("bf16", 2.2),
}


def main() -> None:
    """Print a line for each benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all unless given")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    results = []
    for name in arguments.names or BENCHMARKS:
        result = BENCHMARKS[name]()
        results.append(result)
        if not arguments.json:
            state = "met" if result.met else "SHORT"
            print(f"{name:12} {result.value:6.2f} {result.unit:15} {result.target:15} {state:6} {result.detail}")
    if arguments.json:
        print(json.dumps([asdict(result) for result in results], indent=2))


if __name__ == "__main__":
    main()
