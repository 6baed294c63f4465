"""Samples that another program drew, from the command line to the comparison."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Cli, run_cli

import gantool
from gantool.cli.playing import open_sampler
from gantool.runs.folder import RunFolder
from gantool.runs.records import DRAWING, Score

SEED = str(DRAWING["sample_seed"])  # with which 256 samples are those that a run is scored by
N = "256"


def scores_of(path: Path) -> dict[str, Score]:
    return {score.metric: score for score in RunFolder(path).scores()}


def adopt(cli: Cli, samples: Path, name: str, *words: str) -> None:
    done = cli(
        *("evaluate", "--samples", samples, "--data", "mnist5k", "--name", name),
        *("--evaluation-samples", N, *words),
    )
    assert done.code == 0, done.err


def equal_but_for_order(own: dict[str, Score], other: dict[str, Score]) -> None:
    for metric, score in other.items():
        assert score.value == pytest.approx(own[metric].value, rel=1e-3, abs=1e-3), metric
        assert (score.real, score.noise) == (own[metric].real, own[metric].noise), metric


@pytest.fixture(scope="session")
def drawn(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was scored by 256 samples, which lie beside it as arrays and as single files."""
    where = tmp_path_factory.mktemp("drawn")
    run = where / "experiments" / "small"
    shutil.copytree(finished_run, run)
    for words in (
        ["evaluate", run, "--samples", N],
        ["sample", run, "-n", N, "--seed", SEED, "--format", "npz", "--output", "s.npz"],
        ["sample", run, "-n", N, "--seed", SEED, "--separate", "--output", "files"],
    ):
        done = run_cli(*words, cwd=where)
        assert done.code == 0, done.err
    return where


@pytest.fixture
def scored(drawn: Path, tmp_path: Path) -> Path:
    """The same for one test alone."""
    shutil.copytree(drawn, tmp_path, dirs_exist_ok=True)
    return tmp_path / "experiments" / "small"


def taken_in(scored: Path) -> Path:
    """The run's samples as those of another program, with a score that takes little time."""
    return gantool.evaluate_samples(
        scored.parent.parent / "s.npz",
        data="mnist5k",
        name="styles",
        metrics=["class-balance"],
        experiments_dir=scored.parent,
        progress=False,
        evaluation_samples=256,
    ).path


def test_a_runs_samples_have_its_scores_and_stand_beside_it(
    cli: Cli, scored: Path, tmp_path: Path
) -> None:
    adopt(cli, tmp_path / "s.npz", "styles")
    adopt(cli, tmp_path / "files", "styles", "--seed", "1")
    place = scored.parent
    own = scores_of(scored)
    for name in ("styles", "styles-s1"):
        found = scores_of(place / name)
        assert set(found) == set(own) - {"equilibrium"}
        equal_but_for_order(own, found)
        for file in ("samples.png", "real.png", "report.html", "neighbours.png", "sheet.json"):
            assert (place / name / file).is_file()
    assert (place / "styles" / "real.png").read_bytes() == (scored / "real.png").read_bytes()
    record = json.loads((place / "styles-s1" / "run.json").read_text())
    assert record["origin"] == {
        "path": str(tmp_path / "files"),
        "sha256": record["origin"]["sha256"],
        "samples": 256,
        "scored": 256,
        "labels": False,
        "resized": [],
        "unreadable": 0,
    }
    assert not {"steps", "epochs", "images", "seconds", "networks"} & set(record)
    assert "origin" not in json.loads((scored / "run.json").read_text())

    done = cli("compare", place, "--json")
    assert done.code == 0, done.err
    result = done.json
    variants = {variant["name"]: variant for variant in result["variants"]}
    assert set(variants) == {"dcgan", "styles"}
    other = variants["styles"]
    assert (other["elsewhere"], other["seeds"]) == (True, [None, 1])
    for key in ("steps", "epochs", "images", "seconds", "parameters", "images_per_second"):
        assert other[key] is None and variants["dcgan"][key] is not None, key
    assert {column["id"] for column in result["columns"]} == set(own)  # no second protocol
    said = [flag["message"] for flag in result["flags"]]
    assert any(text.startswith("Of styles nothing but samples is known") for text in said)
    assert any("The same samples are there twice: styles, styles-s1" in text for text in said)
    assert not any("Budgets differ" in text or "machine" in text for text in said)
    assert result["verdict"][1].startswith("The run finished, 2 sets of samples from elsewhere")

    shown = cli("compare", place)
    assert shown.code == 0, shown.err
    (row,) = (line for line in shown.out.splitlines() if "from elsewhere   -" in line)
    assert row.split()[:2] == ["styles", "2"]
    page = (tmp_path / "comparison" / "index.html").read_text()
    assert "Of styles nothing but samples is known: no curves" in page
    with (tmp_path / "comparison" / "comparison.csv").open() as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert rows["styles"]["frechet-distance"]
    assert not any(rows["styles"][key] for key in ("steps", "images", "seconds", "parameters"))
    assert cli("report", place / "styles").code == 0
    assert "<Run" in repr(gantool.open(place / "styles"))


