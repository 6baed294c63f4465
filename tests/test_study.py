"""Studies: the file, the budget, the engines, and what is left when something dies."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from soak import content
from support import Outcome, gantool

from gantool.errors import ConfigError
from gantool.plugins import load_registry
from gantool.study import plan
from gantool.study.best import best_of
from gantool.study.plan import Study, steps_for_images
from gantool.study.search import draw
from gantool.study.work import _flags

Cli = Callable[..., Outcome]

SMALL: dict[str, Any] = {"models": ["dcgan", "vanilla"], "seeds": [0, 1], "budget": {"steps": 5}, "scores": []}
OPTIONS = """
[options]
batch_size = 16
image_size = 16
sheet_every = 10
checkpoint_every = 5
"""


def jobs_of(**content: Any) -> list[plan.Job]:
    return plan.jobs(Study.model_validate(content), load_registry())


# The file


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
    assert {job.name for job in first}.isdisjoint(job.name for job in jobs_of(**{**SMALL, "budget": {"steps": 6}}))


def test_variants_presets_and_options_of_a_model() -> None:
    models = [{"model": "vanilla", "preset": "paper", "options": {"nz": 50}}, "dcgan"]
    found = jobs_of(**{**SMALL, "models": models, "variants": [{"batch_size": 16}, {"batch_size": 32}]})
    assert [(job.model, job.preset, job.options["batch_size"]) for job in found if job.seed == 0] == [
        *(("vanilla", "paper", 16), ("vanilla", "paper", 32)),
        *(("dcgan", None, 16), ("dcgan", None, 32)),
    ]
    assert all((job.options.get("nz") == 50) == (job.model == "vanilla") for job in found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"models": []}, "models"),
        ({"models": ["dcgn"]}, "Did you mean 'dcgan'"),
        ({"models": [{"model": "vanilla", "preset": "papr"}]}, "papr"),
        ({"budget": {}}, "one of steps, images and seconds"),
        ({"budget": {"steps": 1, "images": 5}}, "one of steps, images and seconds"),
        ({"budget": {"steps": 0}}, "budget.steps"),
        ({"seeds": [1, 1]}, "given twice"),
        ({"scores": ["beauty"]}, "there is no score 'beauty'"),
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
        jobs = plan.jobs(plan.read(tmp_path / "it.toml"), load_registry())
    except ConfigError as error:
        assert words in str(error)
        return
    pytest.fail(f"accepted: {jobs}")


def test_values_are_handed_on_as_they_were_understood() -> None:
    (job, *_) = jobs_of(**{**SMALL, "models": ["dcgan"], "options": {"nz": 64.0, "deterministic": 0}})
    assert (job.options["nz"], job.options["deterministic"]) == (64, False)
    words = _flags(job)
    assert words[words.index("--nz") + 1] == "64"
    assert "--no-deterministic" in words


def test_flags_say_the_job_again() -> None:
    (job, *_) = jobs_of(**{**SMALL, "options": {"deterministic": False, "lr": 3e-4, "checkpoint_every": "5min"}})
    words = _flags(job)
    assert "--no-deterministic" in words
    assert "--no-evaluate" in words
    assert words[words.index("--lr") + 1] == "0.0003"
    assert words[words.index("--checkpoint-every") + 1] == "5min"


def test_a_budget_of_images_counts_what_the_discriminator_sees() -> None:
    assert steps_for_images(160, 16, 1) == 10
    assert steps_for_images(161, 16, 1) == 11
    assert steps_for_images(160, 16, 5) == 2
    assert steps_for_images(1, 16, 5) == 1


# Random search


def test_draws_keep_to_their_ranges_and_to_their_seed() -> None:
    values = {"lr": [1e-5, 1e-3, "log"], "ema": [0.5, 0.9], "nz": [10, 20, "int"], "loss": ["minimax", "wasserstein"]}
    found = draw(values, 400, 7)
    assert found[:5] == draw(values, 5, 7) != draw(values, 5, 8)
    rates = np.array([setting["lr"] for setting in found])
    assert 1e-5 <= rates.min() < rates.max() <= 1e-3
    assert abs(np.log10(rates).mean() + 4) < 0.1  # log-uniform: the mean of the logarithms is in the middle
    assert {setting["nz"] for setting in found} == set(range(10, 21))
    assert {setting["loss"] for setting in found} == {"minimax", "wasserstein"}
    assert abs(np.mean([setting["ema"] for setting in found]) - 0.7) < 0.03


def test_draws_do_not_repeat_each_other() -> None:
    found = draw({"loss": ["minimax", "hinge"], "nz": [1, 3, "int"]}, 6, 0)
    assert len({(setting["loss"], setting["nz"]) for setting in found}) == 6
    assert draw({"beta1": [0, 0.9]}, 1, 0)[0]["beta1"] not in (0, 0.9)
    with pytest.raises(ConfigError, match="hardly more than 6 different"):
        draw({"loss": ["minimax", "hinge"], "nz": [1, 3, "int"]}, 7, 0)


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_the_best_of_k_is_what_all_subsets_say(better: Any) -> None:
    values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6]
    curve = best_of(values, better)
    pick = min if better == "lower" else max
    for k in range(1, len(values) + 1):
        best = sorted(pick(subset) for subset in itertools.combinations(values, k))
        assert curve.expected[k - 1] == pytest.approx(np.mean(best))
        low, high = np.quantile(best, [0.05, 0.95], method="inverted_cdf")
        if better == "lower":
            assert (curve.low[k - 1], curve.high[k - 1]) == (low, high)
        assert low <= curve.expected[k - 1] <= high


# Carried out


def write(folder: Path, *, models: str = '["dcgan", "vanilla"]', seeds: str = "[0, 1]", steps: int = 20) -> Path:
    file = folder / "it.toml"
    folder.mkdir(exist_ok=True)
    head = f"models = {models}\nseeds = {seeds}\nbudget = {{steps = {steps}}}\nscores = []\n"
    file.write_text(head + OPTIONS + "threads = 1\n")
    return file


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gantool", "study", "it.toml", *words],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def figures(folder: Path) -> dict[str, Any]:
    return {run.parent.name: content(run.parent) for run in sorted((folder / "experiments" / "it").glob("*/run.json"))}


def wait_for(condition: Callable[[], Any], seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen")


@pytest.fixture(scope="session")
def carried_out(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """Twelve short runs on the local engine, two at a time."""
    folder = tmp_path_factory.mktemp("study")
    write(folder, models='["dcgan", "vanilla", "cgan"]', seeds="[0, 1, 2, 3]", steps=60)
    done = gantool("study", "it.toml", "--jobs", "2", cwd=folder, timeout=400)
    assert done.code == 0, done.err
    return folder


def test_a_dry_run_lists_and_estimates_and_writes_nothing(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path)
    done = cli("study", "it.toml", "--dry-run")
    assert done.code == 0, done.err
    assert done.out.count("-s0") == 2
    assert "4 runs, 1 at a time: about 0:00:" in done.out
    assert not (tmp_path / "experiments").exists()


@pytest.mark.slow
def test_a_study_is_carried_out_and_compared_and_not_repeated(carried_out: Path) -> None:
    place = carried_out / "experiments" / "it"
    assert len(figures(carried_out)) == 12
    assert (place / "comparison" / "index.html").is_file()
    before = {file: file.stat().st_mtime_ns for file in place.glob("*/metrics.jsonl")}
    begin = time.monotonic()
    done = gantool("study", "it.toml", "--jobs", "2", cwd=carried_out)
    assert done.code == 0, done.err
    assert "12 of 12 runs are done" in done.out
    assert before == {file: file.stat().st_mtime_ns for file in place.glob("*/metrics.jsonl")}
    assert time.monotonic() - begin < 40


@pytest.mark.slow
def test_ray_gives_the_same_bits(carried_out: Path, tmp_path: Path) -> None:
    write(tmp_path, models='["dcgan", "vanilla", "cgan"]', seeds="[0, 1, 2, 3]", steps=60)
    done = gantool("study", "it.toml", "--engine", "ray", cwd=tmp_path, timeout=400)
    assert done.code == 0, done.err
    assert figures(tmp_path) == figures(carried_out)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
@pytest.mark.parametrize("victim", ["worker", "driver"])
def test_a_killed_worker_or_driver_loses_nothing(engine: str, victim: str, carried_out: Path, tmp_path: Path) -> None:
    write(tmp_path, models='["dcgan", "vanilla", "cgan"]', seeds="[0, 1, 2, 3]", steps=60)
    words = ["--jobs", "2"] if engine == "local" else ["--engine", "ray"]
    process = start(tmp_path, *words)
    place = tmp_path / "experiments" / "it"
    wait_for(lambda: len(list(place.glob("*/checkpoints/*.pt"))) > 4)
    if victim == "driver":
        process.kill()
        process.wait()
        done = gantool("study", "it.toml", *words, cwd=tmp_path, timeout=400)
        assert done.code == 0, done.err
    else:
        sought = "gantool run" if engine == "local" else "ray::_work"
        children = psutil.Process(process.pid).children(recursive=True)
        (found, *_) = [
            child for child in children if sought in " ".join(child.cmdline()).replace("-m gantool", "gantool")
        ]
        found.kill()
        out, err = process.communicate(timeout=400)
        assert process.returncode == 0, out + err
    assert figures(tmp_path) == figures(carried_out)


@pytest.mark.slow
def test_workers_without_the_folder_send_their_runs_back(carried_out: Path, tmp_path: Path) -> None:
    write(tmp_path, models='["dcgan", "vanilla"]', seeds="[0, 1]", steps=60)
    script = (
        "from pathlib import Path\n"
        "from gantool.plugins import load_registry\n"
        "from gantool.study import on_ray, plan, running\n"
        "from dataclasses import replace\n"
        "study = plan.read(Path('it.toml'))\n"
        "jobs = [replace(job, steps=60) for job in plan.jobs(study, load_registry())]\n"
        "place = Path('experiments/it')\n"
        "def engine(jobs, place, board):\n"
        "    return on_ray.run(jobs, place, on_ray.Cluster(None, 1, 0.0), board, share=False)\n"
        "outcomes = running.carry_out_all(jobs, study, place, engine)\n"
        "assert [outcome.status for outcome in outcomes] == ['done'] * 4, outcomes\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    place = tmp_path / "experiments" / "it"
    kept, begun, *_ = sorted(place.glob("*-s*"))
    before = (kept / "metrics.jsonl").stat().st_mtime_ns
    for path in sorted((begun / "checkpoints").iterdir())[2:]:  # as if it had been sent back when it was interrupted
        path.unlink()
    record = json.loads((begun / "run.json").read_text()) | {"status": "interrupted"}
    (begun / "run.json").write_text(json.dumps(record))
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (kept / "metrics.jsonl").stat().st_mtime_ns == before
    assert "resumed after step" in (begun / "events.jsonl").read_text()
    expected = figures(carried_out)
    found = figures(tmp_path)
    assert len(found) == 4
    assert all(found[name] == expected[name] for name in found)


@pytest.mark.slow
def test_an_interrupted_study_goes_on(carried_out: Path, tmp_path: Path) -> None:
    write(tmp_path, models='["dcgan", "vanilla"]', seeds="[0, 1]", steps=60)
    process = start(tmp_path, "--jobs", "2")
    wait_for(lambda: list((tmp_path / "experiments" / "it").glob("*/checkpoints/*.pt")))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "gantool study it.toml" in err
    done = gantool("study", "it.toml", "--jobs", "2", cwd=tmp_path, timeout=300)
    assert done.code == 0, done.err
    expected = figures(carried_out)
    assert all(found == expected[name] for name, found in figures(tmp_path).items())
    assert len(figures(tmp_path)) == 4


@pytest.mark.slow
def test_a_failed_run_does_not_stop_the_rest(tmp_path: Path) -> None:
    file = write(tmp_path, models='["dcgan"]', seeds="[0]")
    diverging = '{lr = 10, optimizer = "sgd", loss = "least-squares", discriminator_norm = "none"}'
    text = file.read_text().replace("scores = []", f"scores = []\nvariants = [{diverging}, {{lr = 1e-4}}]")
    file.write_text(text.replace("steps = 20", "steps = 100"))
    done = gantool("study", "it.toml", "--json", cwd=tmp_path, timeout=300)
    assert done.code == 1
    statuses = {run["status"]: run["reason"] for run in done.json["runs"]}
    assert set(statuses) == {"failed", "done"}
    assert "diverged" in statuses["failed"]
    assert done.json["page"] is not None
    again = gantool("study", "it.toml", "--json", cwd=tmp_path, timeout=300)
    assert again.code == 1


@pytest.mark.slow
def test_a_search_ends_with_the_best_of_its_budget(tmp_path: Path) -> None:
    (tmp_path / "it.toml").write_text(
        'models = ["vanilla"]\nbudget = {images = 320}\nscores = ["class-balance"]\n'
        'values = {lr = [1e-5, 1e-3, "log"]}\ntrials = 3\n[options]\nbatch_size = 16\nevaluation_samples = 500\n'
    )
    done = gantool("study", "it.toml", "--jobs", "2", cwd=tmp_path, timeout=300)
    assert done.code == 0, done.err
    place = tmp_path / "experiments" / "it"
    assert (place / "comparison" / "best-of-budget.png").read_bytes().startswith(b"\x89PNG")
    records = [json.loads(file.read_text()) for file in place.glob("*/run.json")]
    assert {record["images"] for record in records} == {320}
    assert len({record["config"]["lr"] for record in records}) == 3


@pytest.mark.slow
def test_a_budget_of_seconds_is_worked_out_once(tmp_path: Path) -> None:
    file = write(tmp_path, models='["vanilla"]', seeds="[0, 1]")
    file.write_text(file.read_text().replace("steps = 20", "seconds = 1.5"))
    assert gantool("study", "it.toml", cwd=tmp_path, timeout=300).code == 0
    place = tmp_path / "experiments" / "it"
    kept = (place / "study.json").read_text()
    records = [json.loads(run.read_text()) for run in place.glob("*/run.json")]
    assert len({record["steps"] for record in records}) == 1
    assert all(0.3 < record["seconds"] < 8 for record in records)
    assert gantool("study", "it.toml", cwd=tmp_path, timeout=300).code == 0
    assert (place / "study.json").read_text() == kept


def test_the_committed_studies_are_sound() -> None:
    root = Path(__file__).parent.parent / "experiments"
    for file, runs in (("baselines.toml", 15), ("smoke.toml", 4)):
        assert len(plan.jobs(plan.read(root / file), load_registry())) == runs


def test_ray_is_asked_for_by_name_where_it_is_missing(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "ray.py").write_text("raise ImportError('not here')\n")
    done = cli("study", "it.toml", "--engine", "ray", env={"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])})
    assert done.code == 2
    assert "gantool[ray]" in done.err


@pytest.mark.slow
def test_a_cluster_that_is_too_small_is_said_to_be(tmp_path: Path) -> None:
    write(tmp_path, models='["vanilla"]', seeds="[0]")
    done = gantool("study", "it.toml", "--engine", "ray", "--cpus-per-run", "4000", cwd=tmp_path)
    assert done.code == 2, done.err
    assert "--cpus-per-run" in done.err
