"""Run the benchmarks named on the command line, or all."""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.accelerator import ON_ACCELERATOR
from benchmarks.large import large
from benchmarks.made_runs import make_runs
from benchmarks.measure import Result, command, ratio, seconds, seconds_and_memory, short_run
from benchmarks.page import page_of_many
from benchmarks.quality import quality
from benchmarks.recorded import Recorded, Resident, made_up, trainer_of
from benchmarks.scoring import scoring
from benchmarks.small import dcgan_small, study_jobs
from benchmarks.starting import preparing_photos, preparing_small, start, warm_start
from benchmarks.tutorial import Tutorial, images_of, loader_of, write_jpegs
from gantool.data.batches import Batches
from gantool.data.prepared import ImageSplit
from gantool.data.preparing import prepare
from gantool.data.readers.folder import ImageFolder
from gantool.machine.device import make_deterministic
from gantool.plugins.registry import load_registry

_ROUNDS = 4  # the first is not counted


def start_up() -> Result:
    """`gantool --help`, `list-models`, `list-plugins` and `compare --help`, as whole commands."""
    times = {
        words: statistics.median(command([sys.executable, "-m", "gantool", *words.split()], 5))
        for words in ("--help", "list-models", "list-plugins", "compare --help")
    }
    slowest = max(times.values())
    detail = ", ".join(f"{words} {value:.2f} s" for words, value in times.items())
    return Result(
        "start-up", slowest, unit="s", target="at most 0.4 s", met=slowest <= 0.4, detail=detail
    )


def dcgan_epoch(precision: str, target: float) -> Result:
    """An epoch of dcgan on 1,024 JPEGs: the tutorial's loop over ours from the cache.

    Images are 64 x 64 x 3, a batch has 128. Both begin with the same weights. Faces of CelebA's
    size (178 x 218) are what the tutorial trains on.
    """
    spec = load_registry().models["dcgan"]
    with tempfile.TemporaryDirectory() as folder:
        write_jpegs(Path(folder, "faces"), 1024, size=(178, 218))
        loader = loader_of(Path(folder, "faces"), 64, batch_size=128)
        data = prepare(
            ImageFolder(Path(folder, "faces")),
            "faces",
            size=(64, 64),
            channels=3,
            cache=Path(folder),
        )
        data.splits["train"] = ImageSplit(
            np.concatenate([s.values for s in data.splits.values()]), None
        )
        steps = len(data.train) // 128
        trainer = trainer_of(
            spec,
            data,
            total_steps=steps * _ROUNDS,
            preset="tutorial",
            precision=precision,
            sheet_every=steps,
        )
        networks = copy.deepcopy(trainer.model).to(memory_format=torch.contiguous_format)
        tutorial = Tutorial(networks)
        run = Recorded(spec, data, trainer=trainer)
        median, every = ratio(
            lambda: tutorial.epoch(loader), lambda: run.steps(steps), rounds=_ROUNDS - 1
        )
        run.close()
        batch = next(iter(loader))[0]
        alone, _ = ratio(lambda: tutorial.step(batch), trainer.step, rounds=5)
    detail = f"ratios {min(every):.2f} to {max(every):.2f}; steps alone {alone:.2f}"
    return Result(
        f"dcgan-{precision}",
        median,
        unit="x the tutorial",
        target=f"at least {target}",
        met=median >= target,
        detail=detail,
    )


def evaluate(data: str, *, extractor: str, most_seconds: int) -> Result:
    """`gantool evaluate` of a run of dcgan with 10,000 samples, as a whole command.

    The first time, which also reads real images and noise, is told beside the median of three more.
    """
    with tempfile.TemporaryDirectory() as folder:
        short_run(folder, "dcgan", "--steps", "2", "--name", "it", "--data", data)
        words = ["evaluate", f"{folder}/it", "--extractor", extractor]
        whole = [sys.executable, "-m", "gantool", *words]
        (first, _), *taken = (seconds_and_memory(whole) for _ in range(4))
    value = statistics.median(seconds for seconds, _ in taken)
    memory = max(memory for _, memory in taken)
    return Result(
        f"evaluate {data}",
        value,
        unit="s",
        target=f"below {most_seconds} s, 2 GB",
        met=value < most_seconds and memory < 2000,
        detail=f"peak {memory:,.0f} MiB; {extractor}; the first time {first:.0f} s",
    )


