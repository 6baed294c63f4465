"""A run folder of gantool 0.1 before its code moved into rooms; its run.json names the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from made_runs import make_run
from support import Cli

from gantool.report.compare import configuration
from gantool.report.load import read_run

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
    made = configuration(run)
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


def test_an_old_run_is_extended(old: Path, cli: Cli) -> None:
    """With --force, since it was made with other versions than those installed here."""
    done = cli("resume", old, "--steps", "16", "--force")
    assert done.code == 0, done.err
    lines = [json.loads(line) for line in (old / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 17))
    then = (OLD / "metrics.jsonl").read_text().splitlines()
    assert (old / "metrics.jsonl").read_text().splitlines()[:12] == then
    assert json.loads((old / "run.json").read_text())["status"] == "finished"
