"""The subject of the checks: a model on one kind of data, its trainers and its first steps."""

from __future__ import annotations

import copy
import io
from functools import cached_property
from typing import Any

import numpy as np
import torch

from gantool.config import TrainConfig
from gantool.data.batches import Batches
from gantool.data.points.plane import PointSplit
from gantool.data.prepared import ImageSplit, Split
from gantool.gan.base import Model
from gantool.gan.shapes import Shapes
from gantool.plugins.spec import ModelSpec, load_implementation
from gantool.training.trainer import Trainer

IMAGES = 24
BATCH = 6
_STEPS = 20


class Subject:
    """A model on one kind of data.

    What several checks look at is made once: a trainer that has not stepped, and some first steps.
    A check that changes its trainer takes one of its own, from `make`.

    Args:
        spec: of the model.
        shapes: of the data.
        options: those that are not the model's defaults.
        twin: the model on the same data without labels, if it was looked at before.

    Attributes:
        learns: whether it is known that the players learn in the right direction.
    """

    def __init__(
        self,
        spec: ModelSpec,
        shapes: Shapes,
        *,
        options: dict[str, Any],
        twin: Subject | None = None,
    ) -> None:
        self.spec = spec
        self.shapes = shapes
        self.options = options
        self.twin = twin
        self.learns = False

    def make(self, **changed: Any) -> Trainer:
        """A trainer before its first step, with one seed each time."""
        own = {"batch_size": BATCH, "epochs": None, "steps": _STEPS, "device": "cpu"}
        config: TrainConfig = self.spec.config(**{**self.options, **changed, **own})
        split, seed = made_up(self.shapes), 1
        torch.manual_seed(seed)
        model: Model[Any] = load_implementation(self.spec.implementation).create(
            config, self.shapes, train_data=split
        )
        batches = Batches(
            split,
            batch_size=BATCH,
            seed=seed,
            device=torch.device("cpu"),
            per_label=model.samples_per_label,
        )
        rng = torch.Generator().manual_seed(seed)
        return Trainer(model, batches, total_steps=_STEPS, rng=rng)

    @cached_property
    def still(self) -> Trainer:
        """A trainer that has not stepped, for checks that move nothing."""
        return self.make()

    @cached_property
    def begun(self) -> Begun:
        """Three first steps."""
        return Begun(self.make())

    @cached_property
    def saved(self) -> Saved:
        """Five first steps, with the state behind the second."""
        return Saved(self.make())

    @property
    def learns_as_its_twin(self) -> bool:
        """Whether it plays to the last bit as its twin, which learns: labels are nothing to it."""
        twin = self.twin
        return twin is not None and twin.learns and twin.begun.metrics == self.begun.metrics

    def forget(self) -> None:
        """Let what was made once be made anew: a check that failed may have left it changed."""
        for name in ("still", "begun"):
            self.__dict__.pop(name, None)

    @property
    def where(self) -> str:
        """The data in words."""
        shapes = self.shapes
        size = "points"
        if shapes.kind == "images":
            size = f"{shapes.height} x {shapes.width} x {shapes.channels}"
        return f"{size}, " + (f"{shapes.classes} classes" if shapes.classes else "no labels")


class Begun:
    """Three first steps of a trainer, with the model's state before them and their metrics."""

    def __init__(self, trainer: Trainer) -> None:
        self.before = copy.deepcopy(trainer.model.state_dict())
        self.metrics = play(trainer, 3)
        self.trainer = trainer


class Saved:
    """The metrics of five steps, and the state behind the second, written and read."""

    def __init__(self, trainer: Trainer) -> None:
        self.metrics = play(trainer, 2)
        buffer = io.BytesIO()
        torch.save(trainer.state_dict(), buffer)
        buffer.seek(0)
        self.metrics += play(trainer, 3)
        self.state = torch.load(buffer, weights_only=True)


def play(trainer: Trainer, steps: int) -> list[dict[str, float]]:
    """The metrics of so many steps."""
    return [{key: value.item() for key, value in trainer.step().items()} for _ in range(steps)]


def made_up(shapes: Shapes) -> Split:
    """Smooth images on a dark ground, with constant pixels at the border as digits have; points."""
    rng = np.random.default_rng(0)
    labels = np.arange(IMAGES) % shapes.classes if shapes.classes else None
    if shapes.kind == "points":
        return PointSplit(rng.uniform(-0.9, 0.9, (IMAGES, 2)).astype(np.float32), labels)
    images = np.zeros((IMAGES, *shapes.size, shapes.channels), dtype=np.uint8)
    images[:, 2:-2, 2:-2] = rng.integers(
        0, 256, size=(IMAGES, 1, 1, shapes.channels), dtype=np.uint8
    )
    return ImageSplit(images, labels)
