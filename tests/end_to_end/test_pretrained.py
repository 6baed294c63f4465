"""`pretrained:NAME` in place of a run folder, brought by a plugin made for the test."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from made_runs import make_run
from support import Cli, Outcome, distribution, run_cli, served

import gantool
from gantool.errors import ConfigError, GantoolError
from gantool.plugins.pretrained import run_at, to_write_to
from gantool.plugins.registry import load_registry
from gantool.plugins.spec import InvalidSpecError, PretrainedSpec
from gantool.runs.folder import RunFolder

_PLUGIN = """
from pathlib import Path

import gantool


@gantool.hookimpl
def register_pretrained(register):
    register(gantool.PretrainedSpec("small", "digits", Path({folder!r}), "weights of nobody"))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, finished_run: Path) -> Path:
    """A plugin with one generator, in a place where nothing may be written."""
    place = tmp_path_factory.mktemp("site")
    folder = place / "runs" / "small"
    folder.mkdir(parents=True)
    run = RunFolder(finished_run)
    for file in (run.record_file, run.generator_file, run.sheet_file, run.real_file):
        shutil.copy(file, folder)
    shutil.copytree(run.samples, folder / "samples")
    distribution(place, "trained", _PLUGIN.format(folder=str(folder)))
    return place


@pytest.fixture
def call(site: Path, tmp_path: Path) -> Callable[..., Outcome]:
    """The command line with that plugin alone; nothing in its folder changes."""

    def run(*arguments: str | Path, plugins: str = "trained") -> Outcome:
        before = state_of(site / "runs")
        env = {"PYTHONPATH": str(site), "GANTOOL_PLUGINS": plugins}
        done = run_cli(*arguments, cwd=tmp_path, env=env)
        assert state_of(site / "runs") == before
        return done

    return run


def state_of(folder: Path) -> dict[str, Any]:
    return {str(file): (file.stat().st_mtime_ns, file.stat().st_size) for file in folder.rglob("*")}


def copied(tmp_path: Path) -> Path:
    return tmp_path / "experiments" / "pretrained-small"


def test_they_are_listed(call: Callable[..., Outcome]) -> None:
    (listed,) = call("list-pretrained", "--json").json
    assert listed["name"] == "pretrained:small"
    assert listed["model"] == "dcgan"
    assert listed["data"] == "mnist5k"
    assert listed["image_size"] == 28
    assert listed["license"] == "weights of nobody"
    assert listed["bytes"] > 1000
    shown = call("list-pretrained").out
    assert "pretrained:small" in shown
    assert "weights of nobody" in shown
    assert "pretrained generators small" in call("list-plugins").out


def test_pictures_go_to_a_copy_and_are_those_of_the_run(
    call: Callable[..., Outcome], finished_run: Path, tmp_path: Path
) -> None:
    done = call("sample", "pretrained:small", "--seed", 4)
    assert done.code == 0, done.err
    written = tmp_path / done.out.strip()
    assert written.is_relative_to(copied(tmp_path))
    call("sample", finished_run, "--seed", 4, "--output", "own.png")
    assert written.read_bytes() == (tmp_path / "own.png").read_bytes()
    for words in (
        ("sheet", "pretrained:small"),
        ("interpolate", "pretrained:small", "--from", "1", "--to", "2"),
        ("arithmetic", "pretrained:small", "1 - 2"),
        ("export", "pretrained:small"),
    ):
        done = call(*words)
        assert done.code == 0, done.err
        assert (tmp_path / done.out.strip()).is_relative_to(copied(tmp_path)), words


def test_what_is_written_elsewhere_needs_no_copy(
    call: Callable[..., Outcome], tmp_path: Path
) -> None:
    for words in (
        ("sample", "pretrained:small", "--output", "a.png"),
        ("animate", "pretrained:small", "--output", "a.gif"),
        ("compare", "pretrained:small", "--output", "page"),
    ):
        done = call(*words)
        assert done.code == 0, done.err
    assert (tmp_path / "page" / "index.html").is_file()
    assert not (tmp_path / "experiments").exists()


def test_scores_go_to_the_copy(call: Callable[..., Outcome], tmp_path: Path) -> None:
    words = ("--samples", "100", "--metric", "frechet-distance", "--json")
    done = call("evaluate", "pretrained:small", *words)
    assert done.code == 0, done.err
    assert done.json[0]["path"] == "experiments/pretrained-small"
    (score,) = RunFolder(copied(tmp_path)).scores()
    assert score.metric == "frechet-distance"
    assert call("evaluate", "pretrained:small", *words).code == 0  # into the same copy
    shutil.copy(copied(tmp_path) / "run.json", copied(tmp_path) / "generator.safetensors")
    other = call("sample", "pretrained:small")
    assert other.code == 2
    assert "another run has that name" in other.err


