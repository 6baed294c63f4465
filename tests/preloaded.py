"""`python -m gantool` in a process that is forked from one with torch imported already.

Importing torch and its friends takes most of the time of a small command. Everything else is as in
a process begun from nothing: modules of gantool and of plugins are imported anew.
"""

from __future__ import annotations

import atexit
import io
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_HEAVY = (
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "pydantic",
    "rich.console",
    "scipy.stats",
    "torch",
    "torch.optim.swa_utils",
    "torchvision.datasets",
    "torchvision.transforms.functional",
    "torchvision.utils",
    "typer",
)


def run_module(
    arguments: list[str], *, cwd: Path, env: dict[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """What `subprocess.run([sys.executable, "-m", "gantool", *arguments])` does, text captured.

    Raises:
        subprocess.TimeoutExpired: it takes longer; it is killed.
    """
    if sys.platform != "linux":  # elsewhere it is not safe to fork after such imports
        words = [sys.executable, "-m", "gantool", *arguments]
        return subprocess.run(
            words, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout
        )
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_HEAVY))
    with tempfile.TemporaryDirectory() as folder:
        streams = Path(folder, "out"), Path(folder, "err")
        for path in streams:
            path.touch()
        process = context.Process(target=_main, args=(arguments, cwd, env, streams))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            written = (path.read_bytes() for path in streams)
            raise subprocess.TimeoutExpired(arguments, timeout, *written)
        said = (path.read_text(encoding="utf-8") for path in streams)
        return subprocess.CompletedProcess(arguments, process.exitcode, *said)


def _main(arguments: list[str], cwd: Path, env: dict[str, str], streams: tuple[Path, Path]) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, path in enumerate(streams, 1):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
    sys.stdout = sys.__stdout__ = _text(1)
    sys.stderr = sys.__stderr__ = _text(2, line_buffering=True, errors="backslashreplace")
    own = Path(__file__).resolve().parent
    usual = [path for path in sys.path if path and own not in (Path(path), *Path(path).parents)]
    sys.path[:] = [str(cwd), *filter(None, env.get("PYTHONPATH", "").split(os.pathsep)), *usual]
    sys.argv = ["gantool", *arguments]
    try:
        runpy.run_module("gantool", run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()


def _text(number: int, **how: Any) -> io.TextIOWrapper:
    buffer = io.BufferedWriter(io.FileIO(number, "wb", closefd=False))
    return io.TextIOWrapper(buffer, encoding="utf-8", **how)
