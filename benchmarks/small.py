"""Small runs: a step of dcgan at its default on the embedded digits, and a study of short runs."""

from __future__ import annotations

import copy
import itertools
import tempfile
from pathlib import Path

import torch

from benchmarks.measure import Result, of_ratios, ratio
from benchmarks.recorded import trainer_of
from benchmarks.scaling import study_seconds
from benchmarks.tutorial import Tutorial
from gantool.data.load import load
from gantool.models.dcgan import Config
from gantool.plugins.registry import load_registry

_STEPS = 20  # a turn


def dcgan_small() -> Result:
    """Steps of dcgan at 28 x 28, batch 16: the tutorial's loop over ours, on the same batches."""
    registry = load_registry()
    data = load(Config(), registry)
    trainer = trainer_of(registry.models["dcgan"], data, total_steps=10**6)
    networks = copy.deepcopy(trainer.model).to(memory_format=torch.contiguous_format)
    tutorial = Tutorial(networks)
    batches = [
        images.contiguous() for images, _ in itertools.islice(copy.copy(trainer.batches), _STEPS)
    ]

    def theirs() -> None:
        for images in batches:
            tutorial.step(images)

    def ours() -> None:
        for _ in range(_STEPS):
            trainer.step()

    _, every = ratio(theirs, ours, rounds=9)
    threads = f"{torch.get_num_threads()} threads"
    return of_ratios("dcgan-small", every, least=1.4, unit="x the tutorial's step", about=[threads])


def study_jobs() -> Result:
    """A study of four short runs, scored: one at a time over two at once, as whole commands."""
    with tempfile.TemporaryDirectory() as folder:
        ratios = [
            study_seconds(Path(folder), 1, scored=True)
            / study_seconds(Path(folder), 2, scored=True)
            for _ in range(3)
        ]
    return of_ratios("study-jobs", ratios, least=1.6, unit="x one at a time")