def compare(name: str, *, runs: int, first: int, again: int) -> Result:
    """`gantool compare` on runs of 5,000 steps, ten sample grids each, as a whole command.

    The first time nothing is in the index of runs; the later ones are measured three times.
    """
    cache = os.environ.get("XDG_CACHE_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        make_runs(Path(folder, "runs"), runs=runs, steps=5000, sample_grids=10)
        words = ["compare", f"{folder}/runs", "--output", f"{folder}/comparison"]
        taken = [seconds_and_memory([sys.executable, "-m", "gantool", *words]) for _ in range(4)]
        size = Path(folder, "comparison", "index.html").stat().st_size / 1e6
    os.environ.pop("XDG_CACHE_HOME")
    if cache is not None:
        os.environ["XDG_CACHE_HOME"] = cache
    value = statistics.median(seconds for seconds, _ in taken[1:])
    memory = max(memory for _, memory in taken)
    return Result(
        name,
        value,
        unit="s",
        target=f"at most {again} s, the first time {first} s, 1 GB",
        met=value <= again and taken[0][0] <= first and memory <= 1000,
        detail=f"the first time {taken[0][0]:.1f} s; peak {memory:,.0f} MiB, page {size:.1f} MB",
    )


def mlp_epoch(model: str) -> Result:
    """An epoch of 60,000 digits: the beginners' loop over a whole run of ours.

    A batch has 128 digits; each loop runs in a process of its own.
    """

    def epoch(who: str) -> float:
        words = [sys.executable, "-m", "benchmarks.epoch", who, model]
        return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)

    pairs = [(epoch("beginner"), epoch("gantool")) for _ in range(3)]
    value = statistics.median(reference / ours for reference, ours in pairs)
    reference, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    detail = f"{reference:.1f} s against {ours:.1f} s"
    return Result(
        f"{model}-epoch",
        value,
        unit="x the beginners'",
        target="at least 2.2",
        met=value >= 2.2,
        detail=detail,
    )


def overhead(model: str, limit: float, steps: int, *, preset: str) -> Result:
    """The cost of recording, sample grids, checkpoints, progress and batches.

    It is measured against bare steps on one resident batch.
    """
    spec, data = load_registry().models[model], made_up(60_000, 28, channels=1)
    options: dict[str, Any] = {"total_steps": steps, "preset": preset, "batch_size": 128}
    bare = trainer_of(spec, data, **options)
    bare.batches = bare.draws.batches = Resident(bare.batches)
    full = Recorded(spec, data, trainer=trainer_of(spec, data, **options))

    def steps_alone(n: int) -> None:
        for _ in range(n):
            bare.play()

    # Sample grids and checkpoints fall into few of the short turns, so their sum counts, not a
    # median.
    turn, spent = steps // 100, []
    for _ in range(100):
        spent.append((seconds(lambda: full.steps(turn)), seconds(lambda: steps_alone(turn))))
    full.close()
    added = 100 * (sum(ours for ours, _ in spent) / sum(alone for _, alone in spent) - 1)
    step = statistics.median(alone for _, alone in spent) / turn
    detail = f"a bare step takes {1000 * step:.1f} ms"
    return Result(
        f"{model}-overhead",
        added,
        unit="% over bare steps",
        target=f"at most {limit:.0f} %",
        met=added <= limit,
        detail=detail,
    )


def batches() -> Result:
    """Images a second from the prepared cache over the tutorial's DataLoader.

    The images are 64 x 64 x 3, made from 178 x 218.
    """
    images = Batches(made_up(20_000, 64, channels=3).train, 128, seed=0, device=torch.device("cpu"))
    rounds = 5
    with tempfile.TemporaryDirectory() as folder:
        write_jpegs(Path(folder, "faces"), 1024, size=(178, 218))
        loader = loader_of(Path(folder, "faces"), 64, batch_size=128)
        pairs = [
            (_rate(iter(loader)), _rate(itertools.islice(images, 156))) for _ in range(rounds + 1)
        ][1:]
    value = statistics.median(cache / pipeline for pipeline, cache in pairs)
    pipeline, cache = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    detail = f"{cache:,.0f} against {pipeline:,.0f} images/s"
    return Result(
        "batches",
        value,
        unit="x the pipeline",
        target="at least 50",
        met=value >= 50,
        detail=detail,
    )


def _rate(batches: Iterator[Any]) -> float:
    begin, n = time.perf_counter(), 0
    for images, _ in batches:
        n += len(images)
    return n / (time.perf_counter() - begin)


def preparing() -> Result:
    """Preparing a folder of JPEGs against one pass of one process over them."""
    with tempfile.TemporaryDirectory() as folder:
        pictures, cache = Path(folder, "pictures"), Path(folder, "cache")
        write_jpegs(pictures, 3000, size=(356, 436))
        numbers = itertools.count()
        load = images_of(pictures, 64)

        def ours() -> None:
            prepare(
                ImageFolder(pictures), f"p{next(numbers)}", size=(64, 64), channels=3, cache=cache
            )

        def one_process() -> None:
            for i in range(len(load)):
                load[i]

        median, every = ratio(one_process, ours, rounds=5)
    detail = f"ratios {min(every):.2f} to {max(every):.2f}"
    return Result(
        "preparing",
        median,
        unit="x one process",
        target="at least 1.8",
        met=median >= 1.8,
        detail=detail,
    )


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
        (
            until_first_step(),
            seconds(lambda: subprocess.run([sys.executable, "-c", "import torch"], check=True)),
        )
        for _ in range(5)
    ]
    value = statistics.median(ours - torch_alone for ours, torch_alone in pairs)
    detail = f"{statistics.median(ours for ours, _ in pairs):.2f} s in all"
    return Result(
        "first-step",
        value,
        unit="s beyond torch's",
        target="at most 1.5 s",
        met=value <= 1.5,
        detail=detail,
    )


