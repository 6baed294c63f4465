"""Scores on the way: runs that are killed while they are scored, and the best generator."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from soak import content
from support import Cli, picture

import gantool as names
from gantool.data.load import load
from gantool.display import Display
from gantool.errors import ConfigError
from gantool.evaluation import evaluate as scoring
from gantool.evaluation.choice import Chooser
from gantool.evaluation.evaluate import draw_samples
from gantool.evaluation.metrics.parzen import SIGMAS, log_likelihood
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
    """Whether two runs have the same metrics, pictures, generators and scores, to the last bit."""
    names = [name for name in ("scores.jsonl", "best.safetensors") if (other / name).exists()]
    same = all((run / name).read_bytes() == (other / name).read_bytes() for name in names)
    return same and content(run) == content(other)


# Of seven groups of scores at each of steps 2, 4 and 6: in the first scoring, between two groups of
# the second, at the end.
@pytest.mark.parametrize("call", [1, 10, 16])
def test_a_run_killed_while_it_is_scored_has_its_scores_all_the_same(
    call: int, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with killed(monkeypatch, scoring, "_measure", call):
        train(tmp_path)
    assert equal(resume(tmp_path / "it"), whole)


def test_scores_on_the_way_change_nothing_that_is_trained(tmp_path: Path) -> None:
    """The augmentation draws from the generator that a network's first weights are drawn from."""
    plain = train(tmp_path / "plain", augment="diff", evaluate_every=None, evaluate=False)
    scored = train(tmp_path / "scored", augment="diff", keep_best="frechet-distance")
    first, second = (run / "generator.safetensors" for run in (plain, scored))
    assert first.read_bytes() == second.read_bytes()


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


# The best generator


@pytest.fixture(scope="module")
def choosing(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """A tiny run that keeps its best generator; tests read it."""
    where = tmp_path_factory.mktemp("choosing")
    return train(where, keep_best="parzen", keep_generators_every=2, evaluate=False)


def test_the_generator_is_kept_that_is_best_on_validation(choosing: Path) -> None:
    run = RunFolder(choosing)
    found = {score.step: score.value or 0.0 for score in run.choices()}
    assert list(found) == [2, 4, 6]  # the last one too, though it is not scored otherwise
    assert not any(score.chooses for score in run.scores())
    step = max(found, key=lambda step: found[step])
    best = run.best()
    assert best is not None
    assert (best.step, best.metric, best.candidates) == (step, "parzen", 3)
    assert run.best_file.read_bytes() == run.generator(step).read_bytes()
    protocol = best.score.protocol
    assert (protocol["split"], protocol["sample_seed"]) == ("validation", 20_000)

    sampler = names.open(choosing).at("best")
    samples = draw_samples(sampler.model, 20, seed=20_000)
    config = sampler.model.config
    real = load(config, load_registry()).splits["validation"].values
    points = torch.tensor(np.asarray(real).reshape(len(real), -1)).double() / 255
    likelihood = log_likelihood(points, samples.flat(), sigmas=SIGMAS).mean(1).max()
    assert found[step] == pytest.approx(likelihood.item(), abs=1e-6)


def test_commands_take_the_best_generator(choosing: Path, tmp_path: Path, cli: Cli) -> None:
    run = RunFolder(Path(shutil.copytree(choosing, tmp_path / "copy")))
    best = run.best()
    assert best is not None
    done = cli("prune", run.path, "--generators")
    assert done.code == 0, done.err
    done = cli("evaluate", run.path, "--at", "best", "--metric", "parzen", "--json")
    assert done.code == 0, done.err
    (score,) = done.json[0]["scores"]
    assert (score["step"], score["protocol"]["split"]) == (best.step, "test")
    done = cli("export", run.path, "--at", "best", "--output", tmp_path / "g.safetensors")
    assert done.code == 0, done.err
    done = cli("sample", run.path, "--at", "best", "-n", "4")
    assert done.code == 0, done.err
    assert f"sample-{best.step}-seed0" in done.out
    for at, said in (("last", "a step is expected"), ("1", "has no generator of step 1")):
        done = cli("sample", run.path, "--at", at)
        assert done.code == 2
        assert said in done.err


def test_a_run_that_keeps_no_best_generator_says_so(whole: Path) -> None:
    with pytest.raises(ConfigError, match="keeps no best generator"):
        names.open(whole).at("best")


# In the scoring, in the choice, and between the generator and the line that says so.
@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        *((scoring, "_measure", 10), (Chooser, "score", 2)),
        *((RunFolder, "add_scores", 4), (RunFolder, "add_scores", 5)),
    ],
)
def test_a_run_killed_while_it_chooses_chooses_the_same(
    owner: Any,
    name: str,
    call: int,
    choosing: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with killed(monkeypatch, owner, name, call):
        train(tmp_path, keep_best="parzen", keep_generators_every=2, evaluate=False)
    assert equal(resume(tmp_path / "it"), choosing)


def choose_as(monkeypatch: pytest.MonkeyPatch, values: dict[int, float]) -> None:
    """Let the generators of these steps have these values."""

    def score(_: Chooser, *, step: int, averaged: bool) -> Score:
        return Score(step=step, metric="parzen", value=values[step], protocol={"chooses": True})

    monkeypatch.setattr(Chooser, "score", score)


def test_a_resumed_run_goes_back_to_the_best_of_its_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"keep_best": "parzen", "keep_generators_every": 2, "evaluation_samples": 2}
    choose_as(monkeypatch, {2: 2.0, 4: 1.0})
    with killed(monkeypatch, RunFolder, "add_scores", 4):
        train(tmp_path, **options)
    run = RunFolder(tmp_path / "it")
    assert run.best_file.read_bytes() == run.generator(4).read_bytes()
    choose_as(monkeypatch, {4: 2.0, 6: 3.0})  # what is as good as an earlier one is not kept
    resume(run.path)
    best = run.best()
    assert best is not None
    assert (best.step, best.candidates) == (2, 3)
    assert run.best_file.read_bytes() == run.generator(2).read_bytes()
    # The last generator of a shorter run is none on the way of a longer one.
    choose_as(monkeypatch, {6: 0.0, 8: 2.5})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(training_run, "_evaluation_due", lambda trainer: False)
        resume(run.path, steps=8)
    assert [score.step for score in run.choices()] == [2, 4, 8]
    assert run.best_file.read_bytes() == run.generator(2).read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"keep_best": "parzen", "evaluate_every": None}, "add --evaluate-every"),
        ({"keep_best": "frechet"}, r"Did you mean 'frechet-infinity'\?\n"),
        ({"keep_best": "memorised"}, "is none of"),
        ({"keep_best": "equilibrium"}, "is none of"),
        ({"keep_best": "parzen", "evaluate_every": 6}, "nothing to choose among"),
        ({"keep_best": "label-fidelity"}, "says nothing of this model"),
        ({"keep_best": "high-quality"}, "a score of points; mnist5k is of images"),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(
    options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        train(tmp_path, **options)
    assert raised.value.remedy or "evaluate-every" in said or "none of" in raised.value.message
    assert not list(tmp_path.iterdir())


def test_images_without_a_validation_split_cannot_choose(tmp_path: Path) -> None:
    for i in range(6):
        picture(tmp_path / "few" / f"{i}.png", seed=i)
    with pytest.raises(ConfigError, match="no validation images"):
        train(tmp_path / "runs", data=str(tmp_path / "few"), keep_best="parzen", batch_size=2)
