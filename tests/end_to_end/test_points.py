"""Points in the plane, through the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import Cli, distribution, picture, run_cli

from gantool import train
from gantool.errors import ConfigError
from gantool.evaluation.evaluate import draw_samples
from gantool.plugins.registry import load_registry
from gantool.report.series import read_series
from gantool.runs.folder import RunFolder
from gantool.sampling.sampler import Sampler

SHORT = ["--steps", "12", "--points", "400", "--batch-size", "32", "--threads", "1"]
SCORED = ["--evaluate", "--evaluation-samples", "300"]


@pytest.fixture(scope="session")
def ring_run(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """A short run on the ring."""
    pytest.importorskip("gantool_vanilla")
    where = tmp_path_factory.mktemp("ring")
    done = run_cli("run", "vanilla", "--data", "ring", "--name", "r", *SHORT, *SCORED, cwd=where)
    assert done.code == 0, done.err
    return where / "experiments" / "r"


def scores_of(run: Path) -> dict[str, Any]:
    return {score.metric: score for score in RunFolder(run).scores()}


def test_the_record_says_what_the_data_is(ring_run: Path) -> None:
    record = RunFolder(ring_run).read()
    assert record.status == "finished"
    assert record.data["kind"] == "points"
    assert record.data["scale"] == pytest.approx(1.05)
    assert record.data["splits"] == {"train": 400, "validation": 10_000, "test": 10_000}
    assert record.data["classes"] == list("01234567")
    assert "image_size" not in record.data
    assert record.config["points"] == 400
    assert record.config["image_size"] is None
    assert record.latent == {"prior": "normal", "dimension": 2}
    sheet = json.loads((ring_run / "sheet.json").read_text())
    assert (sheet["rows"], sheet["columns"], len(sheet["latents"])) == (16, 32, 512)


def test_it_has_the_scores_of_points_and_no_others(ring_run: Path) -> None:
    scores = scores_of(ring_run)
    assert set(scores) == {
        *("modes-covered", "modes-kl", "high-quality"),
        *("sliced-wasserstein", "log-likelihood", "equilibrium"),
    }
    for name in ("modes-covered", "sliced-wasserstein", "log-likelihood"):
        score = scores[name]
        assert None not in (score.value, score.real, score.noise), name
        assert score.protocol["kind"] == "points"
        assert score.protocol["n_fake"] == 300
    assert scores["modes-covered"].real == 8


def test_samples_come_in_the_datas_own_units(ring_run: Path) -> None:
    sampler = Sampler.open(RunFolder(ring_run), load_registry())
    model = sampler.model
    found = draw_samples(model, 40)
    assert found.points.shape == (40, 2) and found.points.dtype == np.float32
    z, y = sampler.sample_grid.latents[:7], None
    drawn = sampler.draw(z, y)
    assert drawn == pytest.approx(1.05 * model.generator(z).detach().numpy(), rel=1e-5)
    assert sampler.describe()["points"] == {"dimensions": 2, "scale": pytest.approx(1.05)}


@pytest.mark.parametrize(
    ("model", "data"),
    [("cgan", "grid"), ("wgan-gp", "spiral"), ("r3gan", "gaussian"), ("pacgan", "moons")],
)
def test_every_model_that_draws_points_does(
    cli: Cli, tmp_path: Path, model: str, data: str
) -> None:
    if model not in load_registry().models:
        pytest.skip(f"{model} is not installed")
    done = cli("run", model, "--data", data, "--name", "r", *SHORT, *SCORED)
    assert done.code == 0, done.err
    run = tmp_path / "experiments" / "r"
    scores = scores_of(run)
    assert {"high-quality", "log-likelihood", "sliced-wasserstein"} <= set(scores)
    assert ("modes-covered" in scores) == (data == "grid")
    assert ("label-fidelity" in scores) == (model == "cgan")
    if model == "cgan":
        assert scores["label-fidelity"].real == 1
        sheet = json.loads((run / "sheet.json").read_text())
        assert (sheet["rows"], sheet["columns"]) == (20, 25)
        assert np.bincount(sheet["labels"]).tolist() == [20] * 25


def test_a_run_can_go_on_and_be_scored_again(cli: Cli, ring_run: Path, tmp_path: Path) -> None:
    shutil.copytree(ring_run, tmp_path / "r")
    done = cli("resume", "r", "--steps", "16")
    assert done.code == 0, done.err
    before, after = (read_series(run / "metrics.jsonl") for run in (ring_run, tmp_path / "r"))
    assert len(after["step"]) == 16
    assert (after["loss_d"][:12] == before["loss_d"]).all()
    scored = cli("evaluate", "r", "--metric", "log-likelihood", "--samples", "100")
    assert scored.code == 0, scored.err
    assert "real points" in scored.out
    assert scores_of(tmp_path / "r")["log-likelihood"].protocol["n_fake"] == 100


def test_a_score_of_images_is_refused_by_name(cli: Cli, ring_run: Path) -> None:
    other = cli("evaluate", ring_run, "--metric", "parzen")
    assert other.code == 2
    assert "parzen is a score of images; ring is of points" in other.err
    other = cli("evaluate", ring_run, "--extractor", "digits")
    assert other.code == 2
    assert "--extractor is for images" in other.err


def test_defaults_follow_the_kind_of_data_below_everything_else(tmp_path: Path) -> None:
    registry = load_registry()
    spec = registry.model("vanilla")

    def settled(flags: dict[str, Any], **more: Any) -> dict[str, Any]:
        found = registry.resolve(spec, flags=flags, **{"environment": {}, **more})
        return found.config.model_dump()

    usual = settled({"data": "ring"})
    assert (usual["steps"], usual["epochs"], usual["lr"], usual["nz"]) == (1500, None, 1e-3, 2)
    assert (usual["evaluation_samples"], usual["threads"]) == (2500, 1)
    images = settled({})
    assert (images["steps"], images["epochs"], images["lr"]) == (None, 28, 2e-4)
    assert (images["nz"], images["evaluation_samples"]) == (100, 10_000)
    flags = settled({"data": "ring", "epochs": 2, "lr": 0.1})
    assert (flags["steps"], flags["epochs"], flags["lr"]) == (None, 2, 0.1)
    file = tmp_path / "o.toml"
    file.write_text('data = "grid"\nlr = 0.2\nnz = 5\n')
    filed = settled({}, file=file, environment={"GANTOOL_OPT_NZ": "6"})
    assert (filed["data"], filed["lr"], filed["nz"], filed["steps"]) == ("grid", 0.2, 6, 1500)
    preset = settled({"data": "ring"}, preset="pacgan")
    assert (preset["steps"], preset["epochs"], preset["batch_size"]) == (None, 400, 100)


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        ("vanilla", {"points": 500}, "--points 500: mnist5k is of images"),
        ("dcgan", {"data": "ring"}, "dcgan is a model of images; ring is of points"),
        ("vanilla", {"data": "ring", "image_size": 32}, "--image-size 32: ring is of points"),
        ("vanilla", {"data": "ring", "channels": 1}, "--channels 1: ring is of points"),
        ("vanilla", {"data": "ring", "train_images": 9}, "--train-images 9 is for images"),
        ("vanilla", {"train_images": 4001}, "--train-images 4,001: mnist5k has 4,000 images"),
        ("vanilla", {"data": "ring", "augment": "diff"}, "--augment is for images"),
        ("vanilla", {"data": "ring", "extractor": "digits"}, "--extractor is for images"),
        ("vanilla", {"data": "ring", "preset": "paper"}, "--networks paper is not for points"),
        ("vanilla", {"networks": "pacgan"}, "--networks pacgan is not for images"),
        ("cgan", {"data": "gaussian"}, "cgan needs labels, and gaussian has none"),
        ("cgan", {"data": "ring", "backbone": "dcgan"}, "--backbone dcgan is for images"),
        (
            "wgan-gp",
            {"data": "ring", "penalty": "none", "clip": 0.01, "discriminator_norm": "batch"},
            "points have no BatchNorm",
        ),
        ("wgan-gp", {"data": "rings"}, "Did you mean 'ring'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    tmp_path: Path, model: str, options: dict[str, Any], said: str
) -> None:
    if model not in load_registry().models:
        pytest.skip(f"{model} is not installed")
    where = tmp_path / "experiments"
    with pytest.raises(ConfigError, match=said):
        train(model, experiments_dir=where, progress=False, steps=2, evaluate=False, **options)
    assert not where.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["vanilla", "--data", "ring", "--points", "1"], ["--points = 1", "equal to 100"]),
        (["dcgan", "--data", "grid"], ["dcgan is a model of images; grid is of points"]),
        (["dcgan", "--data", "pictures", "--points", "500"], ["pictures is of images"]),
    ],
)
def test_a_refusal_is_one_message_and_leaves_nothing(
    cli: Cli, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    picture(tmp_path / "pictures" / "0.png")
    done = cli("run", *arguments)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.strip().splitlines()) == 2, done.err
    for word in words:
        assert word in done.err
    assert not (tmp_path / "experiments").exists()


PLUGIN = """
import gantool


