"""A run from its first step to its end, whatever the end is, and going on with one that stopped."""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from gantool.config import TrainConfig
from gantool.data.load import load
from gantool.data.prepared import Prepared
from gantool.display import Display
from gantool.errors import ConfigError, DivergedError, GantoolError, RunInterruptedError
from gantool.evaluation.evaluate import ScoringSettings, evaluate
from gantool.gan.shapes import Shapes
from gantool.machine import distributed, signals
from gantool.machine.device import choose_device
from gantool.machine.randomness import kept
from gantool.plugins.registry import Registry
from gantool.plugins.tracking import TrackedRun
from gantool.report.write import try_report
from gantool.runs import checkpoints
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord
from gantool.sampling.grid import plan_sample_grid
from gantool.sampling.trained import Weights, spec_of
from gantool.training import provenance, transfer
from gantool.training.best import keep_if_best
from gantool.training.profiling import profiled
from gantool.training.recorder import Recorder
from gantool.training.setup import Setup, build, data_place, this_process
from gantool.training.trainer import Trainer


def start(setup: Setup, display: Display) -> RunFolder:
    """Train a new run into its folder, which vanishes if the first step fails.

    Of several processes that share the run, the first writes.

    Raises:
        GantoolError: the run failed, diverged (exit code 3) or was interrupted (130).
    """
    trainer = setup.trainer
    if trainer.world.rank:
        accompany(trainer)
        return setup.folder
    folder = RunFolder.create(setup.folder.path, setup.record)
    try:
        with folder.locked():
            _session(setup, display)
    except OSError as error:
        raise _disk_error(folder, error, steps=trainer.steps) from error
    finally:
        if trainer.steps == 0:
            folder.remove()
    return folder


def resume(
    path: Path,
    registry: Registry,
    *,
    display: Display,
    epochs: int | None,
    steps: int | None,
    force: bool,
    data: str | None = None,
) -> RunFolder:
    """Go on with a run from its newest sound state, perhaps to a larger budget.

    Args:
        path: the run folder.
        registry: of models and data sets.
        display: shows the progress.
        epochs: in all, to extend it.
        steps: in all, to extend it.
        force: whether it goes on although code, data or versions changed.
        data: the place of its data, where that is another one now.

    Raises:
        ConfigError: the run is finished and no larger budget is given, or code, data or versions
            changed, or the data is not where it was.
        GantoolError: as `start`.
    """
    folder, world = RunFolder.open(path), distributed.world()
    with folder.locked() if world.rank == 0 else contextlib.nullcontext():
        record = folder.read()
        spec = spec_of(record, registry)
        place = {} if data is None else {"data": data_place(data, registry)}
        budget: dict[str, Any] = {}
        if epochs is not None or steps is not None:
            budget = {"epochs": epochs, "steps": steps}
        try:
            config = spec.config(**{**record.config, **budget, **place})
            # It goes on asking for the classes in the shares that it began with.
            shares = Shapes.recorded(record.data).shares
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{path}: its configuration does not fit this {record.model}: {error}"
            ) from None
        device = distributed.on_this_process(choose_device(config.device))
        prepared = _data_of(path, config, registry=registry, display=display)
        shapes = replace(Shapes.of(prepared), shares=shares)
        weights = _first_weights(folder, record, config=config, force=force)
        trainer = build(config, prepared, spec=spec, device=device, shapes=shapes, weights=weights)
        today = provenance.describe(
            trainer.model, prepared, registry=registry, spec=spec, device=device
        )
        _refuse_changes(record, today, force=force, display=display)
        if trainer.total_steps <= record.steps and (budget or record.status == "finished"):
            raise ConfigError(
                f"{path} has had {record.steps} steps already; "
                f"{trainer.total_steps} are asked for.",
                "Give larger --epochs or --steps to extend it.",
            )
        restored = _restore(folder, trainer, record=record)
        world.wait()  # all have read before the first removes anything
        if world.rank:
            accompany(trainer)
            return folder
        for leftover in folder.leftovers():
            leftover.unlink(missing_ok=True)
        if trainer.steps == 0:
            display.say("no state had been saved yet: the run begins anew.")
        folder.drop_after(trainer.steps)
        folder.put_best(restored.best)
        update = {
            "config": config.model_dump(mode="json"),
            "seconds": restored.seconds,
            "total_steps": trainer.total_steps,
            "process": this_process(),
            "status": "running",
            "ended": None,
        }
        setup = Setup(
            folder=folder,
            spec=spec,
            registry=registry,
            record=record.model_copy(update=update),
            data=prepared,
            trainer=trainer,
        )
        try:
            _session(setup, display, restored=restored)
        except OSError as error:
            raise _disk_error(folder, error, steps=trainer.steps) from error
    return folder