def memory() -> Result:
    """Peak memory of dcgan: our trainer over the tutorial, each in its own process.

    Images are 64 x 64 x 3, a batch has 128.
    """
    peaks = {
        who: statistics.median(
            seconds_and_memory([sys.executable, "-m", "benchmarks.peak", who])[1] for _ in range(3)
        )
        for who in ("tutorial", "gantool")
    }
    value = peaks["gantool"] / peaks["tutorial"]
    detail = ", ".join(f"{who} {peak:,.0f} MiB" for who, peak in peaks.items())
    return Result(
        "memory",
        value,
        unit="x the tutorial's",
        target="at most 1.1",
        met=value <= 1.1,
        detail=detail,
    )


def cache_memory() -> Result:
    """The memory that 200,000 images in the cache take beside the mapping itself."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peak", "cache"],
        capture_output=True,
        text=True,
        check=True,
    )
    value = float(done.stdout)
    return Result(
        "cache-memory",
        value,
        unit="MB",
        target="at most 300 MB",
        met=value <= 300,
        detail="200,000 images of 64 x 64 x 3",
    )


BENCHMARKS: dict[str, Callable[[], Result]] = {
    "dcgan-fp32": lambda: dcgan_epoch("fp32", 1.4),
    "dcgan-bf16": lambda: dcgan_epoch("bf16", 2.2),
    "dcgan-small": dcgan_small,
    "vanilla-epoch": lambda: mlp_epoch("vanilla"),
    "cgan-epoch": lambda: mlp_epoch("cgan"),
    "dcgan-overhead": lambda: overhead("dcgan", 3, steps=400, preset="tutorial"),
    "vanilla-overhead": lambda: overhead("vanilla", 10, steps=2000, preset="mlp"),
    "cgan-overhead": lambda: overhead("cgan", 10, steps=2000, preset="mlp"),
    "batches": batches,
    "preparing": preparing,
    "start-up": start_up,
    "first-step": first_step,
    "page": lambda: page_of_many(400),
    "compare": lambda: compare("compare", runs=200, first=20, again=5),
    "scoring": scoring,
    "evaluate": lambda: evaluate("mnist5k", extractor="digits", most_seconds=60),
    "evaluate-color": lambda: evaluate("cats", extractor="photos", most_seconds=60),
    "evaluate-color-128": lambda: evaluate("cats", extractor="photos-128", most_seconds=150),
    "study-jobs": study_jobs,
    "memory": memory,
    "cache-memory": cache_memory,
    "start": start,
    "warm-start": lambda: warm_start(120_000),
    "preparing-small": lambda: preparing_small(20_000),
    "preparing-photos": lambda: preparing_photos(8),
    "large": lambda: large(100_000),
    "quality-dcgan": lambda: quality("quality-dcgan", ["dcgan", "--epochs", "5"], distance=3),
    "quality-cgan": lambda: quality("quality-cgan", ["cgan"], distance=2, fidelity=0.95),
    "quality-vanilla": lambda: quality("quality-vanilla", ["vanilla"], distance=15),
    "quality-fast": lambda: quality("quality-fast", ["dcgan", "--preset", "fast"], distance=1.3),
    "quality-first": lambda: quality("quality-first", ["dcgan", "--epochs", "12"], distance=1.8),
}
# Minutes each, and gigabytes of disk: only where they are named.
AT_FULL_SIZE: dict[str, Callable[[], Result]] = {
    "compare-many": lambda: compare("compare-many", runs=2000, first=30, again=5),
    "preparing-small-full": lambda: preparing_small(120_000),
    "preparing-photos-full": lambda: preparing_photos(60),
    "large-full": lambda: large(1_000_000),
}


def main() -> None:
    """Print a line for each benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    known = {**BENCHMARKS, **AT_FULL_SIZE}
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(known)}; all but {', '.join(AT_FULL_SIZE)} unless given. "
        f"With --device cuda: of {', '.join(ON_ACCELERATOR)}",
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="an accelerator has its own lines"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    usual = BENCHMARKS
    if arguments.device == "cuda":
        if not torch.cuda.is_available():
            parser.exit(2, f"--device cuda: PyTorch {torch.__version__} finds none here.\n")
        known = usual = ON_ACCELERATOR
        make_deterministic(True)  # as a run does, before CUDA starts
    unknown = set(arguments.names) - set(known)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    results = []
    for name in arguments.names or usual:
        result = known[name]()
        results.append(result)
        if not arguments.json:
            state = "met" if result.met else "SHORT"
            print(
                f"{name:17} {result.value:7.2f} {result.unit:18} "
                f"{result.target:18} {state:6} {result.detail}",
                flush=True,
            )
    if arguments.json:
        print(json.dumps([asdict(result) for result in results], indent=2))


if __name__ == "__main__":
    main()
