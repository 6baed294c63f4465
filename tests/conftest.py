from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support import SMALL, Outcome, picture, run_cli


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., Outcome]:
    """The command line, in a fresh working directory."""

    def call(*arguments: str | Path, **options: Any) -> Outcome:
        return run_cli(*arguments, cwd=options.pop("cwd", tmp_path), **options)

    return call


@pytest.fixture(scope="session")
def picture_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 small colour pictures in two classes."""
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(120):
        picture(folder / ("cats" if i % 2 else "dogs") / f"{i}.png", seed=i)
    return folder


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """A small run of dcgan on mnist5k, made once; tests read it."""
    where = tmp_path_factory.mktemp("finished")
    arguments: Sequence[str] = ["run", "dcgan", "--steps", "60", "--name", "small", *SMALL]
    outcome = run_cli(*arguments, cwd=where)
    assert outcome.code == 0, outcome.err
    return where / "experiments" / "small"


@pytest.fixture(scope="session")
def conditional_run(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """A small conditional run."""
    pytest.importorskip("gantool_cgan")
    where = tmp_path_factory.mktemp("conditional")
    words = ("--preset", "mlp", "--steps", "40", "--name", "c", "--keep-generators-every", "20")
    done = run_cli("run", "cgan", *words, cwd=where)
    assert done.code == 0, done.err
    return where / "experiments" / "c"
