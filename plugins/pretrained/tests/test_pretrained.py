"""The generators that the plugin brings, and their cards."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from gantool_pretrained import GENERATORS, RUNS
from safetensors import safe_open

import gantool
from gantool.plugins.registry import load_registry
from gantool.report.format import short
from gantool.runs.folder import RunFolder
from gantool.study.file import read
from gantool.study.job import expand

PLUGIN = Path(__file__).parents[1]
NAMES = [name for name in GENERATORS if (RUNS / name).is_dir()]
SIDES = {"mnist5k": (28, 28, 1), "fashion-mnist": (28, 28, 1), "robots": (64, 64, 3)}


def test_every_folder_is_registered_and_the_studies_are_theirs() -> None:
    assert {folder.name for folder in RUNS.iterdir()} == set(load_registry().pretrained)
    assert {file.stem for file in (PLUGIN / "studies").glob("*.toml")} >= set(NAMES)
    for name in NAMES:
        card = (RUNS / name / "README.md").read_text(encoding="utf-8")
        assert f"`gantool study plugins/pretrained/studies/{name}.toml`" in card


def test_all_weights_fit_into_twelve_megabytes() -> None:
    assert sum(file.stat().st_size for file in RUNS.glob("*/*.safetensors")) <= 12_000_000


@pytest.mark.parametrize(
    "study",
    sorted((PLUGIN / "studies").rglob("*.toml")),
    ids=lambda file: f"{file.parent.name}-{file.stem}",
)
def test_a_study_can_be_carried_out(study: Path) -> None:
    (job,) = expand(read(study), load_registry())
    assert study.stem in GENERATORS
    assert job.scores == ()


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_pictures_of_the_data_and_differ(name: str) -> None:
    run = gantool.open(f"pretrained:{name}")
    drawn = run.sampler.sample(8, seed=1)
    assert drawn.shape == (8, *SIDES[run.record.data["name"]])
    assert drawn.dtype == np.uint8
    assert len(np.unique(drawn.reshape(8, -1), axis=0)) == 8
    assert drawn.std() > 20
    weights = run.generator.state_dict().values()
    assert all(w.isfinite().all() for w in weights if w.is_floating_point())
    assert {w.dtype for w in weights if w.is_floating_point()} == {torch.float32}


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_halves_and_the_record_fits_them(name: str) -> None:
    folder = RunFolder(RUNS / name)
    record = folder.read()
    with safe_open(folder.generator_file, "pt") as file:
        about = json.loads(file.metadata()["gantool"])
        matrices = [file.get_tensor(key) for key in file.keys()]  # noqa: SIM118
    assert (about["model"], about["step"]) == (record.model, record.steps)
    assert {tensor.dtype for tensor in matrices if tensor.ndim > 1} == {torch.float16}
    # The newest grid is drawn with these weights.
    sampler = gantool.open(f"pretrained:{name}").sampler
    grid = sampler.sample_grid
    drawn = sampler.picture(grid.latents, grid.labels, columns=grid.columns)
    assert max(folder.sample_grids()) == record.steps
    kept = read_picture(folder.sample_grid(record.steps))
    assert kept.shape == drawn.shape
    assert np.abs(kept.astype(int) - drawn).max() <= 2  # rounded elsewhere


@pytest.mark.parametrize("name", NAMES)
def test_a_card_says_what_its_run_says(name: str) -> None:
    folder = RunFolder(RUNS / name)
    card = (folder.path / "README.md").read_text(encoding="utf-8")
    record = folder.read()
    assert record.name == f"pretrained-{name}"
    assert f"{record.images:,} images seen" in card
    assert GENERATORS[name].license in card
    assert GENERATORS[name].weakness in card
    assert (folder.path / re.findall(r"\]\((samples/\d+\.png)\)", card)[0]).is_file()
    listed = dict(re.findall(r"^\| ([a-z0-9-]+) [↑↓] \| (\S+) \|", card, re.M))
    scores = {score.metric: score for score in folder.scores()}
    assert "frechet-distance" in listed
    for metric, value in listed.items():
        assert value == short(scores[metric].value), metric
        assert scores[metric].step == record.steps


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_the_card(name: str) -> None:
    page = (PLUGIN.parents[1] / "docs" / "pretrained.md").read_text(encoding="utf-8")
    card = (RUNS / name / "README.md").read_text(encoding="utf-8")
    assert card.split("| | |")[1] in page


def test_nothing_tells_of_the_machine_that_made_it() -> None:
    for file in RUNS.rglob("*"):
        if file.suffix in (".json", ".jsonl", ".md"):
            text = file.read_text(encoding="utf-8")
            assert not re.search(r"(?<![\w:/.])/(home|root|tmp|work|Users|var)\b", text), file
            if file.name == "run.json":
                record = json.loads(text)
                assert record["process"] == {}
                assert record["argv"] == []
                assert record["config"]["data_dir"] is None


def read_picture(file: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))
