"""Seconds of one epoch in a process of its own.

`python -m benchmarks.epoch beginner|gantool vanilla|cgan` prints them.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.beginner import Beginner
from benchmarks.measure import seconds
from benchmarks.recorded import Recorded, trainer_of
from gantool.data.load import load
from gantool.data.prepared import ImageSplit, Prepared
from gantool.models.dcgan import Config
from gantool.plugins.registry import load_registry

_IMAGES = 60_000
_STEPS = _IMAGES // 128
_WARM = 20  # steps before the clock runs
_CPU = torch.device("cpu")


def digits() -> Prepared:
    """The embedded digits, repeated to the size of MNIST.

    Noise would not do: D wins on it, and vanishing gradients are slow.
    """
    data = load(Config(), load_registry())
    train = data.splits["train"]
    assert train.labels is not None
    times = -(-_IMAGES // len(train))
    images = np.tile(train.values, (times, 1, 1, 1))[:_IMAGES]
    many = ImageSplit(images, np.tile(train.labels, times)[:_IMAGES])
    return replace(data, splits={**data.splits, "train": many})


def beginner(model: str, device: torch.device = _CPU) -> float:
    """The beginners' loop."""
    train = digits().train
    assert train.labels is not None
    with tempfile.TemporaryDirectory() as folder:
        loop = Beginner(
            Path(folder),
            train.values,
            labels=train.labels,
            conditional=model == "cgan",
            device=device,
        )
        batch = next(iter(loop.loader))
        for _ in range(_WARM):
            loop.step(*batch)
        taken = seconds(loop.epoch)
        loop.writer.close()  # before its folder goes
        return taken


def ours(model: str, device: torch.device = _CPU) -> float:
    """A whole run of gantool's, from the cache."""
    data, spec = digits(), load_registry().models[model]
    trainer = trainer_of(
        spec, data, total_steps=_STEPS + _WARM, preset="mlp", device=device, batch_size=128
    )
    run = Recorded(spec, data, trainer=trainer)
    run.steps(_WARM)
    taken = seconds(lambda: run.steps(_STEPS))
    run.close()
    return taken


if __name__ == "__main__":
    print({"beginner": beginner, "gantool": ours}[sys.argv[1]](sys.argv[2]))
