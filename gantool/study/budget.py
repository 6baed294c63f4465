"""The steps that a study's budget is for each run, found by building each variant once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gantool.display import Display
from gantool.errors import GantoolError
from gantool.plugins.registry import Registry
from gantool.study.job import Job, resolved
from gantool.training.draws import steps_in
from gantool.training.setup import Request, set_up
from gantool.training.trainer import Trainer

_TIMED_SECONDS = 2.0
_TIMED_STEPS = 20


def settle(
    jobs: Sequence[Job],
    registry: Registry,
    *,
    known: Mapping[str, int],
    timed: bool,
) -> tuple[list[Job], dict[str, float]]:
    """The jobs with their steps, and the seconds of a step by variant.

    There are no seconds, {}, unless `timed` or a budget is in seconds.

    Args:
        jobs: the runs.
        registry: the models and data sets there are.
        known: steps by variant that were worked out when the study began, for a budget of seconds.
        timed: whether to measure the seconds of a step.

    Raises:
        GantoolError: a variant cannot be built, or its data cannot be had; the message names the
            run.
    """
    steps: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for job in jobs:
        if job.variant in steps:
            continue
        budget = job.budget
        try:
            trainer = _build(job, registry)
        except GantoolError as error:
            error.message = f"{job.name}: {error.message}"
            raise
        measured = timed or (budget.seconds is not None and job.variant not in known)
        if measured:
            seconds[job.variant] = _seconds_of_a_step(trainer)
        if budget.steps is not None:
            steps[job.variant] = budget.steps
        elif budget.images is not None:
            steps[job.variant] = steps_in(
                trainer.model,
                batch_size=trainer.batches.batch_size,
                batches_per_epoch=trainer.batches.per_epoch,
                images=budget.images,
            )
        else:
            assert budget.seconds is not None
            found = known.get(job.variant)
            steps[job.variant] = found or max(1, round(budget.seconds / seconds[job.variant]))
    return [replace(job, steps=steps[job.variant]) for job in jobs], seconds


def _build(job: Job, registry: Registry) -> Trainer:
    request = Request(model=job.model, resolved=resolved(job, registry), preset=job.preset)
    return set_up(request, registry, display=Display()).trainer


def _seconds_of_a_step(trainer: Trainer) -> float:
    trainer.total_steps = 10**9
    _stepped(trainer)
    begin, steps = time.perf_counter(), 0
    while steps < _TIMED_STEPS and time.perf_counter() - begin < _TIMED_SECONDS:
        _stepped(trainer)
        steps += 1
    return (time.perf_counter() - begin) / steps


def _stepped(trainer: Trainer) -> None:
    for metric in trainer.step().values():
        metric.item()  # waits for the device
