"""The tests' way of running the command line is that of a user's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from preloaded import run_module
from support import distribution


@pytest.mark.parametrize(
    "words",
    [
        ["list-models", "--json"],
        ["run", "dcgan", "--help"],
        ["run", "dcgam"],
        ["compare", "nowhere"],
        ["no-such-command"],
        ["run", "dcgan", "--data", "nowhere", "--debug"],
    ],
)
def test_a_forked_process_answers_as_one_from_nothing(words: list[str], tmp_path: Path) -> None:
    module = "import sys; print('a plugin was loaded', file=sys.stderr)"
    (tmp_path / "site").mkdir()
    distribution(tmp_path / "site", "says-so", module)
    env = {**os.environ, "COLUMNS": "100", "PYTHONPATH": str(tmp_path / "site")}
    (tmp_path / "here").mkdir()
    forked = run_module(words, cwd=tmp_path / "here", env=env, timeout=120)
    begun = subprocess.run(
        [sys.executable, "-m", "gantool", *words],
        cwd=tmp_path / "here",
        env=env,
        capture_output=True,
        text=True,
    )
    assert (forked.returncode, forked.stdout) == (begun.returncode, begun.stdout)
    # A traceback goes through the process that forked.
    assert forked.stderr.splitlines()[-1] == begun.stderr.splitlines()[-1]
    assert ("a plugin was loaded" in forked.stderr) == ("a plugin was loaded" in begun.stderr)


def test_one_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_module(["list-models"], cwd=tmp_path, env=dict(os.environ), timeout=0.001)
