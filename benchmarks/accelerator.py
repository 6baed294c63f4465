"""The lines of an accelerator: `python -m benchmarks --device cuda`.

Ours has deterministic algorithms, as a run has by default; the loops it is compared with do not
ask for them. In fp32 PyTorch lets convolutions use TF32.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import epoch
from benchmarks.measure import Result, of_ratios, seconds, short_run
from benchmarks.recorded import Recorded, Resident, made_up, trainer_of
from benchmarks.tutorial import Tutorial, loader_of, write_jpegs
from gantool.data.load import load
from gantool.display import Display
from gantool.evaluation.evaluate import evaluate_run
from gantool.machine.device import make_deterministic
from gantool.models.dcgan import Config
from gantool.plugins.registry import load_registry
from gantool.training.trainer import Trainer

CUDA = torch.device("cuda")
_BATCH, _SIDE = 128, 64
_STEPS = 100  # a turn
_MATRIX = 8192


def _timed(work: Callable[[], object]) -> float:
    """Seconds until the device has done some work."""

    def done() -> None:
        work()
        torch.cuda.synchronize()

    torch.cuda.synchronize()
    return seconds(done)


@contextlib.contextmanager
def _as_torch_is() -> Iterator[None]:
    """Whatever algorithms PyTorch takes by itself."""
    torch.set_deterministic_debug_mode("default")
    try:
        yield
    finally:
        make_deterministic(True)


def _large(**options: Any) -> Trainer:
    """The tutorial's dcgan at 64 x 64 x 3, batch 128, on the accelerator."""
    spec, data = load_registry().models["dcgan"], made_up(8192, _SIDE, channels=3)
    own = {"preset": "tutorial", "device": CUDA, "batch_size": _BATCH, "sheet_every": _STEPS}
    return trainer_of(spec, data, total_steps=10**6, **{**own, **options})


def _steps(trainer: Trainer) -> float:
    """Images a second of bare steps."""
    for _ in range(5):
        trainer.step()
    taken = _timed(lambda: [trainer.step() for _ in range(_STEPS)])
    return _STEPS * trainer.batches.batch_size / taken


@functools.cache
def _tutorial_rates() -> tuple[float, float]:
    """Images a second of the tutorial at 64 x 64: with its DataLoader, and of steps alone."""
    tutorial = Tutorial(_contiguous(_large()))
    with tempfile.TemporaryDirectory() as folder, _as_torch_is():
        write_jpegs(Path(folder, "faces"), 2048, size=(178, 218))
        loader = loader_of(Path(folder, "faces"), _SIDE, batch_size=_BATCH)
        whole = [2048 / _timed(lambda: tutorial.epoch(loader)) for _ in range(3)][1:]
        batch = next(iter(loader))[0].to(CUDA)
        alone = [
            _STEPS * _BATCH / _timed(lambda: [tutorial.step(batch) for _ in range(_STEPS)])
            for _ in range(3)
        ]
    return statistics.median(whole), statistics.median(alone)


def _contiguous(trainer: Trainer) -> Any:
    return copy.deepcopy(trainer.model).to(memory_format=torch.contiguous_format)


def _times(name: str, ours: float, theirs: float, *, unit: str, detail: str) -> Result:
    """A rate over the other, or the other's seconds over ours: ours is to be no slower."""
    return Result(
        name, ours / theirs, unit=unit, target="at least 1", met=ours >= theirs, detail=detail
    )


def dcgan(precision: str) -> Result:
    """A recorded run of dcgan at 64 x 64 x 3, batch 128, over the tutorial's loop."""
    spec, trainer = load_registry().models["dcgan"], _large(precision=precision)
    run = Recorded(spec, made_up(512, _SIDE, channels=3), trainer=trainer)
    run.steps(_STEPS)
    rates = [_STEPS * _BATCH / _timed(lambda: run.steps(_STEPS)) for _ in range(3)]
    run.close()
    alone = _steps(trainer)
    make_deterministic(False)
    fastest = _steps(_large(precision=precision))
    make_deterministic(True)
    loaded, steps = _tutorial_rates()
    value = statistics.median(rates)
    return _times(
        f"dcgan-{precision}",
        value,
        loaded,
        unit="x the tutorial",
        detail=f"{value:,.0f} against {loaded:,.0f} images/s; steps alone {alone:,.0f} against "
        f"{steps:,.0f} ({alone / steps:.2f} x); --no-deterministic {fastest:,.0f}",
    )


def compiled(precision: str) -> Result:
    """Bare steps of dcgan at 64 x 64 x 3 with `--compile` over those without."""
    plain = _steps(_large(precision=precision))
    trainer = _large(precision=precision, compile=True)
    first = _timed(lambda: [trainer.step() for _ in range(3)])
    fast = _steps(trainer)
    return _times(
        f"compile-{precision}",
        fast,
        plain,
        unit="x uncompiled",
        detail=f"{fast:,.0f} against {plain:,.0f} images/s; compiling takes {first:.0f} s",
    )


def small() -> Result:
    """Steps of dcgan at 28 x 28, batch 16, over the tutorial's on the same batches."""
    registry = load_registry()
    data = load(Config(), registry)
    trainer = trainer_of(registry.models["dcgan"], data, total_steps=10**6, device=CUDA)
    tutorial = Tutorial(_contiguous(trainer))
    batches = [
        images.contiguous() for images, _ in itertools.islice(copy.copy(trainer.batches), _STEPS)
    ]
    pairs = []
    for _ in range(6):
        with _as_torch_is():
            theirs = _timed(lambda: [tutorial.step(images) for images in batches])
        pairs.append((theirs, _timed(lambda: [trainer.step() for _ in range(_STEPS)])))
    ours = statistics.median(taken for _, taken in pairs[1:])
    about = [f"{1000 * ours / _STEPS:.2f} ms a step"]
    ratios = [reference / own for reference, own in pairs[1:]]
    return of_ratios("dcgan-small", ratios, least=1, unit="x the tutorial's step", about=about)


