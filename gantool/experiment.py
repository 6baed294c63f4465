"""A run from beginning to end, going on with one that stopped, and scoring one that is on disk."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gantool import checkpoints, distributed, provenance
from gantool.data.loading import load
from gantool.device import choose_device
from gantool.errors import ConfigError, GantoolError
from gantool.evaluation.evaluate import evaluate
from gantool.planning import Plan, build
from gantool.plugins import Registry
from gantool.progress import Display
from gantool.runs import RunFolder, RunRecord, Score, cut_back
from gantool.session import accompany, report, settings_of, train_session
from gantool.trained import open_trained, spec_of
from gantool.trainer import Trainer


def run(prepared: Plan, experiments_dir: Path, display: Display) -> RunFolder:
    """Train what was planned, into a new run folder, which vanishes if the first step fails.

    Of several processes that share the run, the first writes; the folder that the others return is its, by name.

    Raises:
        GantoolError: the run failed, diverged (exit code 3) or was interrupted (130).
    """
    trainer = prepared.trainer
    if trainer.world.rank:
        accompany(trainer)
        return RunFolder(experiments_dir / prepared.record.name)
    folder = RunFolder.create(experiments_dir / prepared.record.name, prepared.record)
    try:
        with folder.locked():
            train_session(folder, prepared, display, resumed=False)
    except OSError as error:
        raise _disk_error(folder, error, trainer.steps) from error
    finally:
        if trainer.steps == 0:
            folder.remove()
    return folder


def resume(
    path: Path, registry: Registry, display: Display, *, epochs: int | None, steps: int | None, force: bool
) -> RunFolder:
    """Go on with a run from its newest sound state, perhaps to a larger budget.

    Raises:
        ConfigError: the run is finished and no larger budget is given, or code, data or versions changed.
        GantoolError: as `run`.
    """
    folder, world = RunFolder.open(path), distributed.world()
    with folder.locked() if world.rank == 0 else contextlib.nullcontext():
        record = folder.read()
        spec = spec_of(record, registry)
        budget: dict[str, Any] = {}
        if epochs is not None or steps is not None:
            budget = {"epochs": epochs, "steps": steps}
        try:
            config = spec.config(**{**record.config, **budget})
        except ValueError as error:
            raise ConfigError(f"{path}: its configuration does not fit this {record.model}: {error}") from None
        device = distributed.on_this_process(choose_device(config.device))
        data = load(config, registry, display.preparing)
        trainer = build(spec, config, data, device)
        _refuse_changes(record, provenance.describe(data, trainer.gan, registry, spec, device), force, display)
        if trainer.total_steps <= record.steps and (budget or record.status == "finished"):
            raise ConfigError(
                f"{path} has had {record.steps} steps already; {trainer.total_steps} are asked for.",
                "Give larger --epochs or --steps to extend it.",
            )
        seconds, damaged = _restore(folder, trainer, record)
        world.wait()  # all have read before the first removes anything
        if world.rank:
            accompany(trainer)
            return folder
        for leftover in folder.leftovers():
            leftover.unlink(missing_ok=True)
        if trainer.steps == 0:
            display.say("no state had been saved yet: the run begins anew.")
        _drop_after(folder, trainer.steps)
        record = record.model_copy(
            update={
                "config": config.model_dump(mode="json"),
                "seconds": seconds,
                "total_steps": trainer.total_steps,
                "process": {"pid": os.getpid(), "host": socket.gethostname()},
                "status": "running",
                "ended": None,
            }
        )
        try:
            train_session(folder, Plan(spec, registry, record, data, trainer), display, resumed=True, damaged=damaged)
        except OSError as error:
            raise _disk_error(folder, error, trainer.steps) from error
    return folder


def evaluate_run(
    path: Path,
    registry: Registry,
    display: Display,
    *,
    device: str = "auto",
    samples: int | None = None,
    extractor: str | None = None,
    inception_weights: Path | None = None,
    data_dir: Path | None = None,
    metrics: Sequence[str] = (),
) -> list[Score]:
    """Score a run that is on disk; what is None is as the run's own configuration says.

    Raises:
        ConfigError: an unknown metric or extractor, or data other than the run was trained on.
        GantoolError: no run, no generator, no data, or the run is being trained.
    """
    folder = RunFolder.open(path)
    with folder.locked():
        record = folder.read()
        trained = open_trained(folder, registry, choose_device(device))
        given = {"data_dir": data_dir, "evaluation_samples": samples, "extractor": extractor}
        given["inception_weights"] = inception_weights
        config = trained.gan.config.model_copy(update={key: value for key, value in given.items() if value is not None})
        data = load(config, registry, display.preparing)
        if data.fingerprint != record.data.get("fingerprint"):
            raise ConfigError(
                f"{path} was trained on other images than {data.name} has now.",
                "Bring the data back as it was; scores against other images would not be the run's.",
            )
        display.say(f"scoring {config.evaluation_samples:,} samples of {folder.path}")
        scores = evaluate(
            *(trained.gan, data, folder, registry, replace(settings_of(config), metrics=tuple(metrics))),
            step=trained.step,
            averaged=trained.averaged,
        )
        report(folder, display)
        return scores


def _restore(folder: RunFolder, trainer: Trainer, record: RunRecord) -> tuple[float, list[str]]:
    """Load the newest state that is sound: the training seconds up to it, and the names of damaged ones passed over.

    Raises:
        GantoolError: there are states, and none can be used. With none at all, the run begins anew.
    """
    damaged: list[str] = []
    states = checkpoints.newest_first(folder.checkpoints)
    for path in states:
        try:
            state = checkpoints.load(path)
        except checkpoints.DamagedCheckpointError as error:
            damaged.append(f"{path.name}: {error}")
            continue
        try:
            trainer.load_state_dict(state)
            return float(state["seconds"]), damaged
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            raise GantoolError(
                f"{path} is of other networks or options than this model has now: {str(error).splitlines()[0]}",
                "Install the version of the plugin that made the run; nothing was changed.",
            ) from error
    if states:
        raise GantoolError(
            f"every checkpoint of {folder.path} is damaged: {'; '.join(damaged)}",
            "Nothing was changed. Bring one back from a copy, or repeat the run: "
            f"gantool run ... --config {folder.record_file}",
        )
    if record.status == "finished":
        raise ConfigError(
            f"{folder.path} is finished and holds no state to go on from: `gantool prune` removes them.",
            f"Repeat the run with a larger budget: gantool run {record.model} --config {folder.record_file} ...",
        )
    return 0.0, damaged


def _drop_after(folder: RunFolder, step: int) -> None:
    """Take back what was written after a state: lines, sheets, and states that could not be used."""
    for file in (folder.metrics_file, folder.events_file, folder.scores_file):
        cut_back(file, step)
    for drawn, path in folder.sheets().items():
        if drawn > step:
            path.unlink()
    for kept, path in folder.generators().items():
        if kept > step:
            path.unlink()
    checkpoints.drop_after(folder.checkpoints, step)


def _refuse_changes(record: RunRecord, today: dict[str, Any], force: bool, display: Display) -> None:
    changes = provenance.changes(record, today)
    if changes and not force:
        raise ConfigError(
            f"since the run stopped, these changed: {', '.join(changes)}.",
            "It would not go on as it would have; add --force to go on all the same.",
        )
    if changes:
        display.say(f"going on although these changed: {', '.join(changes)}")
    machine = provenance.machine_changes(record, today)
    if machine:
        display.say(f"equal within rounding only, since these changed: {', '.join(machine)}")


def _disk_error(folder: RunFolder, error: OSError, steps: int) -> GantoolError:
    if steps == 0:
        remedy = "Nothing was kept. Make room, or name another place with --experiments-dir."
    else:
        remedy = f"Make room, then go on with: gantool resume {folder.path}"
    cause = "the disk is full" if error.errno == errno.ENOSPC else (error.strerror or str(error))
    return GantoolError(f"cannot write to {folder.path}: {cause}.", remedy)