def _data_of(path: Path, config: TrainConfig, *, registry: Registry, display: Display) -> Prepared:
    """The data of a run that goes on.

    Raises:
        GantoolError: as `load`; the remedy says how another place is named.
    """
    try:
        return load(config, registry, progress=display.preparing)
    except GantoolError as error:
        if config.data not in registry.datasets:
            error.remedy += f" If it lies elsewhere now: gantool resume {path} --data PATH"
        raise


def accompany(trainer: Trainer) -> None:
    """Train as the processes beside the first do, with a part in what is decided and saved."""
    with _interruptible() as interrupted:
        for _ in trainer.train():
            if trainer.world.any(False):
                trainer.state_dict()
            stop = trainer.world.any(interrupted.is_set())
            if stop and trainer.steps < trainer.total_steps:
                trainer.state_dict()
                raise RunInterruptedError(f"interrupted after step {trainer.steps}.")


@dataclass(frozen=True, slots=True)
class _Restored:
    """The part of a state that is not the trainer's; of a run without one, nothing.

    Attributes:
        damaged: the newer states that were passed over.
        seconds: of training up to it.
        best: the best generator that was kept then.
        detectors: what they remembered, by their names.
    """

    damaged: Sequence[str]
    seconds: float = 0.0
    best: bytes | None = None
    detectors: Mapping[str, Any] = field(default_factory=dict)


def _session(setup: Setup, display: Display, *, restored: _Restored | None = None) -> None:
    """Train to the end, whatever the end is, and leave a record of it."""
    trainer, folder = setup.trainer, setup.folder
    recorder = Recorder(
        folder,
        trainer,
        record=setup.record,
        sample_grid=plan_sample_grid(trainer.model),
        data=setup.data,
        display=display,
    )
    if restored is not None:
        for detector in recorder.detectors:
            if detector.name in restored.detectors:
                detector.state = restored.detectors[detector.name]
        for message in restored.damaged:
            recorder.note("damaged checkpoint", message)
            display.say(f"checkpoint {message}: passed over.")
        recorder.note("resume", f"resumed after step {trainer.steps}")
        folder.write(setup.record)
    _follow(recorder, setup)
    if trainer.steps == 0:
        recorder.begin(setup.data)
    display.start(trainer.total_steps, trainer.steps)
    try:
        _train(setup, recorder)
    except DivergedError:
        recorder.close("diverged")
        raise
    except (RunInterruptedError, KeyboardInterrupt):
        recorder.close("interrupted")
        raise
    except (RuntimeError, MemoryError) as error:
        if distributed.was_abandoned(error):
            # What started the processes is about to end this one too, which first says why.
            signals.ignore_termination()
        recorder.close("failed")
        explained = _explained(error, folder, steps=trainer.steps)
        if explained is None:
            raise
        raise explained from error
    except BaseException:
        with contextlib.suppress(OSError):
            recorder.close("failed")
        raise
    # "finished" is the last thing written: until then a killed run can be resumed to its end.
    record = recorder.up_to_date("finished")
    try_report(folder, display.say, record=record)
    recorder.close("finished", record)


