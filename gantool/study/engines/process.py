"""One run of a study, in a process of its own.

It is begun, gone on with, or left as it is, whatever its folder asks for.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gantool.config import options_of
from gantool.errors import GantoolError
from gantool.plugins.registry import load_registry
from gantool.runs.folder import RunFolder
from gantool.study.job import Job

_ATTEMPTS = 3  # of a run whose process was killed
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a run of a study.

    Attributes:
        name: of the run.
        status: its end.
        reason: of a failure, for people.
        resumed: whether this session went on with a run that had been begun.
    """

    name: str
    status: Literal["done", "failed", "interrupted"]
    reason: str = ""
    resumed: bool = False


def never() -> bool:
    """False: no one wants the study to stop."""
    return False


def carry_out(job: Job, place: Path, stopped: Callable[[], bool] = never) -> Outcome:
    """Bring a run to its end.

    A run that was begun is resumed, one that another process holds is waited for, and scores are
    made where they are asked for.

    Args:
        job: the run.
        place: folder of the study; processes write to `logs/` in it.
        stopped: asked now and then; where it says so, the run's process is interrupted and leaves a
            resumable state.
    """
    try:
        return _carry_out(job, place, stopped=stopped)
    except (OSError, GantoolError) as error:
        return Outcome(job.name, "failed", reason=str(error).splitlines()[0])


def _carry_out(job: Job, place: Path, stopped: Callable[[], bool]) -> Outcome:
    folder, log, killed = RunFolder(place / job.name), place / "logs" / f"{job.name}.log", 0
    resumed = False
    while not stopped():
        if folder.record_file.exists() and folder.is_live():
            time.sleep(_POLL_SECONDS)
            continue
        argv = next_argv(job, folder)
        if argv is None:
            return Outcome(job.name, "done", resumed=resumed)
        resumed |= argv[0] == "resume"
        code, told = _run(argv, log, threads=job.threads_wanted, stopped=stopped)
        if told:
            break
        if code == 0 and argv[0] == "evaluate":
            return Outcome(job.name, "done", resumed=resumed)
        if code < 0 or code == 130:
            killed += 1
            if killed == _ATTEMPTS:
                return Outcome(job.name, "failed", reason=f"its process was killed {killed} times")
        # Where the run is live, another process was first.
        elif code and not (folder.record_file.exists() and folder.is_live()):
            return Outcome(job.name, "failed", reason=_last_words(log))
    return Outcome(job.name, "interrupted")


def next_argv(job: Job, folder: RunFolder) -> list[str] | None:
    """The command that brings a run nearer to its end; None where it has ended.

    Raises:
        GantoolError: it diverged, or its folder cannot be read.
    """
    if not folder.record_file.exists():
        return [
            "run",
            job.model,
            *_flags(job),
            "--name",
            job.name,
            "--experiments-dir",
            str(folder.path.parent),
        ]
    record = RunFolder.open(folder.path).read()
    if record.status == "diverged":
        raise GantoolError(f"diverged after step {record.steps}")
    if record.status != "finished":
        return ["resume", str(folder.path)]
    had = {score.metric for score in folder.scores() if score.step == record.steps}
    if job.scores is None:
        return None if had else ["evaluate", str(folder.path)]
    missing = [word for name in job.scores if name not in had for word in ("--metric", name)]
    return ["evaluate", str(folder.path), *missing] if missing else None


def _flags(job: Job) -> list[str]:
    argv = ["--preset", job.preset] if job.preset else []
    options = {
        option.key: option
        for option in options_of(load_registry().model(job.model).config, job.model)
    }
    for key, value in job.flags().items():
        flag = options[key].flag
        if isinstance(value, bool):
            argv.append(flag if value else f"--no-{flag[2:]}")
        else:
            argv += [flag, str(value)]
    return argv


def _run(
    argv: list[str], log: Path, *, threads: int | None, stopped: Callable[[], bool]
) -> tuple[int, bool]:
    """The exit code of a command, and whether it was told to stop."""
    log.parent.mkdir(parents=True, exist_ok=True)
    # Options that a study's file does not give must not depend on who runs it.
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("GANTOOL_OPT_")
    }
    # Scoring has no option for it: processes with more threads than there are cores wait for each
    # other most of the time.
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    with log.open("a", encoding="utf-8") as output:
        print(f"$ gantool {' '.join(argv)}", file=output, flush=True)
        # The command has a session of its own: a Ctrl-C on the terminal reaches this process
        # alone, which passes it on once.
        process = subprocess.Popen(
            [sys.executable, "-m", "gantool", *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
        told = cancelled = False
        while (code := process.poll()) is None:
            try:
                time.sleep(_POLL_SECONDS)
            except KeyboardInterrupt:  # an engine that cancels a task
                cancelled = True
            if (cancelled or stopped()) and not told:
                process.send_signal(signal.SIGINT)
                told = True
    return code, told


def _last_words(log: Path) -> str:
    lines = [
        line
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.startswith("gantool:")
    ]
    return lines[-1].removeprefix("gantool: ") if lines else f"see {log}"
