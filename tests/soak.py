"""Kill runs at random instants, resume each to its end.

And compare with the run that nobody disturbed.

`python tests/soak.py --kills 100 --jobs 2` prints how it went;
`tests/end_to_end/test_faults.py` does it
a few times.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_COMMON = (
    *(
        "--threads",
        "1",
        "--steps",
        "100",
        "--batch-size",
        "16",
        "--sheet-every",
        "10",
        "--checkpoint-every",
        "7",
    ),
    *("--keep-generators-every", "20", "--no-evaluate"),
)
_CONV = ("--ngf", "4", "--ndf", "4", "--nz", "16", "--image-size", "16")
# Between them: EMA, schedules, several discriminator steps, penalties, bf16, labels.
VARIANTS: dict[str, tuple[str, ...]] = {
    "dcgan": ("dcgan", *_CONV, "--ema", "0.9", "--discriminator-steps", "2"),
    "vanilla": ("vanilla", "--preset", "paper"),
    "cgan": ("cgan", "--preset", "mlp", "--precision", "bf16"),
    "r3gan": ("r3gan", *_CONV),
}


@dataclass
class Outcome:
    """What the kills of one soak came to."""

    kills: int = 0
    early: int = 0
    equal: int = 0
    faults: list[str] = field(default_factory=list)


class Soak:
    """Undisturbed runs of some variants to compare with, and kills.

    Most kills fall between the beginning of a run's record and its end, a few into the start of the
    process.
    """

    def __init__(self, place: Path, variants: list[str]) -> None:
        self.place = place
        self.seconds: dict[str, float] = {}
        self.expected: dict[str, dict[str, Any]] = {}
        for variant in variants:
            process = self._start(variant, f"whole-{variant}")
            _wait_for_record(process, place / f"whole-{variant}")
            begin = time.monotonic()
            assert process.wait() == 0, (place / f"whole-{variant}.log").read_text()
            self.seconds[variant] = time.monotonic() - begin
            self.expected[variant] = content(place / f"whole-{variant}")

    def kill(self, variant: str, number: int, seed: int) -> Outcome:
        """Start a run, kill it at a random instant, perhaps its resumption too.

        Then let it end and compare.
        """
        chance, outcome = random.Random(seed), Outcome()
        name = f"{variant}-{number}"
        run = self.place / name
        while not _finished(run):
            process = self._resume(run) if run.exists() else self._start(variant, name)
            if outcome.kills < 1 + (chance.random() < 0.3):
                if chance.random() < 0.9:
                    _wait_for_record(process, run)
                time.sleep(chance.uniform(0, self.seconds[variant]))
                if process.poll() is None:
                    process.kill()
                    process.wait()
                    outcome.kills += 1
                    outcome.early += not run.exists()
                    outcome.faults += [f"{name}: {fault}" for fault in half_written(run)]
                    continue
            if process.wait() != 0:
                outcome.faults.append(f"{name}: it ended with {process.returncode}")
                return outcome
        differences = sorted(_differences(self.expected[variant], content(run)))
        outcome.equal = not differences
        outcome.faults += [f"{name}: {what} differs" for what in differences]
        outcome.faults += [
            f"{name}: {file.name} is left over" for file in run.rglob(".*") if file.name != ".lock"
        ]
        return outcome

    def _start(self, variant: str, name: str) -> subprocess.Popen[bytes]:
        words = [
            "run",
            *VARIANTS[variant],
            *_COMMON,
            "--name",
            name,
            "--experiments-dir",
            str(self.place),
        ]
        return self._process(words, name)

    def _resume(self, run: Path) -> subprocess.Popen[bytes]:
        return self._process(["resume", str(run)], run.name)

    def _process(self, words: list[str], name: str) -> subprocess.Popen[bytes]:
        with (self.place / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "gantool", *words],
                stdout=log,
                stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )


def _wait_for_record(process: subprocess.Popen[bytes], run: Path) -> None:
    """Until the run's record names this process, or it has ended."""
    while process.poll() is None:
        if (
            run.exists()
            and json.loads((run / "run.json").read_text())["process"]["pid"] == process.pid
        ):
            return
        time.sleep(0.002)


def content(run: Path) -> dict[str, Any]:
    """What must be equal: figures but for seconds, sheets, and generators.

    Which hold the weights.
    """
    lines = (json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines())
    figures = [{key: value for key, value in line.items() if key != "seconds"} for line in lines]
    files = [
        *run.glob("samples/*.png"),
        *run.glob("generators/*.safetensors"),
        run / "generator.safetensors",
    ]
    return {"metrics.jsonl": figures} | {
        str(file.relative_to(run)): file.read_bytes() for file in files
    }


def half_written(run: Path) -> Iterator[str]:
    """Files under their final names that are not whole, at any instant.

    Growing files may lack their last line.
    """
    import torch
    from PIL import Image
    from safetensors import safe_open

    for file in run.rglob("*") if run.exists() else ():
        if file.is_dir() or file.name.startswith("."):
            continue
        try:
            if file.suffix == ".json":
                json.loads(file.read_text())
            elif file.suffix == ".jsonl":
                [
                    json.loads(line)
                    for line in file.read_text().splitlines(keepends=True)
                    if line.endswith("\n")
                ]
            elif file.suffix in (".png", ".gif"):
                Image.open(file).load()
            elif file.suffix == ".safetensors":
                safe_open(file, "pt")
            elif file.suffix == ".pt":
                torch.load(file, weights_only=True)
            elif file.suffix == ".sha256":
                assert re.fullmatch(r"[0-9a-f]{64}  \d{8}\.pt\n", file.read_text())
            elif file.suffix == ".html":
                assert file.read_text().rstrip().endswith("</html>")
        except Exception as error:
            yield f"{file.relative_to(run)} is half written: {error}"


def _finished(run: Path) -> bool:
    return run.exists() and json.loads((run / "run.json").read_text())["status"] == "finished"


def _differences(expected: dict[str, Any], found: dict[str, Any]) -> set[str]:
    return {key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)}


def soak(place: Path, kills: int, jobs: int, seed: int) -> Outcome:
    """So many runs that are killed at least once, spread over the variants."""
    variants = list(VARIANTS)[: max(1, min(len(VARIANTS), kills))]
    trials = Soak(place, variants)
    total, number = Outcome(), 0
    with ThreadPoolExecutor(jobs) as pool:
        while total.kills < kills:
            turns = range(number, number + max(jobs, min(kills - total.kills, 4 * jobs)))
            number = turns.stop
            for outcome in pool.map(
                lambda i: trials.kill(variants[i % len(variants)], i, seed + i), turns
            ):
                total.kills += outcome.kills
                total.early += outcome.early
                total.equal += outcome.equal
                total.faults += outcome.faults
    total.faults += [f"run {number - total.equal} times not equal"] if total.equal < number else []
    return total


def main() -> None:
    """Soak, and say how it went; the exit code is 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        total = soak(Path(place), given.kills, given.jobs, given.seed)
    minutes = (time.monotonic() - begin) / 60
    print(
        f"{total.kills} kills ({total.early} before there was a run folder), {total.equal} runs "
        f"equal to the undisturbed ones, {len(total.faults)} faults, {minutes:.1f} minutes"
    )
    print("\n".join(total.faults))
    sys.exit(bool(total.faults))


if __name__ == "__main__":
    main()
