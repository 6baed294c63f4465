"""Scores on the way: runs that are killed while they are scored."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from soak import content

from gantool.display import Display
from gantool.evaluation import evaluate as scoring
from gantool.plugins.registry import load_registry
from gantool.runs import folder
from gantool.runs.folder import RunFolder
from gantool.runs.records import Score
from gantool.training import run as training_run
from gantool.training.run import start
from gantool.training.setup import Request, set_up

OPTIONS: dict[str, Any] = {
    **{"ngf": 4, "ndf": 4, "nz": 8, "image_size": 8, "batch_size": 16, "threads": 1},
    **{"steps": 6, "checkpoint_every": "2", "evaluate_every": 2, "evaluation_samples": 20},
}


class KilledError(BaseException):
    pass


def train(where: Path, **options: Any) -> Path:
    registry = load_registry()
    flags = {**OPTIONS, **options}
    resolved = registry.resolve(registry.model("dcgan"), flags=flags, environment={})
    request = Request(model="dcgan", resolved=resolved, name="it", experiments_dir=where)
    return start(set_up(request, registry, Display()), Display()).path


def resume(run: Path, **budget: Any) -> Path:
    budget = {"epochs": None, "steps": None, "force": False, **budget}
    return training_run.resume(run, load_registry(), display=Display(), **budget).path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """A tiny run that nothing disturbed; tests read it."""
    return train(tmp_path_factory.mktemp("whole"))


@contextmanager
def killed(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, call: int) -> Iterator[None]:
    """The process is killed in the call of this number of a function of a module."""
    real, calls = getattr(module, name), 0

    def count(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KilledError
        return real(*given, **named)

    with monkeypatch.context() as patched, pytest.raises(KilledError):
        patched.setattr(module, name, count)
        yield


def equal(run: Path, other: Path) -> bool:
    """Whether two runs have the same metrics, pictures, generator and scores, to the last bit."""
    scores = RunFolder(run).scores_file.read_bytes(), RunFolder(other).scores_file.read_bytes()
    return content(run) == content(other) and scores[0] == scores[1]


# Of seven groups of scores at each of steps 2, 4 and 6: in the first scoring, between two groups of
# the second, at the end.
@pytest.mark.parametrize("call", [1, 10, 16])
def test_a_run_killed_while_it_is_scored_has_its_scores_all_the_same(
    call: int, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with killed(monkeypatch, scoring, "_measure", call):
        train(tmp_path)
    assert equal(resume(tmp_path / "it"), whole)


def test_scores_that_were_half_written_are_not_there_twice(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with killed(monkeypatch, folder, "put_lines", 2):
        train(tmp_path)
    file = RunFolder(tmp_path / "it").scores_file
    before = file.read_bytes()
    lines = RunFolder(whole).scores_file.read_bytes()
    assert lines.startswith(before)
    file.write_bytes(lines[: len(before) + (len(lines) - len(before)) // 4])
    assert equal(resume(tmp_path / "it"), whole)


def test_a_score_takes_the_place_of_an_older_one_of_its_kind(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    first = [Score(step=step, metric="parzen", value=1.0) for step in (1, 2)]
    run.add_scores([*first, Score(step=2, metric="parzen", value=2.0, protocol={"n_fake": 9})])
    run.add_scores([Score(step=2, metric="parzen", value=3.0), Score(step=2, metric="recall")])
    with run.scores_file.open("a") as file:
        file.write('{"step": 3')
    run.add_scores([Score(step=3, metric="recall", value=float("nan"))])
    found = [(score.step, score.metric, score.value) for score in run.scores()]
    assert found == [
        *((1, "parzen", 1.0), (2, "parzen", 2.0), (2, "parzen", 3.0)),
        *((2, "recall", None), (3, "recall", None)),
    ]
    assert len(run.scores_file.read_text().splitlines()) == len(found)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 3])
def test_kill_9_while_a_run_is_scored(number: int, tmp_path: Path, data_dir: Path) -> None:
    flags = [
        word
        for key, value in {**OPTIONS, "evaluation_samples": 2_000}.items()
        for word in (f"--{key.replace('_', '-')}", str(value))
    ]
    run = [sys.executable, "-m", "gantool", "run", "dcgan", *flags]
    for name in ("whole", "killed"):
        with (tmp_path / f"{name}.log").open("w") as log:
            process = subprocess.Popen([*run, "--name", name], stderr=log, cwd=tmp_path)
            while name == "killed" and process.poll() is None:
                if (tmp_path / "killed.log").read_text().count("scoring 2,000") == number:
                    time.sleep(0.3)
                    process.kill()
                    break
                time.sleep(0.01)
            assert process.wait() == (0 if name == "whole" else -signal.SIGKILL)
    place = tmp_path / "experiments"
    assert equal(resume(place / "killed"), place / "whole")
