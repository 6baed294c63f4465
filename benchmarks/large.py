"""A cache larger than the memory: `python -m benchmarks.large FILE batches|steps|gantool ...`.

The parts are processes of their own, so that their memory can be limited and measured. A command
of gantool is given the made-up images in place of whatever its --data names.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.measure import Result, seconds
from benchmarks.recorded import made_up, trainer_of
from gantool.data.batches import Batches
from gantool.data.prepared import ImageSplit, Prepared
from gantool.plugins.registry import load_registry
from gantool.runs.folder import RunFolder

_SHAPE = (64, 64, 3)
_BYTES = 64 * 64 * 3
_CHUNK = 10_000
_STEPS = 90  # a group of a million images has 85 batches
_LEAST = 3 * 10**9  # bytes of memory
_CGROUPS = (  # version 1 and 2: a group's parent, and its file with the limit
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max"),
)


def write_images(file: Path, n: int) -> None:
    """Write n images of noise as the cache keeps them: 12 KB each, uint8 [n, 64, 64, 3].

    The noise repeats itself, but for each image's number in the first bytes.
    """
    noise = np.random.default_rng(0).integers(0, 256, size=(_CHUNK, _BYTES), dtype=np.uint8)
    with file.open("wb") as out:
        for start in range(0, n, _CHUNK):
            numbers = np.arange(start, start + _CHUNK, dtype=np.uint32)
            noise[:, :4] = numbers.view(np.uint8).reshape(-1, 4)
            out.write(noise[: n - start].data)
        os.fsync(out.fileno())


def large(n: int, file: Path | None = None) -> Result:
    """Reading n images where the memory is a quarter of them; with a file, they lie there.

    It is never below what training takes, so that it is less than the images from 250,000 on.
    """
    limit = max(n * _BYTES // 4, _LEAST)
    with tempfile.TemporaryDirectory() as folder, _limited(limit) as prefix:
        images = file or Path(folder, "images.u8")
        if not images.exists():
            write_images(images, n)

        def part(*words: str) -> dict[str, Any]:
            _forget(images)
            command = [*prefix, sys.executable, "-m", "benchmarks.large", str(images), *words]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found: dict[str, Any] = json.loads(done.stdout)
            return found

        read, steps = part("batches", str(min(n, 400_000) // 128)), part("steps", str(_STEPS))
        equal = _resumed_is_equal(images, Path(folder), prefix=prefix)
    slower = 100 * (steps["slower"] - 1)
    met = (
        (read["start"] <= 10 and read["resident"] <= 1200)
        and (read["rate"] >= 20_000 and slower < 5)
        and equal
    )
    detail = (
        f"{n * _BYTES / 1e9:.1f} GB, memory {f'{limit / 1e9:.1f} GB' if prefix else 'unlimited'}; "
        f"first batch after {read['start']:.1f} s, resident {read['resident']:,.0f} MB; "
        f"a step of dcgan {slower:+.1f}%, resident {steps['resident']:,.0f} MB "
        f"({steps['alone']:,.0f} MB on one batch); "
        f"killed and resumed: {'equal' if equal else 'NOT EQUAL'}"
    )
    return Result(
        "large", read["rate"], unit="images/s", target="at least 20,000", met=met, detail=detail
    )


@contextlib.contextmanager
def _limited(limit: int) -> Iterator[list[str]]:
    """Words before a command that give it so many bytes of memory, pages of files included.

    None where this process may not make control groups.
    """
    for parent, file in _CGROUPS:
        group = parent / f"gantool-{os.getpid()}"
        try:
            group.mkdir()
            (group / file).write_text(str(limit))
        except OSError:
            with contextlib.suppress(OSError):
                group.rmdir()
            continue
        try:
            yield ["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh"]
        finally:
            time.sleep(1)  # until the last process has left it
            group.rmdir()
        return
    yield []


def _forget(file: Path) -> None:
    """Have the system drop a file's pages, which else would not count as the next process's."""
    with file.open("rb") as opened:
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _resumed_is_equal(images: Path, folder: Path, prefix: Sequence[str]) -> bool:
    """Whether a run that is killed and resumed has the metrics of one that is not."""
    gantool = [*prefix, sys.executable, "-m", "benchmarks.large", str(images), "gantool"]
    words = ["run", "dcgan", "--steps", "120", "--batch-size", "128", "--ngf", "8", "--ndf", "8"]
    words += ["--no-evaluate", "--checkpoint-every", "20", "--experiments-dir", str(folder)]
    silent: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*gantool, *words, "--name", "whole"], check=True, **silent)
    process = subprocess.Popen([*gantool, *words, "--name", "killed"], **silent)
    states = RunFolder(folder / "killed").states
    while process.poll() is None and max(states(), default=0) < 60:
        time.sleep(0.05)
    process.kill()
    process.wait()
    subprocess.run([*gantool, "resume", str(folder / "killed")], check=True, **silent)
    whole, killed = (_metrics(folder / name / "metrics.jsonl") for name in ("whole", "killed"))
    return whole == killed and len(whole) == 120


def _metrics(file: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [{key: line[key] for key in line if key != "seconds"} for line in lines]


def _prepared(file: Path) -> Prepared:
    n = file.stat().st_size // _BYTES
    images = np.memmap(file, dtype=np.uint8, mode="r", shape=(n, *_SHAPE))
    few = ImageSplit(images[-16:], None)
    return replace(
        made_up(16, 64, channels=3),
        classes=(),
        splits={"train": ImageSplit(images[:-16], None), "validation": few, "test": few},
    )


def _read(file: Path, count: int) -> dict[str, float]:
    """Seconds to the first batch, images a second after it, and the peak of resident memory.

    One thread computes, as the other core has the reader.
    """
    torch.set_num_threads(1)
    begin = time.perf_counter()
    batches = Batches(_prepared(file).train, 128, seed=0, device=torch.device("cpu"))
    next(batches)
    first = time.perf_counter()
    for _ in itertools.islice(batches, count):
        pass
    return {
        "start": first - begin,
        "rate": 128 * count / (time.perf_counter() - first),
        "resident": _peak(),
    }


class _Repeated(Batches):
    """A batch that is drawn again and again."""

    def __init__(self, batches: Batches) -> None:
        vars(self).update(vars(batches))
        self._batch = next(batches)

    def __next__(self) -> tuple[Any, Any]:
        return self._batch


def _step(file: Path, count: int) -> dict[str, float]:
    """A step of dcgan with batches from the file over one with the same batch again and again.

    `count` steps of each are taken, in turns of ten. Peaks are of resident memory.
    """
    spec, data = load_registry().models["dcgan"], _prepared(file)
    trainer = trainer_of(spec, data, total_steps=count, batch_size=128)
    reading = trainer.draws.batches
    repeated = _Repeated(
        trainer_of(spec, made_up(512, 64, channels=3), total_steps=1, batch_size=128).batches
    )
    trainer.draws.batches = repeated
    trainer.play()
    alone = _peak()
    trainer.draws.batches = reading
    trainer.play()  # it reads the first group; later ones are read meanwhile
    spent: dict[Batches, float] = {reading: 0.0, repeated: 0.0}
    for _ in range(count // 10):
        for batches in spent:
            trainer.draws.batches = batches
            spent[batches] += seconds(lambda: [trainer.play() for _ in range(10)])
    return {"slower": spent[reading] / spent[repeated], "alone": alone, "resident": _peak()}


def _peak() -> float:
    """The most memory that was resident, in MB."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1000


def _gantool(file: Path) -> None:
    """The command line, on these images."""
    import gantool.training.run
    import gantool.training.setup
    from gantool.__main__ import main

    for module in (gantool.training.run, gantool.training.setup):
        module.load = lambda *_, **__: _prepared(file)  # type: ignore[attr-defined]
    del sys.argv[1:3]
    main()


if __name__ == "__main__":
    file, what = Path(sys.argv[1]), sys.argv[2]
    if what == "gantool":
        _gantool(file)
    else:
        measured = _read if what == "batches" else _step
        print(json.dumps(measured(file, int(sys.argv[3]))))