def _train(setup: Setup, recorder: Recorder) -> None:
    """Every step that is left, and what follows the last one."""
    trainer, folder = setup.trainer, setup.folder
    with (
        _interruptible() as interrupted,
        profiled(folder, recorder.display, wanted=setup.profile) as next_step,
    ):
        if _evaluation_due(trainer):  # the state that the run goes on from is older than its scores
            _evaluate(setup, recorder, stopped=interrupted.is_set)
        for metrics in trainer.train():
            recorder.step(metrics)
            next_step()
            if _evaluation_due(trainer):
                _evaluate(setup, recorder, stopped=interrupted.is_set)
            stop = trainer.world.any(interrupted.is_set())
            if stop and trainer.steps < trainer.total_steps:
                recorder.save()
                raise RunInterruptedError(
                    f"interrupted after step {trainer.steps} of {trainer.total_steps}.",
                    f"Go on with: gantool resume {folder.path}",
                )
        _finish(folder, recorder)
        _evaluate(setup, recorder, stopped=interrupted.is_set)


def _follow(recorder: Recorder, setup: Setup) -> None:
    """Let the trackers that were asked for follow the run."""
    record, registry = setup.record, setup.registry
    run = TrackedRun(
        path=setup.folder.path,
        name=record.name,
        model=record.model,
        config=record.config,
        step=setup.trainer.steps,
        total_steps=setup.trainer.total_steps,
    )
    with recorder.paused():
        for name in record.trackers:
            if name in registry.trackers:
                recorder.trackers.open(name, partial(registry.track, name), run=run)
            else:
                recorder.display.say(
                    f"tracker {name} is not installed any more; the run goes on without it."
                )


def _finish(folder: RunFolder, recorder: Recorder) -> None:
    """Keep the generator and draw the pictures of a run that is done."""
    # These import matplotlib, which no step needs.
    from gantool.report import figures
    from gantool.sampling.animation import write_progress

    recorder.save_generator(folder.generator_file)
    recorder.metrics.flush()
    folder.write(recorder.up_to_date("running"))
    figures.plot_losses(folder)
    figures.plot_samples(folder)
    write_progress(folder)


def _evaluation_due(trainer: Trainer) -> bool:
    every = trainer.config.evaluate_every
    return bool(every) and trainer.steps % every == 0 and 0 < trainer.steps < trainer.total_steps


def _evaluate(setup: Setup, recorder: Recorder, *, stopped: Callable[[], bool]) -> None:
    """Score the generator of now, and keep it where it is the best."""
    config, at_the_end = setup.trainer.config, setup.trainer.steps == setup.trainer.total_steps
    if config.evaluate or not at_the_end:
        _score(setup, recorder, stopped=stopped)
    if config.keep_best is not None and not stopped():
        keep_if_best(setup, recorder)


def _score(setup: Setup, recorder: Recorder, *, stopped: Callable[[], bool]) -> None:
    """Score the samples of now; whatever goes wrong with that, the run goes on."""
    trainer, display, folder = setup.trainer, recorder.display, setup.folder
    settings = ScoringSettings.of(trainer.config)
    display.say(f"scoring {settings.samples:,} samples")
    recorder.fetch()
    recorder.metrics.flush()  # some scores are made from the metrics
    try:
        with recorder.paused(), kept(trainer.device), trainer.averaged() as model:
            evaluate(
                model,
                setup.data,
                folder=folder,
                registry=setup.registry,
                settings=settings,
                step=trainer.steps,
                averaged=bool(trainer.averages),
                stopped=stopped,
                display=display,
                drawn=recorder.drawn,
            )
        recorder.scored()
    except Exception as error:
        recorder.note("evaluation failed", f"{type(error).__name__}: {error}")
        display.say(
            f"no scores: {error}; try `gantool evaluate {folder.path}` when that is mended."
        )
        return
    if stopped():
        command = "evaluate" if trainer.steps == trainer.total_steps else "resume"
        display.say(f"the rest of the scores: gantool {command} {folder.path}")