def mlp_epoch(model: str) -> Result:
    """An epoch of 60,000 digits, batch 128: the beginners' loop over a whole run of ours."""
    with _as_torch_is():
        reference = epoch.beginner(model, CUDA)
    taken = [epoch.ours(model, CUDA) for _ in range(2)]
    ours = min(taken)
    return _times(
        f"{model}-epoch",
        reference,
        ours,
        unit="x the beginners'",
        detail=f"{reference:.1f} s against {ours:.2f} s",
    )


def overhead() -> Result:
    """The cost of recording and of batches, over bare steps of dcgan on one resident batch."""
    spec, data = load_registry().models["dcgan"], made_up(60_000, 28, channels=1)
    turn, turns = 50, 20
    options: dict[str, Any] = {"preset": "tutorial", "device": CUDA, "batch_size": _BATCH}
    bare = trainer_of(spec, data, total_steps=turn * (turns + 1), **options)
    bare.batches = bare.draws.batches = Resident(bare.batches)
    full = Recorded(
        spec, data, trainer=trainer_of(spec, data, total_steps=turn * (turns + 1), **options)
    )
    spent = [
        (
            _timed(lambda: full.steps(turn)),
            _timed(lambda: [bare.play() for _ in range(turn)]),
        )
        for _ in range(turns + 1)
    ][1:]
    full.close()
    ours, alone = (sum(times) for times in zip(*spent, strict=True))
    added = 100 * (ours / alone - 1)
    return Result(
        "dcgan-overhead",
        added,
        unit="% over bare steps",
        target="at most 10 %",
        met=added <= 10,
        detail=f"a bare step takes {1000 * alone / turns / turn:.2f} ms",
    )


def _peak(kind: torch.dtype) -> float:
    """Multiply-adds a second of a large matrix product; of float32 in TF32."""
    a, b = (torch.randn(_MATRIX, _MATRIX, device=CUDA, dtype=kind) for _ in range(2))
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    best = min(_timed(lambda: [a @ b for _ in range(10)]) for _ in range(4)) / 10
    torch.backends.cuda.matmul.allow_tf32 = before
    return _MATRIX**3 / best


def share_of_peak() -> Result:
    """Multiply-adds of dcgan's steps at 64 x 64 x 3 over those of a large matrix product."""
    found = {}
    for precision, kind in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        trainer = _large(precision=precision)
        trainer.step()
        with FlopCounterMode(display=False) as counter:
            trainer.step()
        each = counter.get_total_flops() / 2 / _BATCH
        peak = _peak(kind)
        found[precision] = each * _steps(trainer) / peak, peak
    (bf16, of_bf16), (fp32, of_fp32) = found["bf16"], found["fp32"]
    return Result(
        "share-of-peak",
        100 * bf16,
        unit="% in bf16",
        target="told",
        met=True,
        detail=f"of {of_bf16 / 1e12:,.0f} 10^12 multiply-adds/s; fp32 {fp32:.1%} of TF32's "
        f"{of_fp32 / 1e12:,.0f}",
    )


def memory() -> Result:
    """Peak memory on the device of dcgan at 64 x 64 x 3, batch 128: ours over the tutorial's."""

    def peak_of(steps: Callable[[], object]) -> float:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        _timed(steps)
        return (torch.cuda.max_memory_allocated() - before) / 2**20

    def ours(precision: str = "fp32") -> None:
        trainer = _large(precision=precision)
        for _ in range(4):
            trainer.step()

    def theirs() -> None:
        trainer = _large()
        tutorial, batch = Tutorial(_contiguous(trainer)), next(trainer.batches)[0].contiguous()
        del trainer
        for _ in range(4):
            tutorial.step(batch)

    with _as_torch_is():
        reference = peak_of(theirs)
    own, half = peak_of(ours), peak_of(lambda: ours("bf16"))
    return Result(
        "memory",
        own / reference,
        unit="x the tutorial's",
        target="at most 1.1",
        met=own <= 1.1 * reference,
        detail=f"{own:,.0f} against {reference:,.0f} MiB; bf16 {half:,.0f} MiB",
    )


def scoring() -> Result:
    """Scoring 10,000 samples of dcgan on mnist5k: the seconds on the accelerator."""
    registry = load_registry()
    with tempfile.TemporaryDirectory() as folder:
        short_run(folder, "dcgan", "--steps", "20", "--name", "it")
        path = Path(folder, "it")

        def score(device: str) -> float:
            return _timed(lambda: evaluate_run(path, registry, display=Display(), device=device))

        score("cuda")  # reads real images, too
        there = statistics.median(score("cuda") for _ in range(3))
        score("cpu")
        here = score("cpu")
    return Result(
        "scoring",
        there,
        unit="s",
        target="below the CPU's",
        met=there < here,
        detail=f"on the CPU of the same machine {here:.1f} s",
    )


ON_ACCELERATOR: dict[str, Callable[[], Result]] = {
    "dcgan-fp32": lambda: dcgan("fp32"),
    "dcgan-bf16": lambda: dcgan("bf16"),
    "dcgan-small": small,
    "dcgan-overhead": overhead,
    "share-of-peak": share_of_peak,
    "memory": memory,
    "vanilla-epoch": lambda: mlp_epoch("vanilla"),
    "cgan-epoch": lambda: mlp_epoch("cgan"),
    "scoring": scoring,
    "compile-fp32": lambda: compiled("fp32"),
    "compile-bf16": lambda: compiled("bf16"),
}
