"""Run the benchmarks named on the command line, or all."""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader

from benchmarks.beginner import Beginner
from benchmarks.made_runs import make_runs
from benchmarks.measure import Result, command, ratio, seconds, seconds_and_memory
from benchmarks.recorded import Recorded, made_up, trainer_of
from benchmarks.tutorial import Jpegs, Tutorial
from gantool.data.batches import Batches
from gantool.data.folder import ImageFolder
from gantool.data.prepared import ImageSplit, prepare
from gantool.gan import Progress, Shapes
from gantool.models.dcgan import Config
from gantool.models.dcgan.model import DCGAN
from gantool.plugins import load_registry
from gantool.trainer import Trainer

_STEPS = 3


def start_up() -> Result:
    """`gantool --help`, `list-models`, `list-plugins` and `compare --help`, as whole commands."""
    times = {
        words: statistics.median(command([sys.executable, "-m", "gantool", *words.split()], 5))
        for words in ("--help", "list-models", "list-plugins", "compare --help")
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


def mlp_epoch(model: str) -> Result:
    """An epoch of 60,000 images of 28 x 28, batch 128: gantool's whole run against the beginners' loop."""
    spec, data = load_registry().models[model], made_up(60_000, 28, 1)
    steps = 60_000 // 128
    assert data.train.labels is not None
    beginner = Beginner(data.train.images, data.train.labels, conditional=model == "cgan")

    def ours() -> None:
        run = Recorded(spec, data, trainer_of(spec, data, steps, batch_size=128))
        run.steps(steps)
        run.close()

    median, every = ratio(beginner.epoch, ours, rounds=3)
    detail = f"ratios {min(every):.2f} to {max(every):.2f}"
    return Result(f"{model}-epoch", median, "x the beginners'", "at least 2.2", median >= 2.2, detail)


def overhead(model: str, limit: float, steps: int, **options: int) -> Result:
    """Recording, sheets, checkpoints, progress and batches: what they add to bare steps on one resident batch."""
    spec, data = load_registry().models[model], made_up(4096, 28, 1)
    rounds = 3
    bare = trainer_of(spec, data, steps * (rounds + 1), **options)
    batch = next(bare.batches)
    bare.batches = itertools.repeat(batch)  # type: ignore[assignment]
    full = Recorded(spec, data, trainer_of(spec, data, steps * (rounds + 1), **options))

    def steps_alone() -> None:
        for _ in range(steps):
            bare._apply(bare.gan.schedule(Progress(bare.steps, bare.total_steps, 0.0, bare.images)))
            bare._alternating()

    median, every = ratio(lambda: full.steps(steps), steps_alone, rounds=rounds)
    full.close()
    added = 100 * (median - 1)
    detail = f"added {', '.join(f'{100 * (value - 1):.1f}' for value in every)} %"
    return Result(f"{model}-overhead", added, "% over bare steps", f"at most {limit:.0f} %", added <= limit, detail)


def batches() -> Result:
    """Images a second from the prepared cache against a DataLoader that decodes and transforms each image."""
    data = made_up(20_000, 64, 3)
    ours = Batches(data.train, 128, 0, torch.device("cpu"))
    with tempfile.TemporaryDirectory() as folder:
        for i in range(1000):
            Image.fromarray(data.train.images[i]).save(f"{folder}/{i}.jpg")
        loader = DataLoader(Jpegs(folder), batch_size=125, num_workers=2, shuffle=True)
        pipeline = statistics.median(1000 / seconds(lambda: list(loader)) for _ in range(3))
    cache = statistics.median(156 * 128 / seconds(lambda: [next(ours) for _ in range(156)]) for _ in range(3))
    value, detail = cache / pipeline, f"{cache:,.0f} against {pipeline:,.0f} images/s"
    return Result("batches", value, "x the pipeline", "at least 50", value >= 50, detail)


def preparing() -> Result:
    """Preparing a folder of JPEGs against one pass of one process over them."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures"
        pictures.mkdir()
        base = Image.fromarray(rng.integers(0, 256, (27, 22, 3), dtype=np.uint8)).resize((356, 436))
        for i in range(3000):
            base.rotate(i % 360).save(pictures / f"{i}.jpg", quality=90)
        numbers = itertools.count()
        load = Jpegs(str(pictures), side=64)

        def ours() -> None:
            prepare(ImageFolder(pictures), f"p{next(numbers)}", image_size=64, channels=3, cache=Path(folder) / "cache")

        median, every = ratio(lambda: [load[i] for i in range(len(load))], ours, rounds=3)
    detail = f"ratios {min(every):.2f} to {max(every):.2f}"
    return Result("preparing", median, "x one process", "at least 1.8", median >= 1.8, detail)


def first_step() -> Result:
    """From the start of `gantool run` to its first step, less what importing torch takes."""
    words = [sys.executable, "-m", "gantool", "run", "dcgan", "--steps", "3", "--no-evaluate"]

    def until_first_step() -> float:
        with tempfile.TemporaryDirectory() as folder:
            begin = time.perf_counter()
            process = subprocess.Popen(
                [*words, "--experiments-dir", folder],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith("step 1/"):
                    break
            taken = time.perf_counter() - begin
            process.stderr.read()
            process.wait()
            return taken

    until_first_step()
    pairs = [
        (until_first_step(), seconds(lambda: subprocess.run([sys.executable, "-c", "import torch"], check=True)))
        for _ in range(5)
    ]
    value = statistics.median(ours - torch_alone for ours, torch_alone in pairs)
    detail = f"{statistics.median(ours for ours, _ in pairs):.2f} s in all"
    return Result("first-step", value, "s beyond torch's", "at most 1.5 s", value <= 1.5, detail)


def memory() -> Result:
    """Peak memory of dcgan at 64 x 64 x 3, batch 128: our trainer over the tutorial, each in its own process."""
    peaks = {
        who: statistics.median(seconds_and_memory([sys.executable, "-m", "benchmarks.peak", who])[1] for _ in range(3))
        for who in ("tutorial", "gantool")
    }
    value = peaks["gantool"] / peaks["tutorial"]
    detail = ", ".join(f"{who} {peak:,.0f} MiB" for who, peak in peaks.items())
    return Result("memory", value, "x the tutorial's", "at most 1.1", value <= 1.1, detail)


def cache_memory() -> Result:
    """What 200,000 images in the cache add to the memory that is not the mapping itself."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peak", "cache"], capture_output=True, text=True, check=True
    )
    value = float(done.stdout)
    return Result("cache-memory", value, "MB", "at most 300 MB", value <= 300, "200,000 images of 64 x 64 x 3")


BENCHMARKS: dict[str, Callable[[], Result]] = {
    "dcgan-fp32": lambda: dcgan_step("fp32", 1.4),
    "dcgan-bf16": lambda: dcgan_step("bf16", 2.2),
    "vanilla-epoch": lambda: mlp_epoch("vanilla"),
    "cgan-epoch": lambda: mlp_epoch("cgan"),
    "dcgan-overhead": lambda: overhead("dcgan", 3, 400, batch_size=16),
    "vanilla-overhead": lambda: overhead("vanilla", 10, 1500, batch_size=32),
    "cgan-overhead": lambda: overhead("cgan", 10, 1500, batch_size=32),
    "batches": batches,
    "preparing": preparing,
    "start-up": start_up,
    "first-step": first_step,
    "compare": compare,
    "evaluate": evaluate,
    "memory": memory,
    "cache-memory": cache_memory,
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
            print(
                f"{name:17} {result.value:7.2f} {result.unit:18} {result.target:18} {state:6} {result.detail}",
                flush=True,
            )
    if arguments.json:
        print(json.dumps([asdict(result) for result in results], indent=2))


if __name__ == "__main__":
    main()