def test_training_begins_with_the_weights(call: Callable[..., Outcome], tmp_path: Path) -> None:
    words = ("--ngf", 8, "--ndf", 8, "--nz", 16, "--threads", 1, "--steps", 2, "--name", "next")
    done = call("run", "dcgan", *words, "--from", "pretrained:small")
    assert done.code == 0, done.err
    record = RunFolder(tmp_path / "experiments" / "next").read()
    assert record.config["from_run"] == "pretrained:small"
    assert record.begun_from is not None
    assert record.begun_from["parameters"] == record.networks["generator"]
    longer = call("resume", "experiments/next", "--steps", 3)
    assert longer.code == 0, longer.err


def test_unknown_names_and_what_may_not_change(call: Callable[..., Outcome]) -> None:
    for words, said in (
        (("sample", "pretrained:smal"), "Did you mean 'small'?"),
        (("evaluate", "pretrained:smal"), "Did you mean 'small'?"),
        (("compare", "pretrained:smal"), "Did you mean 'small'?"),
        (("run", "dcgan", "--from", "pretrained:smal"), "Did you mean 'small'?"),
        (("resume", "pretrained:small"), "is finished, and not a run of yours"),
        (("note", "pretrained:small", "x"), "is finished, and not a run of yours"),
        (("report", "pretrained:small"), "is finished, and not a run of yours"),
    ):
        done = call(*words)
        assert done.code == 2, done.out
        assert said in done.err, words
    none = call("sample", "pretrained:small", plugins="")
    assert none.code == 2
    assert "`pip install gantool-pretrained`" in none.err
    assert call("list-pretrained", plugins="").out.startswith("none: ")
    assert call("list-pretrained", "--json", plugins="").json == []


def test_the_plugin_of_the_model_may_be_missing(
    call: Callable[..., Outcome], site: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(site / "runs" / "small", other)
    record = json.loads((other / "run.json").read_text())
    record["model"], record["plugin"] = "own", {"distribution": "gantool-own", "version": "2"}
    (other / "run.json").write_text(json.dumps(record))
    place = tmp_path / "site"
    place.mkdir()
    distribution(place, "trained", _PLUGIN.format(folder=str(other)))
    env = {"PYTHONPATH": str(place), "GANTOOL_PLUGINS": "trained"}
    done = run_cli("sample", "pretrained:small", cwd=tmp_path, env=env)
    assert done.code == 2
    assert "`pip install gantool-own`" in done.err


def test_a_page_explores_them(site: Path) -> None:
    env = {"PYTHONPATH": str(site), "GANTOOL_PLUGINS": "trained"}
    with served("explore", Path("pretrained:small"), env) as address:
        about = json.load(urlopen(f"{address}about"))
        assert about["model"] == "dcgan"


def test_a_description_needs_a_run_and_a_line(tmp_path: Path) -> None:
    for spec in (
        PretrainedSpec("small", "digits", tmp_path),
        PretrainedSpec("small", "digits", str(tmp_path)),  # type: ignore[arg-type]
        PretrainedSpec("small", " ", make_run(tmp_path / "a")),
        PretrainedSpec("Small", "digits", make_run(tmp_path / "b")),
    ):
        with pytest.raises(InvalidSpecError, match="pretrained generator"):
            spec.check()


def test_python_takes_them_too(
    tmp_path: Path, finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = PretrainedSpec("small", "digits", finished_run)
    monkeypatch.setitem(load_registry().pretrained, "small", spec)
    monkeypatch.chdir(tmp_path)
    run = gantool.open("pretrained:small")
    assert run.path == finished_run
    assert run.samples(4).size
    assert not (tmp_path / "experiments").exists()
    run.note("mine")
    assert run.path == Path("experiments/pretrained-small")
    assert not RunFolder(finished_run).notes_file.exists()
    assert gantool.compare("pretrained:small").result.runs
    with pytest.raises(ConfigError, match="no pretrained generator 'big'"):
        gantool.open("pretrained:big")


def test_a_copy_that_cannot_be_made_leaves_nothing(
    tmp_path: Path, finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, os.strerror(28))

    spec = PretrainedSpec("small", "digits", finished_run)
    monkeypatch.setitem(load_registry().pretrained, "small", spec)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(GantoolError, match="No space left"):
        to_write_to(RunFolder.open(run_at(Path("pretrained:small"))))
    assert list((tmp_path / "experiments").iterdir()) == []


def test_a_folder_that_is_called_so_is_given_by_its_whole_path(tmp_path: Path, cli: Cli) -> None:
    make_run(tmp_path / "pretrained:mine", name="mine")
    assert run_at(tmp_path / "pretrained:mine") == tmp_path / "pretrained:mine"
    done = cli("compare", tmp_path / "pretrained:mine", "--json")
    assert done.code == 0, done.err
