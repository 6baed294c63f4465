"""The peak memory of one process: `python -m benchmarks.peak tutorial|gantool|cache`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.recorded import made_up, trainer_of
from benchmarks.tutorial import Tutorial
from gantool.data.batches import Batches
from gantool.data.prepared import ImageSplit
from gantool.gan.shapes import Shapes
from gantool.models.dcgan import Config
from gantool.models.dcgan.model import DCGAN
from gantool.plugins.registry import load_registry

_STEPS = 4
_IMAGES, _SIDE = 200_000, 64


def _train(who: str) -> None:
    data = made_up(512, 64, channels=3)
    if who == "gantool":
        trainer = trainer_of(
            load_registry().models["dcgan"], data, total_steps=_STEPS, batch_size=128
        )
        for _ in range(_STEPS):
            trainer.step()
        return
    gan = DCGAN.create(
        Config(batch_size=128), Shapes((64, 64), 3, classes=0), train_data=data.train
    )
    tutorial = Tutorial(gan)
    batches = Batches(data.train, 128, seed=0, device=torch.device("cpu"))
    for _ in range(_STEPS):
        tutorial.step(next(batches)[0].contiguous())


def _cache() -> float:
    """Megabytes of this process's own memory that an epoch of 200,000 mapped images adds."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "images.u8"
        shape = (_IMAGES, _SIDE, _SIDE, 3)
        with file.open("wb") as out:
            out.truncate(int(np.prod(shape, dtype=np.int64)))
        images = np.memmap(file, dtype=np.uint8, mode="r", shape=shape)
        before = _own()
        batches = Batches(ImageSplit(images, None), 128, seed=0, device=torch.device("cpu"))
        highest = before
        for number in range(batches.per_epoch):
            next(batches)
            if number % 100 == 0:
                highest = max(highest, _own())
    return highest - before


def _own() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1000


if __name__ == "__main__":
    if sys.argv[1] == "cache":
        print(_cache())
    else:
        _train(sys.argv[1])