@gantool.hookimpl
def register_datasets(register):
    source = "plugin_cross:cross"
    register(gantool.DatasetSpec("cross", "five", source, 120_000, classes=2, kind="points"))


@gantool.hookimpl
def register_metrics(register):
    register(
        gantool.MetricSpec(
            "spread", "mean distance", "lower", "plugin_cross:spread", kinds=("points",)
        )
    )


def cross():
    import numpy as np

    centers = np.array([[0.0, 0], [2, 0], [-2, 0], [0, 2], [0, -2]])
    labels = np.array([0, 1, 1, 1, 1])
    return gantool.Mixture(centers, std=0.1, labels=labels, classes=("inner", "outer"))


def spread(samples, evaluation):
    import numpy as np

    assert evaluation.truth.std == 0.1
    return {"spread": gantool.Measured(float(np.linalg.norm(samples.points, axis=1).mean()))}
"""


def test_help_says_which_defaults_are_other_ones_on_points(cli: Cli) -> None:
    shown = " ".join(cli("run", "vanilla", "--help").out.split())
    assert (
        "On points the defaults are --nz 2, --threads 1, --evaluation-samples 2500, --st" in shown
    )
    assert "On points" not in cli("run", "dcgan", "--help").out


def test_a_plugin_brings_points_and_a_score_of_its_own(cli: Cli, tmp_path: Path) -> None:
    distribution(tmp_path, "cross", PLUGIN)
    environment = {"PYTHONPATH": str(tmp_path)}
    arguments = ["--data", "cross", "--name", "r", *SHORT, *SCORED]
    done = cli("run", "vanilla", *arguments, env=environment)
    assert done.code == 0, done.err
    run = tmp_path / "experiments" / "r"
    assert RunFolder(run).read().data["scale"] == 2.5
    scores = scores_of(run)
    assert scores["spread"].real == pytest.approx(1.6, abs=0.1)
    assert scores["modes-covered"].real == 5


def test_lists_name_the_kinds(cli: Cli) -> None:
    datasets = {found["name"]: found for found in cli("list-datasets", "--json").json}
    assert datasets["ring"]["kind"] == "points" and datasets["ring"]["present"]
    assert datasets["mnist5k"]["kind"] == "images"
    shown = cli("list-datasets").out
    assert "0 x 0" not in shown
    models = {found["name"]: found["kinds"] for found in cli("list-models", "--json").json}
    assert models["dcgan"] == ["images"]
