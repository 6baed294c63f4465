"""A whole run of gantool's trainer and recorder, without the command line."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gantool.config import TrainConfig
from gantool.data.batches import Batches
from gantool.data.loading import batch_size_for
from gantool.data.prepared import ImageSplit, Prepared
from gantool.gan import Shapes
from gantool.progress import PlainDisplay
from gantool.recorder import Recorder
from gantool.runs import RunFolder, RunRecord
from gantool.sampling import plan_sheet
from gantool.spec import ModelSpec, load_implementation
from gantool.trainer import Trainer


def made_up(n: int, side: int, channels: int) -> Prepared:
    """Random images with ten classes, all of them to train on."""
    rng = np.random.default_rng(0)
    images = ImageSplit(rng.integers(0, 256, (n, side, side, channels), dtype=np.uint8), np.arange(n) % 10)
    few = ImageSplit(images.images[:16], np.arange(16) % 10)
    splits = {"train": images, "validation": few, "test": few}
    return Prepared("made-up", "0" * 64, side, channels, tuple("0123456789"), 0, splits)


def trainer_of(spec: ModelSpec, data: Prepared, total_steps: int, **options: Any) -> Trainer:
    """A trainer as a run makes it."""
    config: TrainConfig = spec.config(**{"batch_size": batch_size_for(len(data.train)), **options})
    torch.manual_seed(0)
    shapes = Shapes(data.image_size, data.channels, len(data.classes))
    gan = load_implementation(spec.implementation).create(config, shapes, data.train)
    gan = gan.to(memory_format=torch.channels_last)
    assert config.batch_size is not None
    batches = Batches(data.train, config.batch_size, 0, torch.device("cpu"))
    return Trainer(gan, batches, total_steps, torch.Generator().manual_seed(0))


class Recorded:
    """A run that is recorded as `gantool run` does it: figures of every step, sheets, checkpoints, progress."""

    def __init__(self, spec: ModelSpec, data: Prepared, trainer: Trainer) -> None:
        self.place = tempfile.TemporaryDirectory()
        record = RunRecord(name="run", model=spec.name, status="running")
        folder = RunFolder.create(Path(self.place.name) / "run", record)
        self.trainer = trainer
        self.recorder = Recorder(folder, record, trainer, plan_sheet(trainer.gan), data, _Silent())
        self.recorder.begin(data)

    def steps(self, n: int) -> None:
        """Train so many steps."""
        for _ in range(n):
            self.recorder.step(self.trainer.step())

    def close(self) -> None:
        """Finish, and remove what was written."""
        self.recorder.close("finished")
        self.place.cleanup()


class _Silent(PlainDisplay):
    """Does all that lines at intervals take, and prints none."""

    def say(self, message: str) -> None:
        """Nothing."""
