"""Games of every kind, and pieces of a plugin's own, through the whole command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from probe_plugin import install_probes
from probes import PROBES
from support import Outcome, run_cli


@pytest.fixture
def site(tmp_path: Path) -> dict[str, str]:
    """An environment in which the probes are an installed plugin."""
    return install_probes(tmp_path / "site")


def ok(done: Outcome) -> Any:
    assert done.code == 0, done.err
    return done


def test_pieces_of_a_plugin_are_choices_like_any_other(
    site: dict[str, str], tmp_path: Path
) -> None:
    def cli(*words: str) -> Outcome:
        return run_cli(*words, cwd=tmp_path, env=site)

    words = ["run", "probe-infogan", "--steps", "3", "--loss", "cubic", "--name", "own"]
    ok(cli(*words, "--penalty", "small-logits+r1:0.1", "--augment", "diff"))
    record = json.loads((tmp_path / "experiments" / "own" / "run.json").read_text())
    assert record["config"]["loss"] == "cubic"
    assert record["d_scale"] == "raw"
    lines = (tmp_path / "experiments" / "own" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["penalty"] > 0
    shown = " ".join(ok(cli("run", "dcgan", "--help")).out.split())
    assert "cubic" in shown
    compared = ok(cli("compare", "experiments/own", "--json")).json
    assert compared["variants"][0]["loss"] == "cubic"
    wrong = cli("run", "dcgan", "--loss", "cubik")
    assert wrong.code == 2
    assert "Did you mean 'cubic'?" in wrong.err


@pytest.mark.slow
@pytest.mark.parametrize("name", PROBES)
def test_every_game_goes_through_every_command(
    name: str, site: dict[str, str], tmp_path: Path
) -> None:
    def cli(*words: str) -> Outcome:
        return run_cli(*words, cwd=tmp_path, env=site)

    ok(cli("run", f"probe-{name}", "--steps", "6", "--name", "a", "--ema", "0.9"))
    ok(cli("resume", "experiments/a", "--steps", "9"))
    ok(cli("run", f"probe-{name}", "--steps", "9", "--name", "b", "--ema", "0.9"))
    whole, resumed = (
        [
            {key: value for key, value in json.loads(line).items() if key != "seconds"}
            for line in (tmp_path / "experiments" / run / "metrics.jsonl").read_text().splitlines()
        ]
        for run in "ba"
    )
    assert whole == resumed
    if name == "vae":
        assert whole[-1]["loss_d"] is whole[-1]["d_real"] is None
        assert whole[-1]["loss_vae"] > 0
    scores = ok(cli("evaluate", "experiments/a", "--samples", "300", "--json")).json[0]["scores"]
    assert "frechet-distance" in {score["metric"] for score in scores}
    ok(cli("sample", "experiments/a", "-n", "4"))
    ok(cli("interpolate", "experiments/a", "--from", "0", "--to", "5"))
    ok(cli("export", "experiments/a"))
    ok(cli("compare", "experiments/a", "experiments/b"))
