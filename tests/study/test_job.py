"""A study's file and the runs that it stands for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support import Cli

from gantool.errors import ConfigError
from gantool.plugins.registry import load_registry
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord
from gantool.study import file as study_file
from gantool.study import job as study_job
from gantool.study import run as study_run
from gantool.study.claims import check_claims
from gantool.study.engines import process
from gantool.study.engines.process import _flags, carry_out
from gantool.study.file import Study

SMALL: dict[str, Any] = {
    "models": ["dcgan", "vanilla"],
    "seeds": [0, 1],
    "budget": {"steps": 5},
    "scores": [],
}


def jobs_of(**content: Any) -> list[study_job.Job]:
    return study_job.expand(Study.model_validate(content), load_registry())


def test_a_study_is_the_product_of_what_it_names() -> None:
    found = jobs_of(**{**SMALL, "grid": {"lr": [1e-4, 2e-4, 3e-4]}, "options": {"threads": 1}})
    assert len(found) == 2 * 2 * 3
    assert len({job.name for job in found}) == 12
    assert len({job.variant for job in found}) == 6
    assert {job.options["lr"] for job in found} == {1e-4, 2e-4, 3e-4}
    assert all(job.options["threads"] == 1 and job.scores == () for job in found)


def test_names_follow_from_the_settings_and_nothing_else() -> None:
    first, again = jobs_of(**SMALL), jobs_of(**SMALL)
    more = jobs_of(**{**SMALL, "seeds": [0, 1, 2], "models": ["dcgan", "vanilla", "cgan"]})
    assert [job.name for job in first] == [job.name for job in again]
    assert {job.name for job in first} < {job.name for job in more}
    assert {job.name for job in first}.isdisjoint(
        job.name for job in jobs_of(**{**SMALL, "budget": {"steps": 6}})
    )


def test_variants_presets_and_options_of_a_model() -> None:
    models = [{"model": "vanilla", "preset": "paper", "options": {"nz": 50}}, "dcgan"]
    found = jobs_of(
        **{**SMALL, "models": models, "variants": [{"batch_size": 16}, {"batch_size": 32}]}
    )
    assert [
        (job.model, job.preset, job.options["batch_size"]) for job in found if job.seed == 0
    ] == [
        *(("vanilla", "paper", 16), ("vanilla", "paper", 32)),
        *(("dcgan", None, 16), ("dcgan", None, 32)),
    ]
    assert all((job.options.get("nz") == 50) == (job.model == "vanilla") for job in found)


def test_data_with_options_and_a_budget_of_their_own() -> None:
    ring = {"data": "ring", "options": {"evaluation_samples": 2500}, "budget": {"images": 90}}
    found = jobs_of(**{**SMALL, "seeds": [0], "data": ["mnist5k", ring]})
    plain = jobs_of(**{**SMALL, "seeds": [0]})
    assert [job.name for job in found if job.data == "mnist5k"] == [job.name for job in plain]
    points = [job for job in found if job.data == "ring"]
    assert len(points) == 1  # dcgan draws images
    assert all(job.budget.images == 90 and job.steps is None for job in points)
    assert all(job.options == {"evaluation_samples": 2500} for job in points)
    assert all(job.budget.steps == 5 and not job.options for job in plain)


def test_models_are_left_out_on_data_that_they_cannot_be_trained_on() -> None:
    content = {**SMALL, "seeds": [0], "models": ["ebgan", "vanilla", "cgan"]}
    study = Study.model_validate({**content, "data": ["mnist5k", "ring", "grid"]})
    jobs = study_job.expand(study, load_registry())
    assert [(job.data, job.model) for job in jobs] == [
        *(("mnist5k", "ebgan"), ("mnist5k", "vanilla"), ("mnist5k", "cgan")),
        *(("ring", "vanilla"), ("ring", "cgan")),
        *(("grid", "vanilla"), ("grid", "cgan")),
    ]
    assert study_job.left_out(study, load_registry()) == [
        "left out on ring, which is of points: ebgan",
        "left out on grid, which is of points: ebgan",
    ]
    with pytest.raises(ConfigError, match="ebgan cannot be trained on any data of the study: ring"):
        jobs_of(**{**content, "data": ["ring"]})


def test_models_that_need_labels_are_left_out_on_data_without() -> None:
    registry = load_registry()
    (bare,) = [name for name, data in registry.datasets.items() if name == "cats"]
    study = Study.model_validate({**SMALL, "models": ["dcgan", "cgan"], "data": ["mnist5k", bare]})
    assert study_job.left_out(study, registry) == [f"left out on {bare}, which has no labels: cgan"]


def test_data_have_the_scores_of_their_kind_alone() -> None:
    scores = ["frechet-distance", "high-quality", "sliced-wasserstein"]
    content = {**SMALL, "models": ["vanilla"], "data": ["mnist5k", "ring"], "scores": scores}
    jobs = study_job.expand(Study.model_validate(content), load_registry())
    assert {job.data: job.scores for job in jobs} == {
        "mnist5k": ("frechet-distance",),
        "ring": ("high-quality", "sliced-wasserstein"),
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"models": []}, "models"),
        ({"data": ["mnist5k", "mnist5k"]}, "given twice"),
        ({"data": [{"data": "ring", "budget": {}}]}, "data.0.budget: give one of steps"),
        ({"data": [{"set": "ring"}]}, "data.0.data"),
        ({"models": ["dcgn"]}, "Did you mean 'dcgan'"),
        ({"models": [{"model": "vanilla", "preset": "papr"}]}, "papr"),
        ({"budget": {}}, "one of steps, images and seconds"),
        ({"budget": {"steps": 1, "images": 5}}, "one of steps, images and seconds"),
        ({"budget": {"steps": 0}}, "budget.steps"),
        ({"seeds": [1, 1]}, "given twice"),
        ({"scores": ["beauty"]}, "there is no score 'beauty'"),
        ({"scores": ["high-quality"]}, "mnist5k is of images, and high-quality are of other data"),
        ({"options": {"learning_rate": 1}}, "not known to dcgan"),
        ({"options": {"lr": -1}}, "lr"),
        ({"options": {"steps": 7}}, "not for studies"),
        ({"grid": {"lr": []}}, "no values"),
        ({"grid": {"lr": [1e-4]}, "variants": [{}]}, "one of grid, variants and values"),
        ({"values": {"lr": [1e-4, 1e-3]}}, "values and trials"),
        ({"values": {"lr": [1e-3, 1e-4, "log"]}, "trials": 3}, "no range"),
        ({"values": {"lr": [0.0, 1e-4, "log"]}, "trials": 3}, "no range"),
        ({"variants": [{"lr": 1e-4}, {"lr": 1e-4}]}, "are the same"),
        ({"engine": "ray"}, "engine"),
    ],
)
def test_a_wrong_study_is_refused_before_anything_starts(
    change: dict[str, Any], words: str, cli: Cli, tmp_path: Path
) -> None:
    def toml(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(toml, value)) + "]"
        return json.dumps(value)

    text = "\n".join(f"{key} = {toml(value)}" for key, value in {**SMALL, **change}.items())
    (tmp_path / "it.toml").write_text(text)
    try:
        jobs = study_job.expand(study_file.read(tmp_path / "it.toml"), load_registry())
    except ConfigError as error:
        assert words in str(error)
        return
    pytest.fail(f"accepted: {jobs}")


def test_values_are_handed_on_as_they_were_understood() -> None:
    (job, *_) = jobs_of(
        **{**SMALL, "models": ["dcgan"], "options": {"nz": 64.0, "deterministic": 0}}
    )
    assert (job.options["nz"], job.options["deterministic"]) == (64, False)
    words = _flags(job)
    assert words[words.index("--nz") + 1] == "64"
    assert "--no-deterministic" in words


def test_flags_say_the_job_again() -> None:
    (job, *_) = jobs_of(
        **{**SMALL, "options": {"deterministic": False, "lr": 3e-4, "checkpoint_every": "5min"}}
    )
    words = _flags(job)
    assert "--no-deterministic" in words
    assert "--no-evaluate" in words
    assert words[words.index("--lr") + 1] == "0.0003"
    assert words[words.index("--checkpoint-every") + 1] == "5min"


def test_the_committed_studies_are_sound() -> None:
    root = Path(__file__).parents[2] / "experiments"
    registry = load_registry()
    files = sorted([*root.glob("studies/*.toml"), *root.glob("claims/*.toml")])
    assert {"baselines.toml", "games.toml", "scoreboard.toml", "packing.toml"} <= {
        file.name for file in files
    }
    for file in files:
        study = study_file.read(file)
        jobs = study_job.expand(study, registry)
        check_claims(study, jobs, registry)
        assert len(jobs) >= 4, file


@pytest.mark.parametrize(("options", "threads"), [({}, "3"), ({"threads": 2}, "2")])
def test_every_process_of_a_run_has_its_share_of_the_threads(
    options: dict[str, Any], threads: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scoring too, which has no option for it; and none has an option from the environment."""
    monkeypatch.setenv("GANTOOL_OPT_LR", "9")
    job = study_run.with_threads(jobs_of(**{**SMALL, "scores": None, "options": options}), 3)[0]
    begun: list[tuple[str, str]] = []

    class Ended:
        def __init__(self, argv: list[str], env: dict[str, str], **rest: Any) -> None:
            begun.append((argv[3], env["OMP_NUM_THREADS"]))
            assert not [key for key in env if key.startswith("GANTOOL_OPT_")]
            record = RunRecord(name=job.name, model=job.model, status="finished")
            if argv[3] == "run":
                RunFolder.create(tmp_path / job.name, record)

        def poll(self) -> int:
            return 0

    monkeypatch.setattr(process.subprocess, "Popen", Ended)
    assert carry_out(job, tmp_path).status == "done"
    assert begun == [("run", threads), ("evaluate", threads)]
