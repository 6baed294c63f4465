"""A run folder of gantool 0.1 before its code moved into rooms; its run.json names the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from made_runs import make_run
from support import Cli, picture

import gantool
from gantool.display import Display
from gantool.plugins.registry import load_registry
from gantool.report.load import configuration, read_run
from gantool.training.run import resume

OLD = Path(__file__).parent / "run-of-0.1"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    shutil.copytree(OLD, tmp_path / "old")
    return tmp_path / "old"


def test_an_old_run_is_read_and_compared(old: Path, tmp_path: Path, cli: Cli) -> None:
    run = read_run(old)
    assert run.status == "finished"
    assert len(run.series["loss_d"]) == 12
    assert "frechet-distance" in {score.metric for score in run.scores}
    made = configuration(run.record)
    assert made["lr"] == 2e-4
    assert not {"seed", "threads", "sheet_every"} & set(made)  # it does not say so itself
    make_run(tmp_path / "new", scores={"frechet-distance": 5.0})
    done = cli("compare", old, tmp_path / "new", "--json")
    assert done.code == 0, done.err
    assert {row["name"] for row in done.json["runs"]} == {"before-the-move", "new"}


def test_an_old_run_is_drawn_from_and_evaluated(old: Path, cli: Cli) -> None:
    drawn = cli("sample", old, "-n", "4", "--output", "four.png")
    assert drawn.code == 0, drawn.err
    sheet = cli("sheet", old)
    assert sheet.code == 0, sheet.err
    done = cli("evaluate", old, "--metric", "class-balance", "--json")
    assert done.code == 0, done.err
    (score,) = done.json[0]["scores"]
    before = [json.loads(line) for line in (OLD / "scores.jsonl").read_text().splitlines()]
    (then,) = [one for one in before if one["metric"] == "class-balance"]
    assert score["value"] == pytest.approx(then["value"], abs=1e-6)


def test_an_old_conditional_run_goes_on_asking_uniformly(tmp_path: Path) -> None:
    """Resumed, it equals one with uniform labels throughout; a new one asks as the data does."""
    pytest.importorskip("gantool_cgan")
    for i in range(40):
        picture(tmp_path / "data" / ("rare" if i % 8 == 0 else "usual") / f"{i}.png", seed=i)

    def train(name: str, *, steps: int, **options: Any) -> Path:
        run = gantool.train(
            "cgan",
            name=name,
            experiments_dir=tmp_path,
            progress=False,
            data=str(tmp_path / "data"),
            image_size=8,
            batch_size=4,
            threads=1,
            evaluate=False,
            steps=steps,
            **options,
        )
        return run.path

    def extended(path: Path) -> Path:
        found = resume(path, load_registry(), display=Display(), epochs=None, steps=4, force=False)
        return found.path

    def losses(path: Path) -> list[float]:
        lines = (path / "metrics.jsonl").read_text().splitlines()
        return [json.loads(line)["loss_g"] for line in lines]

    uniform = losses(train("uniform", steps=4, labels="uniform"))
    asked = train("asked", steps=4)
    record = json.loads((asked / "run.json").read_text())
    assert record["data"]["shares"][0] == pytest.approx(1 / 8, abs=0.06)
    assert record["config"]["labels"] == "data"
    assert losses(asked) != uniform
    assert losses(extended(train("whole", steps=2))) == losses(asked)

    before = train("before", steps=2, labels="uniform")
    record = json.loads((before / "run.json").read_text())
    del record["config"]["labels"], record["data"]["shares"]  # as they were not written then
    (before / "run.json").write_text(json.dumps(record))
    assert losses(extended(before)) == uniform


def test_resuming_a_run_of_other_networks_is_refused_in_words(old: Path, cli: Cli) -> None:
    """Its discriminator, which has no BatchNorm, had no biases either."""

    def contents() -> dict[Path, bytes]:
        files = (path for path in old.rglob("*") if path.is_file() and path.name != ".lock")
        return {path: path.read_bytes() for path in files}

    before = contents()
    done = cli("resume", old, "--steps", "16", "--force")
    assert done.code == 1
    assert "is of other networks or options than this model has now" in done.err
    assert "nothing was changed" in done.err
    assert contents() == before