def test_samples_can_be_scored_again_while_they_are_there(
    cli: Cli, scored: Path, tmp_path: Path
) -> None:
    run = taken_in(scored)
    done = cli("evaluate", run, "--metric", "parzen", "--json")
    assert done.code == 0, done.err
    (score,) = done.json[0]["scores"]
    assert score["value"] == pytest.approx(scores_of(scored)["parzen"].value or 0, rel=1e-4)
    np.savez(tmp_path / "s.npz", np.zeros((300, 28, 28), np.uint8) + 7)
    done = cli("evaluate", run, "--metric", "parzen")
    assert done.code == 2
    assert "holds other samples today" in done.err


def test_a_model_with_labels_keeps_the_scores_that_need_them(
    cli: Cli, conditional_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "experiments" / "c"
    shutil.copytree(conditional_run, run)
    wanted = ["--metric", "label-fidelity", "--metric", "class-balance"]
    assert cli("evaluate", run, "--samples", N, *wanted).code == 0
    drawn = cli("sample", run, "-n", N, "--seed", SEED, "--format", "npz", "--output", "s.npz")
    assert drawn.code == 0, drawn.err
    adopt(cli, tmp_path / "s.npz", "other", *wanted)
    other = scores_of(tmp_path / "experiments" / "other")
    assert set(other) == {"label-fidelity"}
    equal_but_for_order(scores_of(run), other)
    sheet = json.loads((tmp_path / "experiments" / "other" / "sheet.json").read_text())
    assert sheet["labels"] == list(range(10)) * 8


def test_fewer_samples_stand_in_columns_of_their_own(
    cli: Cli, scored: Path, tmp_path: Path
) -> None:
    with np.load(tmp_path / "s.npz") as arrays:
        np.savez(tmp_path / "few.npz", images=arrays["images"][:150])
    done = cli(
        *("evaluate", "--samples", "few.npz", "--name", "few", "--metric", "frechet-distance"),
        *("--evaluation-samples", N),
    )
    assert done.code == 0, done.err
    assert "there are 150 images, fewer than 256" in done.err
    columns = cli("compare", "experiments", "--json").json["columns"]
    named = {column["id"]: column["protocol"] for column in columns}
    assert named["frechet-distance (2)"]["n_fake"] == 150


def test_what_needs_networks_says_why_there_are_none(
    cli: Cli, scored: Path, tmp_path: Path
) -> None:
    run = taken_in(scored)
    for words in (
        ["sample", run],
        ["resume", run],
        ["animate", run],
        ["run", "dcgan", "--from", run, "--steps", "1", "--name", "x"],
    ):
        done = cli(*words)
        assert done.code == 2, (words, done.err)
        assert "samples that another program drew" in done.err, words
    assert not (scored.parent / "x").exists()
    with pytest.raises(gantool.ConfigError, match="no run, but samples"):
        open_sampler(run)  # as all do that draw


def test_points_from_a_table(cli: Cli, tmp_path: Path) -> None:
    angles = 2 * np.pi * np.arange(500) / 8
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    np.savetxt(tmp_path / "s.csv", points, delimiter=",")
    done = cli("evaluate", "--samples", "s.csv", "--data", "ring", "--name", "centers")
    assert done.code == 0, done.err
    found = scores_of(tmp_path / "experiments" / "centers")
    assert (found["modes-covered"].value, found["high-quality"].value) == (8, 1)
    with Image.open(tmp_path / "experiments" / "centers" / "samples.png") as picture:
        assert picture.width > 500


def test_wrong_usage_leaves_no_folder(cli: Cli, scored: Path, tmp_path: Path) -> None:
    taken_in(scored)
    before = set(scored.parent.iterdir())
    for words, reason in (
        (["--samples", "s.npz"], "name the runs to score"),
        ([scored, "--samples", "s.npz"], "the number of samples to draw is expected"),
        ([scored, "--name", "n"], "without a RUN"),
    ):
        done = cli("evaluate", *words)
        assert done.code == 2, (words, done.err)
        assert reason in done.err, (words, done.err)
    for options, reason in (
        ({"name": "styles"}, "exists already"),
        ({"name": "a/b"}, "cannot be a folder's name"),
        ({"metrics": ["fid"]}, "no metric 'fid'"),
        ({"data": "nowhere"}, "no data set"),
        ({"data": "ring"}, "which of them has the points is not clear"),
        ({"lr": 1.0}, "lr is no option"),
    ):
        with pytest.raises(gantool.ConfigError, match=re.escape(reason)):
            gantool.evaluate_samples(
                tmp_path / "s.npz",
                experiments_dir=scored.parent,
                progress=False,
                **{"data": "mnist5k", "name": "n", **options},
            )
    assert set(scored.parent.iterdir()) == before


def test_a_failure_while_scoring_leaves_no_folder(
    scored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gantool.evaluation.adoption.evaluate_samples", interrupted)
    with pytest.raises(KeyboardInterrupt):
        taken_in(scored)
    assert not (scored.parent / "styles").exists()


def test_from_python(scored: Path, tmp_path: Path) -> None:
    run = gantool.evaluate_samples(
        tmp_path / "s.npz",
        data="mnist5k",
        name="dcgan",  # a model's own name makes no mixture with it
        seed=3,
        metrics=["frechet-distance"],
        experiments_dir=scored.parent,
        progress=False,
        evaluation_samples=256,
    )
    assert run.path.name == "dcgan-s3"
    assert [score.metric for score in run.scores] == ["frechet-distance"]
    both = gantool.compare([scored, run]).result
    assert {variant.name for variant in both.variants} == {"dcgan", "dcgan from elsewhere"}
