"""A run from beginning to end: resolve, seed, build, train, finish; and going on with one that stopped."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from gantool import checkpoints, distributed, provenance
from gantool.config import Resolved, TrainConfig
from gantool.data.batches import Batches
from gantool.data.loading import batch_size_for, load
from gantool.data.prepared import Prepared
from gantool.device import choose_device, make_deterministic, slow_bf16
from gantool.errors import ConfigError, DivergedError, GantoolError, RunInterruptedError
from gantool.evaluation.evaluate import Settings, evaluate
from gantool.evaluation.extractors import check_choice
from gantool.gan import GAN, Shapes
from gantool.plugins import Registry
from gantool.profiling import profiled
from gantool.progress import Display
from gantool.randomness import derived_seed
from gantool.recorder import Recorder, now
from gantool.report.writing import write_report
from gantool.runs import RunFolder, RunRecord, Score, cut_back
from gantool.sampling import plan_sheet
from gantool.spec import ModelSpec, load_implementation
from gantool.tracking import TrackedRun
from gantool.trained import open_trained, spec_of
from gantool.trainer import Trainer

_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]{1,120}")


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for.

    Attributes:
        model: the model's name.
        resolved: the validated options and where each came from.
        preset: the overlay that was used.
        name: of the run; made up if None.
        experiments_dir: where its folder goes.
        argv: the command line, for the record.
        trackers: names of the trackers that shall follow the run.
        profile: whether to trace some steps and say where the time went.
    """

    model: str
    resolved: Resolved
    preset: str | None = None
    name: str | None = None
    experiments_dir: Path = Path("experiments")
    argv: tuple[str, ...] = ()
    trackers: tuple[str, ...] = ()
    profile: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything up to the first step, with nothing on disk yet."""

    spec: ModelSpec
    registry: Registry
    record: RunRecord
    data: Prepared
    trainer: Trainer
    profile: bool = False


def plan(request: Request, registry: Registry, display: Display) -> Plan:
    """Prepare the data, seed, and build the networks.

    Raises:
        GantoolError: anything that keeps the run from starting.
    """
    if request.name is not None and distributed.world().rank == 0:
        _check_name(request.name, request.experiments_dir)
    spec = registry.model(request.model)
    config, sources = request.resolved.config, dict(request.resolved.sources)
    device = distributed.on_this_process(choose_device(config.device))
    data = load(config, registry, display.preparing)
    for note in data.notes:
        display.say(note)
    _check_data(spec, config, data, sources)
    check_choice(config.extractor, config.inception_weights)
    config = _settle(config, data, sources, registry)
    if config.precision == "bf16" and slow_bf16(device):
        display.say("this CPU has no bf16 instructions: --precision bf16 will be slower here than fp32.")
    trainer = _build(spec, config, data, device)
    record = RunRecord(
        name=request.name or _make_name(request.model, data.name, config.seed),
        model=spec.name,
        status="running",
        argv=list(request.argv),
        preset=request.preset,
        config=config.model_dump(mode="json"),
        sources=sources,
        process={"pid": os.getpid(), "host": socket.gethostname()},
        started=now(),
        total_steps=trainer.total_steps,
        trackers=list(request.trackers),
        **provenance.describe(data, trainer.gan, registry, spec, device),
    )
    return Plan(spec, registry, record, data, trainer, request.profile)


def run(prepared: Plan, experiments_dir: Path, display: Display) -> RunFolder:
    """Train what was planned, into a new run folder, which vanishes if the first step fails.

    Of several processes that share the run, the first writes; the folder that the others return is its, by name.

    Raises:
        GantoolError: the run failed, diverged (exit code 3) or was interrupted (130).
    """
    trainer = prepared.trainer
    if trainer.world.rank:
        _accompany(trainer)
        return RunFolder(experiments_dir / prepared.record.name)
    folder = RunFolder.create(experiments_dir / prepared.record.name, prepared.record)
    try:
        with folder.locked():
            _session(folder, prepared, display, resumed=False)
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
        trainer = _build(spec, config, data, device)
        _refuse_changes(record, provenance.describe(data, trainer.gan, registry, spec, device), force, display)
        if trainer.total_steps <= record.steps and (budget or record.status == "finished"):
            raise ConfigError(
                f"{path} has had {record.steps} steps already; {trainer.total_steps} are asked for.",
                "Give larger --epochs or --steps to extend it.",
            )
        seconds, damaged = _restore(folder, trainer)
        world.wait()  # all have read before the first removes anything
        if world.rank:
            _accompany(trainer)
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
            _session(folder, Plan(spec, registry, record, data, trainer), display, resumed=True, damaged=damaged)
        except OSError as error:
            raise _disk_error(folder, error, trainer.steps) from error
    return folder


def _session(
    folder: RunFolder, prepared: Plan, display: Display, *, resumed: bool, damaged: Sequence[str] = ()
) -> None:
    """Train to the end, whatever the end is, and leave a record of it."""
    trainer = prepared.trainer
    recorder = Recorder(folder, prepared.record, trainer, plan_sheet(trainer.gan), prepared.data, display)
    if resumed:
        for message in damaged:
            recorder.note("damaged checkpoint", "", message, trainer.steps)
            display.say(f"checkpoint {message}: passed over.")
        recorder.note("resume", "", f"resumed after step {trainer.steps}", trainer.steps)
        folder.write(prepared.record)
    _follow(recorder, prepared, folder)
    if trainer.steps == 0:
        recorder.begin(prepared.data)
    display.start(trainer.total_steps, trainer.steps)
    try:
        with _interruptible() as interrupted, profiled(folder, display, wanted=prepared.profile) as next_step:
            for figures in trainer.train():
                recorder.step(figures)
                next_step()
                if _evaluation_due(trainer):
                    _evaluate(folder, recorder, prepared, interrupted.is_set)
                if trainer.world.any(interrupted.is_set()) and trainer.steps < trainer.total_steps:
                    recorder.save()
                    raise RunInterruptedError(
                        f"interrupted after step {trainer.steps} of {trainer.total_steps}.",
                        f"Go on with: gantool resume {folder.path}",
                    )
            _finish(folder, recorder)
            if trainer.config.evaluate:
                _evaluate(folder, recorder, prepared, interrupted.is_set)
    except DivergedError:
        recorder.close("diverged")
        raise
    except (RunInterruptedError, KeyboardInterrupt):
        recorder.close("interrupted")
        raise
    except (RuntimeError, MemoryError) as error:
        recorder.close("failed")
        if distributed.was_abandoned(error):
            raise GantoolError(
                f"another process of the run ended after step {trainer.steps}.",
                f"Go on, with as many processes as you like: gantool resume {folder.path}",
            ) from error
        if _is_out_of_memory(error):
            detail = (str(error) or "no detail").splitlines()[0]
            raise GantoolError(
                f"out of memory after step {trainer.steps}: {detail}",
                f"Try a smaller --batch-size or --precision bf16; or make room and gantool resume {folder.path}",
            ) from error
        if "deterministic" in str(error):
            raise GantoolError(
                f"this model has no deterministic algorithm on this device: {str(error).splitlines()[0]}",
                "Add --no-deterministic to give bit-equal repetition up.",
            ) from error
        raise
    except BaseException:
        with contextlib.suppress(OSError):
            recorder.close("failed")
        raise
    recorder.close("finished")
    _report(folder, display)


def _accompany(trainer: Trainer) -> None:
    """What the processes beside the first do: train, and take part in what is decided and saved."""
    with _interruptible() as interrupted:
        for _ in trainer.train():
            if trainer.world.any(False):
                trainer.state_dict()
            if trainer.world.any(interrupted.is_set()) and trainer.steps < trainer.total_steps:
                trainer.state_dict()
                raise RunInterruptedError(f"interrupted after step {trainer.steps}.")


def _is_out_of_memory(error: Exception) -> bool:
    # On a CPU torch raises a plain RuntimeError.
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "DefaultCPUAllocator" in str(error)


def _follow(recorder: Recorder, prepared: Plan, folder: RunFolder) -> None:
    """Let the trackers that were asked for follow the run."""
    record, registry = prepared.record, prepared.registry
    run = TrackedRun(folder.path, record.name, record.model, record.config, prepared.trainer.steps)
    for name in record.trackers:
        if name in registry.trackers:
            recorder.trackers.open(name, partial(registry.track, name, run))
        else:
            recorder.display.say(f"tracker {name} is not installed any more; the run goes on without it.")


def _finish(folder: RunFolder, recorder: Recorder) -> None:
    """Keep the generator and draw the pictures of a run that is done."""
    from gantool.report import figures

    recorder.save_generator(folder.generator_file)
    recorder.metrics.flush()
    folder.write(recorder.up_to_date("running"))
    figures.draw_losses(folder)
    figures.draw_samples(folder)
    figures.draw_animation(folder)


def _report(folder: RunFolder, display: Display) -> None:
    try:
        write_report(folder)
    except Exception as error:  # the run is whole without its page
        display.say(f"no report: {error}; try `gantool report {folder.path}`.")


def _evaluation_due(trainer: Trainer) -> bool:
    every = trainer.config.evaluate_every
    return bool(every) and trainer.steps % every == 0 and trainer.steps < trainer.total_steps


def _evaluate(folder: RunFolder, recorder: Recorder, prepared: Plan, stopped: Callable[[], bool]) -> None:
    """Score the samples of now; whatever goes wrong with that, the run goes on."""
    trainer, display = prepared.trainer, recorder.display
    settings = _settings(trainer.config)
    display.say(f"scoring {settings.samples:,} samples")
    try:
        with recorder.paused(), trainer.averaged() as gan:
            averaged = trainer.ema is not None
            scores = evaluate(
                *(gan, prepared.data, folder, prepared.registry, settings),
                step=trainer.steps,
                averaged=averaged,
                stopped=stopped,
            )
    except Exception as error:
        recorder.note("evaluation failed", "", f"{type(error).__name__}: {error}", trainer.steps)
        display.say(f"no scores: {error}; try `gantool evaluate {folder.path}` when that is mended.")
        return
    for reason in dict.fromkeys(score.reason for score in scores if score.reason):
        names = ", ".join(score.metric for score in scores if score.reason == reason)
        display.say(f"not computed: {names}: {reason}")
    if stopped():
        display.say(f"the rest of the scores: gantool evaluate {folder.path}")


def _settings(config: TrainConfig) -> Settings:
    return Settings(
        samples=config.evaluation_samples,
        extractor=config.extractor,
        inception_weights=config.inception_weights,
        data_dir=config.data_dir,
    )


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
            *(trained.gan, data, folder, registry, replace(_settings(config), metrics=tuple(metrics))),
            step=trained.step,
            averaged=trained.averaged,
        )
        _report(folder, display)
        return scores


def _check_data(spec: ModelSpec, config: TrainConfig, data: Prepared, sources: Mapping[str, str]) -> None:
    """Refuse data that the model or the options cannot be trained on."""
    if spec.needs_labels and not data.classes:
        raise ConfigError(
            f"{spec.name} needs labels, and {data.name} has none.",
            "Use a folder with one sub-folder a class, or a labelled data set (`gantool list-datasets`).",
        )
    if len(data.train) < 2:
        raise ConfigError(f"{data.name} has {len(data.train)} training image; at least 2 are needed.", "Add images.")
    chosen = sources.get("batch_size") != "default"  # a model's own default yields to little data
    if chosen and config.batch_size is not None and config.batch_size > len(data.train):
        raise ConfigError(
            f"--batch-size {config.batch_size} is larger than the {len(data.train)} training images of {data.name}.",
            "Give a smaller one.",
        )


def _settle(config: TrainConfig, data: Prepared, sources: dict[str, str], registry: Registry) -> TrainConfig:
    """Fill in what depends on the data, so that the record is complete."""
    settled: dict[str, Any] = {"image_size": data.image_size, "channels": data.channels}
    if config.batch_size is None or config.batch_size > len(data.train):
        settled["batch_size"] = batch_size_for(len(data.train))
    for key, value in settled.items():
        if getattr(config, key) != value:
            sources[key] = "data"
    if config.data not in registry.datasets:
        settled["data"] = str(Path(config.data).expanduser().resolve())
    for key in ("data_dir", "inception_weights"):
        if getattr(config, key) is not None:
            settled[key] = getattr(config, key).expanduser().resolve()
    return config.model_copy(update=settled)


def _build(spec: ModelSpec, config: TrainConfig, data: Prepared, device: torch.device) -> Trainer:
    """Seed everything and make model and trainer."""
    shapes = Shapes(data.image_size, data.channels, len(data.classes))
    if config.threads:
        torch.set_num_threads(config.threads)
    make_deterministic(config.deterministic)
    torch.manual_seed(config.seed)
    implementation = load_implementation(spec.implementation)
    if not (isinstance(implementation, type) and issubclass(implementation, GAN)):
        raise GantoolError(f"{spec.implementation} is not a subclass of gantool.GAN.", "Mend the plugin.")
    gan = implementation.create(config, shapes, data.train)
    gan = gan.to(device).to(memory_format=torch.channels_last)
    distributed.synchronise_batch_norm(gan, device)
    if config.compile:
        for network in gan.children():
            network.compile()
    assert config.batch_size is not None
    world = distributed.world()
    if config.batch_size % world.size:
        raise ConfigError(
            f"a batch of {config.batch_size} cannot be divided among {world.size} processes.",
            f"Give a --batch-size that is a multiple of {world.size}.",
        )
    if world.rank:  # the networks are alike in all processes; dropout and a penalty's mixtures must not be
        torch.manual_seed(derived_seed(config.seed, f"process {world.rank}"))
    batches = Batches(data.train, config.batch_size, config.seed, device, world)
    rng = torch.Generator().manual_seed(derived_seed(config.seed, "latents"))
    return Trainer(gan, batches, total_steps(config, batches.per_epoch, gan), rng)


def total_steps(config: TrainConfig, batches_per_epoch: int, gan: GAN) -> int:
    """Generator updates in the budget: an epoch is floor(N / batch) real batches, and a step takes one or more."""
    if config.steps is not None:
        return config.steps
    assert config.epochs is not None
    extra = config.generator_batch == "fresh" and gan.objective.generator_needs_real
    return max(1, config.epochs * batches_per_epoch // (config.discriminator_steps + extra))


def _restore(folder: RunFolder, trainer: Trainer) -> tuple[float, list[str]]:
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
    record = folder.read()
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


@contextlib.contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C (or SIGTERM) into a flag that the loop looks at after each step; the second one kills."""
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if flag.is_set():
            raise KeyboardInterrupt
        flag.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _disk_error(folder: RunFolder, error: OSError, steps: int) -> GantoolError:
    if steps == 0:
        remedy = "Nothing was kept. Make room, or name another place with --experiments-dir."
    else:
        remedy = f"Make room, then go on with: gantool resume {folder.path}"
    cause = "the disk is full" if error.errno == errno.ENOSPC else (error.strerror or str(error))
    return GantoolError(f"cannot write to {folder.path}: {cause}.", remedy)


def _check_name(name: str, experiments_dir: Path) -> None:
    if not _NAME.fullmatch(name) or name.startswith(".") or name != name.strip():
        raise ConfigError(
            f"--name {name!r} cannot be a folder's name.",
            "Use up to 120 characters without slashes, not beginning with a dot; --experiments-dir says where.",
        )
    if (experiments_dir / name).exists():
        raise ConfigError(
            f"the run {experiments_dir / name} exists already and is never overwritten.",
            "Give another --name.",
        )


def _make_name(model: str, data: str, seed: int) -> str:
    slug = re.sub(r"[^A-Za-z0-9]+", "-", data).strip("-")[:40] or "data"
    return f"{model}-{slug}-s{seed}-{secrets.token_hex(3)}"