@contextlib.contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C (or SIGTERM) into a flag that the loop looks at; the second kills."""
    flag = threading.Event()

    def interrupt() -> None:
        if flag.is_set():
            raise KeyboardInterrupt
        flag.set()

    with signals.handled(interrupt):
        yield flag


def _restore(folder: RunFolder, trainer: Trainer, *, record: RunRecord) -> _Restored:
    """Load the newest sound state.

    Raises:
        GantoolError: there are states, and none can be used. With none at all, the run begins anew.
    """
    damaged: list[str] = []
    states = folder.states()
    for path in reversed(states.values()):
        try:
            state = checkpoints.load(path)
        except checkpoints.DamagedCheckpointError as error:
            damaged.append(f"{path.name}: {error}")
            continue
        try:
            trainer.load_state_dict(state)
            best = state.get("best")
            return _Restored(
                damaged,
                seconds=float(state["seconds"]),
                best=None if best is None else bytes(best.numpy()),
                detectors=state.get("detectors", {}),
            )
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            cause = str(error).splitlines()[0]
            raise GantoolError(
                f"{path} is of other networks or options than this model has now: {cause}",
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
            f"{folder.path} is finished and holds no state to go on from: "
            "`gantool prune` removes them.",
            "Repeat the run with a larger budget: "
            f"gantool run {record.model} --config {folder.record_file} ...",
        )
    return _Restored(damaged)


def _first_weights(
    folder: RunFolder, record: RunRecord, *, config: TrainConfig, force: bool
) -> Weights | None:
    """The weights that a run begins anew with; None where it has a state, or began with new ones.

    Raises:
        GantoolError: they are not there any more, or not the same.
    """
    if config.from_run is None or folder.states():
        return None
    weights = transfer.open_weights(config.from_run, model=record.model)
    if not force and transfer.digest(weights) != (record.begun_from or {}).get("sha256"):
        raise ConfigError(
            f"the weights of {config.from_run} are not those that {folder.path} began with, "
            "and it has no state of its own yet.",
            "Bring them back as they were, or add --force to begin with those of now.",
        )
    return weights


def _refuse_changes(
    record: RunRecord, today: dict[str, Any], *, force: bool, display: Display
) -> None:
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


def _explained(error: Exception, folder: RunFolder, *, steps: int) -> GantoolError | None:
    """The error in words with a remedy; None unless a user can do something about it."""
    if distributed.was_abandoned(error):
        return GantoolError(
            f"another process of the run ended after step {steps}.",
            f"Go on, with as many processes as you like: gantool resume {folder.path}",
        )
    detail = (str(error) or "no detail").splitlines()[0]
    # On a CPU torch raises a plain RuntimeError.
    out_of_memory = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    if out_of_memory or "DefaultCPUAllocator" in str(error):
        return GantoolError(
            f"out of memory after step {steps}: {detail}",
            "Try a smaller --batch-size or --precision bf16; "
            f"or make room and gantool resume {folder.path}",
        )
    if "deterministic" in str(error):
        return GantoolError(
            f"this model has no deterministic algorithm on this device: {detail}",
            "Add --no-deterministic to give bit-equal repetition up.",
        )
    return None


def _disk_error(folder: RunFolder, error: OSError, *, steps: int) -> GantoolError:
    if steps == 0:
        remedy = "Nothing was kept. Make room, or name another place with --experiments-dir."
    else:
        remedy = f"Make room, then go on with: gantool resume {folder.path}"
    full = error.errno == errno.ENOSPC
    cause = "the disk is full" if full else (error.strerror or str(error))
    return GantoolError(f"cannot write to {folder.path}: {cause}.", remedy)
