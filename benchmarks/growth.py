"""The growth of dcgan's cost with its size.

`python -m benchmarks.growth OUTPUT.png` measures steps, prints the table and draws the picture.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measure import seconds
from benchmarks.recorded import made_up, trainer_of
from gantool.plugins.registry import load_registry

_SECONDS = 2.0
_USUAL = {"image_size": 32, "batch_size": 64, "ngf": 64, "images": 2000}
_SWEEPS = {
    "image_size": (16, 32, 64, 128),
    "batch_size": (16, 32, 64, 128, 256),
    "ngf": (16, 32, 64, 128),
    "images": (1000, 10_000, 100_000),
}
_RATES = (30, 100, 300, 1000, 3000)
_LABELS = {
    "image_size": "side of the images, pixels",
    "batch_size": "batch size",
    "ngf": "channels ngf = ndf",
    "images": "training images",
}


@dataclass(frozen=True)
class Measured:
    """The measurements of one configuration.

    Attributes:
        rate: images a second.
        giga: billions of multiply-adds a step.
        share: share of the matrix-multiply peak.
    """

    rate: float
    giga: float
    share: float


def peak(precision: str) -> float:
    """Billions of multiply-adds a second that this CPU reaches in a large matrix product.

    The better of PyTorch's two libraries: MKL, which does `@`, keeps to half of the vector width on
    some makes of CPU; oneDNN, which does convolutions, does the same product as one of 1 x 1.
    """
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = torch.randn(2048, 2048, dtype=kind), torch.randn(2048, 2048, dtype=kind)
    images = a.view(8, 16, 16, 2048).permute(0, 3, 1, 2)
    weights = b.view(2048, 2048, 1, 1).contiguous(memory_format=torch.channels_last)
    ways: tuple[Callable[[], Tensor], ...] = (lambda: a @ b, lambda: F.conv2d(images, weights))
    return max(2048**3 / min(seconds(way) for _ in range(9)) / 1e9 for way in ways)


def measure(settings: dict[str, int], precision: str, top: float) -> Measured:
    """Steps of dcgan for two seconds, after two that are not counted; channels are 3."""
    data = made_up(settings["images"], settings["image_size"], channels=3)
    options: dict[str, Any] = {
        "batch_size": settings["batch_size"],
        "ngf": settings["ngf"],
        "ndf": settings["ngf"],
    }
    trainer = trainer_of(
        load_registry().models["dcgan"], data, total_steps=10**9, precision=precision, **options
    )
    trainer.step()
    with FlopCounterMode(display=False) as counter:
        trainer.step()
    giga = counter.get_total_flops() / 2 / 1e9
    steps, begin = 0, time.perf_counter()
    while (taken := time.perf_counter() - begin) < _SECONDS or steps < 2:
        for figure in trainer.step().values():
            figure.item()
        steps += 1
    return Measured(steps * settings["batch_size"] / taken, giga, steps * giga / taken / top)


def main() -> None:
    """Measure every sweep in both precisions."""
    tops = {precision: peak(precision) for precision in ("fp32", "bf16")}
    print(
        ", ".join(
            f"{precision} peak {top:,.0f} billion multiply-adds/s"
            for precision, top in tops.items()
        )
    )
    print(
        "| varied | value | precision | images/s | 10⁹ multiply-adds a step | share of the peak |"
    )
    print("|---|---:|---|---:|---:|---:|")
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    for axes, (name, values) in zip(
        figure.subplots(1, 4, sharey=True), _SWEEPS.items(), strict=True
    ):
        for precision, color in (("fp32", "#0072b2"), ("bf16", "#d55e00")):
            found = [
                measure({**_USUAL, name: value}, precision, top=tops[precision]) for value in values
            ]
            axes.plot(values, [m.rate for m in found], "o-", color=color, label=precision)
            for value, m in zip(values, found, strict=True):
                print(
                    f"| {name} | {value:,} | {precision} "
                    f"| {m.rate:,.0f} | {m.giga:,.1f} | {m.share:.0%} |",
                    flush=True,
                )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(values, [f"{value:,}" for value in values])
        axes.set_yticks(_RATES, [f"{rate:,}" for rate in _RATES])
        axes.minorticks_off()
        axes.set_xlabel(_LABELS[name])
        axes.grid(alpha=0.25)
    figure.axes[0].set_ylabel("images a second")
    figure.axes[0].legend(frameon=False)
    with Path(sys.argv[1]).open("wb") as file:
        FigureCanvasAgg(figure).print_png(file)


if __name__ == "__main__":
    main()
