"""A whole run of gantool's trainer and recorder, without the command line."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gantool.config import TrainConfig
from gantool.data.batches import Batches, batch_size_for
from gantool.data.prepared import ImageSplit, Prepared, Split
from gantool.display import PlainDisplay
from gantool.gan.shapes import Shapes
from gantool.plugins.spec import ModelSpec, load_implementation
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord
from gantool.sampling.grid import plan_sample_grid
from gantool.training.recorder import Recorder
from gantool.training.trainer import Trainer

_CPU = torch.device("cpu")


def made_up(n: int, side: int, channels: int) -> Prepared:
    """Random images with ten classes, all of them to train on."""
    rng = np.random.default_rng(0)
    images = ImageSplit(
        rng.integers(0, 256, size=(n, side, side, channels), dtype=np.uint8), np.arange(n) % 10
    )
    few = ImageSplit(images.images[:16], np.arange(16) % 10)
    splits: dict[str, Split] = {"train": images, "validation": few, "test": few}
    return Prepared(
        "made-up",
        "0" * 64,
        size=(side, side),
        channels=channels,
        classes=tuple("0123456789"),
        unreadable=0,
        splits=splits,
    )


def trainer_of(
    spec: ModelSpec,
    data: Prepared,
    total_steps: int,
    *,
    preset: str | None = None,
    device: torch.device = _CPU,
    **options: Any,
) -> Trainer:
    """A trainer as a run on much data makes it."""
    overlay = {} if preset is None else spec.presets[preset]
    config: TrainConfig = spec.config(
        **{"batch_size": batch_size_for(len(data.train)), **overlay, **options}
    )
    torch.manual_seed(0)
    shapes = Shapes(data.size, data.channels, classes=len(data.classes))
    gan = load_implementation(spec.implementation).create(config, shapes, train_data=data.train)
    gan = gan.to(device).to(memory_format=torch.channels_last)
    if config.compile:
        for network in gan.children():
            network.compile()
    assert config.batch_size is not None
    batches = Batches(data.train, config.batch_size, seed=0, device=device)
    return Trainer(gan, batches, total_steps=total_steps, rng=torch.Generator().manual_seed(0))


class Resident(Batches):
    """One batch, again and again."""

    def __init__(self, batches: Batches) -> None:
        super().__init__(
            batches.split,
            batch_size=batches.batch_size,
            seed=batches.seed,
            device=batches.device,
        )
        self.batch = next(batches)

    def __next__(self) -> tuple[Tensor, Tensor | None]:
        return self.batch


class Recorded:
    """A run that is recorded as `gantool run` does it.

    It has metrics of every step, sample grids, checkpoints and a display of its progress.
    """

    def __init__(self, spec: ModelSpec, data: Prepared, trainer: Trainer) -> None:
        self.place = tempfile.TemporaryDirectory()
        record = RunRecord(name="run", model=spec.name, status="running")
        folder = RunFolder.create(Path(self.place.name) / "run", record)
        self.trainer = trainer
        self.recorder = Recorder(
            folder,
            trainer,
            record=record,
            sample_grid=plan_sample_grid(trainer.model),
            data=data,
            display=_Silent(),
        )
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
    """Plain lines at intervals, none of which is printed."""

    def say(self, message: str) -> None:
        """Nothing."""
