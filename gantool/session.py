"""One training session of a run: train, record, finish, and leave a record of however it ended."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch

from gantool import distributed, signals
from gantool.config import TrainConfig
from gantool.errors import DivergedError, GantoolError, RunInterruptedError
from gantool.evaluation.evaluate import Settings, evaluate
from gantool.planning import Plan
from gantool.profiling import profiled
from gantool.progress import Display
from gantool.recorder import Recorder
from gantool.report.writing import write_report
from gantool.runs import RunFolder, RunRecord
from gantool.sampling import plan_sheet
from gantool.tracking import TrackedRun
from gantool.trainer import Trainer


def train_session(
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
    # A record that says finished is the last thing written: until then a killed run can be resumed to its end.
    record = recorder.up_to_date("finished")
    report(folder, display, record)
    recorder.close("finished", record)


def accompany(trainer: Trainer) -> None:
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


def report(folder: RunFolder, display: Display, record: RunRecord | None = None) -> None:
    """Write the run's page; whatever goes wrong with that is said, and no more."""
    try:
        write_report(folder, record)
    except Exception as error:  # the run is whole without its page
        display.say(f"no report: {error}; try `gantool report {folder.path}`.")


def _evaluation_due(trainer: Trainer) -> bool:
    every = trainer.config.evaluate_every
    return bool(every) and trainer.steps % every == 0 and trainer.steps < trainer.total_steps


def _evaluate(folder: RunFolder, recorder: Recorder, prepared: Plan, stopped: Callable[[], bool]) -> None:
    """Score the samples of now; whatever goes wrong with that, the run goes on."""
    trainer, display = prepared.trainer, recorder.display
    settings = settings_of(trainer.config)
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


def settings_of(config: TrainConfig) -> Settings:
    """How a run's samples are scored."""
    return Settings(
        samples=config.evaluation_samples,
        extractor=config.extractor,
        inception_weights=config.inception_weights,
        data_dir=config.data_dir,
    )


@contextlib.contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C (or SIGTERM) into a flag that the loop looks at after each step; the second one kills."""
    flag = threading.Event()

    def interrupt() -> None:
        if flag.is_set():
            raise KeyboardInterrupt
        flag.set()

    with signals.handled(interrupt):
        yield flag
