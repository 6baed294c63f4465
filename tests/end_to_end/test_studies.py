"""Studies carried out, on this machine and on Ray."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from soak import content
from support import Cli, run_cli

OPTIONS = """
[options]
batch_size = 16
image_size = 16
sheet_every = 10
checkpoint_every = 5
"""


def write(
    folder: Path, *, models: str = '["dcgan", "vanilla"]', seeds: str = "[0, 1]", steps: int = 20
) -> Path:
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
    return {
        run.parent.name: content(run.parent)
        for run in sorted((folder / "experiments" / "it").glob("*/run.json"))
    }


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
    done = run_cli("study", "it.toml", "--jobs", "2", cwd=folder, timeout=400)
    assert done.code == 0, done.err
    return folder


def test_a_dry_run_lists_and_estimates_and_writes_nothing(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path)
    done = cli("study", "it.toml", "--dry-run")
    assert done.code == 0, done.err
    assert done.out.count("-s0") == 2
    assert "4 runs, 1 at a time: about 0:0" in done.out
    assert not (tmp_path / "experiments").exists()


@pytest.mark.slow
def test_a_study_is_carried_out_and_compared_and_not_repeated(carried_out: Path) -> None:
    place = carried_out / "experiments" / "it"
    assert len(figures(carried_out)) == 12
    assert (place / "comparison" / "index.html").is_file()
    before = {file: file.stat().st_mtime_ns for file in place.glob("*/metrics.jsonl")}
    begin = time.monotonic()
    done = run_cli("study", "it.toml", "--jobs", "2", cwd=carried_out)
    assert done.code == 0, done.err
    assert "12 of 12 runs are done" in done.out
    assert before == {file: file.stat().st_mtime_ns for file in place.glob("*/metrics.jsonl")}
    assert time.monotonic() - begin < 40


@pytest.mark.slow
def test_ray_gives_the_same_bits(carried_out: Path, tmp_path: Path) -> None:
    write(tmp_path, models='["dcgan", "vanilla", "cgan"]', seeds="[0, 1, 2, 3]", steps=60)
    done = run_cli("study", "it.toml", "--engine", "ray", cwd=tmp_path, timeout=400)
    assert done.code == 0, done.err
    assert figures(tmp_path) == figures(carried_out)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
@pytest.mark.parametrize("victim", ["worker", "driver"])
def test_a_killed_worker_or_driver_loses_nothing(
    engine: str, victim: str, carried_out: Path, tmp_path: Path
) -> None:
    write(tmp_path, models='["dcgan", "vanilla", "cgan"]', seeds="[0, 1, 2, 3]", steps=60)
    words = ["--jobs", "2"] if engine == "local" else ["--engine", "ray"]
    process = start(tmp_path, *words)
    place = tmp_path / "experiments" / "it"
    wait_for(lambda: len(list(place.glob("*/checkpoints/*.pt"))) > 4)
    if victim == "driver":
        process.kill()
        process.wait()
        done = run_cli("study", "it.toml", *words, cwd=tmp_path, timeout=400)
        assert done.code == 0, done.err
    else:
        sought = "gantool run" if engine == "local" else "ray::_work"
        children = psutil.Process(process.pid).children(recursive=True)
        (found, *_) = [
            child
            for child in children
            if sought in " ".join(child.cmdline()).replace("-m gantool", "gantool")
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
        "from gantool.plugins.registry import load_registry\n"
        "from gantool.study import run\n"
        "from gantool.study.engines import ray\n"
        "from gantool.study.file import read\n"
        "from gantool.study.job import expand\n"
        "from dataclasses import replace\n"
        "study = read(Path('it.toml'))\n"
        "jobs = [replace(job, steps=60) for job in expand(study, load_registry())]\n"
        "place = Path('experiments/it')\n"
        "def engine(jobs, place, table):\n"
        "    cluster = ray.Cluster(None, 1, gpus=0.0)\n"
        "    return ray.run(jobs, place, cluster=cluster, table=table, share=False)\n"
        "outcomes = run.carry_out_all(jobs, study, place=place, engine=engine)\n"
        "assert [outcome.status for outcome in outcomes] == ['done'] * 4, outcomes\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    place = tmp_path / "experiments" / "it"
    kept, begun, *_ = sorted(place.glob("*-s*"))
    before = (kept / "metrics.jsonl").stat().st_mtime_ns
    # As if it had been sent back when it was interrupted.
    for path in sorted((begun / "checkpoints").iterdir())[2:]:
        path.unlink()
    record = json.loads((begun / "run.json").read_text()) | {"status": "interrupted"}
    (begun / "run.json").write_text(json.dumps(record))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
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
    done = run_cli("study", "it.toml", "--jobs", "2", cwd=tmp_path, timeout=300)
    assert done.code == 0, done.err
    expected = figures(carried_out)
    assert all(found == expected[name] for name, found in figures(tmp_path).items())
    assert len(figures(tmp_path)) == 4


@pytest.mark.slow
def test_a_failed_run_does_not_stop_the_rest(tmp_path: Path) -> None:
    file = write(tmp_path, models='["dcgan"]', seeds="[0]")
    diverging = '{lr = 10, optimizer = "sgd", loss = "least-squares", discriminator_norm = "none"}'
    text = file.read_text().replace(
        "scores = []", f"scores = []\nvariants = [{diverging}, {{lr = 1e-4}}]"
    )
    file.write_text(text.replace("steps = 20", "steps = 100"))
    done = run_cli("study", "it.toml", "--json", cwd=tmp_path, timeout=300)
    assert done.code == 1
    statuses = {run["status"]: run["reason"] for run in done.json["runs"]}
    assert set(statuses) == {"failed", "done"}
    assert "diverged" in statuses["failed"]
    page = tmp_path / done.json["page"]
    comparison = json.loads((page.parent / "comparison.json").read_text())
    assert sorted(run["status"] for run in comparison["runs"]) == ["diverged", "finished"]
    assert any("1 diverged or failed" in sentence for sentence in comparison["verdict"])
    again = run_cli("study", "it.toml", "--json", cwd=tmp_path, timeout=300)
    assert again.code == 1


@pytest.mark.slow
def test_a_search_ends_with_the_best_of_its_budget(tmp_path: Path) -> None:
    (tmp_path / "it.toml").write_text(
        'models = ["vanilla"]\nbudget = {images = 320}\nscores = ["class-balance"]\n'
        'values = {lr = [1e-5, 1e-3, "log"]}\ntrials = 3\n'
        "[options]\nbatch_size = 16\nevaluation_samples = 500\n"
    )
    done = run_cli("study", "it.toml", "--jobs", "2", cwd=tmp_path, timeout=300)
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
    assert run_cli("study", "it.toml", cwd=tmp_path, timeout=300).code == 0
    place = tmp_path / "experiments" / "it"
    kept = (place / "study.json").read_text()
    records = [json.loads(run.read_text()) for run in place.glob("*/run.json")]
    assert len({record["steps"] for record in records}) == 1
    assert all(0.3 < record["seconds"] < 8 for record in records)
    assert run_cli("study", "it.toml", cwd=tmp_path, timeout=300).code == 0
    assert (place / "study.json").read_text() == kept


def test_ray_is_asked_for_by_name_where_it_is_missing(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "ray.py").write_text("raise ImportError('not here')\n")
    done = cli(
        "study",
        "it.toml",
        "--engine",
        "ray",
        env={"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )
    assert done.code == 2
    assert "gantool[ray]" in done.err


@pytest.mark.slow
def test_a_cluster_that_is_too_small_is_said_to_be(tmp_path: Path) -> None:
    write(tmp_path, models='["vanilla"]', seeds="[0]")
    done = run_cli("study", "it.toml", "--engine", "ray", "--cpus-per-run", "4000", cwd=tmp_path)
    assert done.code == 2, done.err
    assert "--cpus-per-run" in done.err


CLUSTER = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
cluster.wait_for_nodes()
print(cluster.address, *(node.all_processes["raylet"][0].process.pid for node in nodes), flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.mark.slow
def test_a_node_that_dies_is_one_line_and_its_runs_are_named(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    write(tmp_path, models='["dcgan"]', steps=2000)
    cluster = subprocess.Popen(
        [sys.executable, "-c", CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process = None
    try:
        assert cluster.stdout is not None
        address, *raylets = cluster.stdout.readline().split()
        process = start(tmp_path, "--engine", "ray", "--address", address)
        place = tmp_path / "experiments" / "it"
        wait_for(lambda: len(list(place.glob("*/checkpoints"))) == 2, seconds=300)
        wait_for(lambda: all(map(os.listdir, place.glob("*/checkpoints"))), seconds=300)
        raylet = psutil.Process(int(raylets[0]))
        for part in (raylet, *raylet.children(recursive=True)):  # as a machine that goes down
            part.kill()
        out, err = process.communicate(timeout=400)
    finally:
        if process is not None:
            process.kill()
        cluster.communicate(timeout=100)
    assert process.returncode == 0, out + err
    lines = err.splitlines()
    assert len([line for line in lines if "of the Ray cluster died" in line]) == 1, err
    assert len([line for line in lines if " done: " in line]) == 2
    assert "raylet" not in out and "state-dump" not in out + err
    assert "resumed from their last state: dcgan-" in out
    assert "marked dead" in (place / "logs" / "ray.log").read_text()


@pytest.mark.slow
def test_rays_own_node_that_dies_ends_the_study_which_can_go_on(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    write(tmp_path, models='["dcgan"]', steps=2000)
    process = start(tmp_path, "--engine", "ray")
    place = tmp_path / "experiments" / "it"
    wait_for(lambda: list(place.glob("*/checkpoints/*.pt")), seconds=300)
    children = psutil.Process(process.pid).children(recursive=True)
    (raylet,) = [child for child in children if child.name() == "raylet"]
    raylet.kill()
    out, err = process.communicate(timeout=200)
    assert process.returncode == 130, out + err
    assert err.splitlines()[-3:] == [
        "Ray's node on this machine died, and the study stops.",
        "gantool: the study was interrupted.",
        "Go on with: gantool study it.toml --engine ray",
    ]
    done = run_cli("study", "it.toml", cwd=tmp_path, timeout=400)
    assert done.code == 0, done.err
    assert "2 of 2 runs are done" in done.out


@pytest.mark.slow
def test_a_run_whose_process_is_killed_is_said_to_be_resumed(tmp_path: Path) -> None:
    write(tmp_path, models='["dcgan"]', seeds="[0]", steps=60)
    process = start(tmp_path, "--json")
    wait_for(lambda: list((tmp_path / "experiments" / "it").glob("*/checkpoints/*.pt")))
    (run,) = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "run" in child.cmdline()
    ]
    run.kill()
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, out + err
    assert [found["resumed"] for found in json.loads(out)["runs"]] == [True]
    again = run_cli("study", "it.toml", "--json", cwd=tmp_path)
    assert [found["resumed"] for found in again.json["runs"]] == [False]


@pytest.mark.slow
def test_seeds_are_added_until_two_variants_can_be_told_apart(tmp_path: Path) -> None:
    """Both are as they began here, and one learns: 2 to 4 seeds, and a verdict with its looks."""
    (tmp_path / "it.toml").write_text(
        'models = ["vanilla"]\ndata = ["ring"]\nseeds = [0, 1]\nbudget = {steps = 1000}\n'
        'scores = ["sliced-wasserstein"]\n'
        "options = {batch_size = 128, ema = 0.98, threads = 1, evaluation_samples = 200}\n"
        "grid = {lr = [1e-9, 2e-9, 1e-3]}\n"
    )
    words = ("--until-distinguishable", "vanilla lr=1e-09", "vanilla lr=2e-09", "--most", "4")
    done = run_cli("study", "it.toml", *words, "--jobs", "2", cwd=tmp_path, timeout=400)
    assert done.code == 0, done.err
    assert "cannot tell yet: vanilla lr=1e-09 and vanilla lr=2e-09 differ" in done.out
    assert "corrected for looks at 2, 3, 4 seeds, of which this was number 3" in done.out
    assert "10 of 10 runs are done" in done.out  # 4, 4, and 2 of the third variant
    apart = ("--until-distinguishable", "vanilla lr=1e-09", "vanilla lr=0.001", "--most", "4")
    done = run_cli("study", "it.toml", *apart, "--jobs", "2", cwd=tmp_path, timeout=400)
    assert "holds: vanilla lr=1e-09 and vanilla lr=0.001 differ" in done.out, done.out
