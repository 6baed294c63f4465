"""`gantool compare` and `gantool report` through the command line."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_runs import make_run
from PIL import Image
from support import SMALL, Cli


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two variants of three seeds beside what else lies in an experiments folder."""
    where = tmp_path / "experiments"
    for model, base in (("dcgan", 5.0), ("cgan", 9.0)):
        for seed in range(3):
            make_run(
                where / f"{model}-{seed}",
                model=model,
                seed=seed,
                scores={"frechet-distance": base + seed / 10, "recall": 0.5},
                score_steps=(50, 100),
            )
    (where / "README.md").write_text("x")
    (where / "smoke.toml").write_text("x = 1")
    return where


def test_everything_is_printed_and_written(runs: Path, cli: Cli) -> None:
    done = cli("compare", *sorted(runs.iterdir()))
    assert done.code == 0, done.err
    assert "5.10 ± 0.10" in done.out
    assert "better than every other variant at n = 3" in done.out
    assert "not runs:" in done.out
    assert "smoke.toml (not a folder)" in done.out
    assert "README.md" not in done.out
    out = runs.parent / "comparison"
    assert {path.name for path in out.iterdir()} == {
        *("index.html", "comparison.json", "comparison.csv", "losses.png", "samples.png"),
        "cost.png",
    }
    document = json.loads((out / "comparison.json").read_text())
    assert [variant["name"] for variant in document["variants"]] == ["dcgan", "cgan"]
    assert len(list(csv.DictReader((out / "comparison.csv").open()))) == 6
    for name in ("losses.png", "samples.png"):
        with Image.open(out / name) as picture:
            assert picture.width > 1000
    again = cli("compare", runs)  # the folder of runs, and into the same place
    assert again.code == 0, again.err


def test_json_is_the_whole_comparison_and_nothing_else(runs: Path, cli: Cli) -> None:
    done = cli("compare", runs, "--json")
    assert done.json["sorted_by"] == "frechet-distance"
    assert done.json["pairs"][0]["contrast"]["verdict"] == "better"
    assert not (runs.parent / "comparison").exists()


def test_sort_baseline_and_tables(runs: Path, cli: Cli) -> None:
    done = cli("compare", runs, "--sort", "recall", "--baseline", "cgan", "--json")
    assert done.json["sorted_by"] == "recall"
    assert {(pair["a"], pair["b"]) for pair in done.json["pairs"]} == {("dcgan", "cgan")}
    assert cli("compare", runs, "--markdown").out.startswith(
        "| variant | n | images | frechet-distance ↓ |"
    )
    assert "\\toprule" in cli("compare", runs, "--latex").out
    both = cli("compare", runs, "--markdown", "--baseline", "cgan").out
    assert "One comparison is tested: the chance that it is false is at most 5%." in both
    assert "| dcgan | better | cgan | 3, 3 |" in both
    for arguments, said in (
        (["--sort", "recal"], "no score 'recal' in this comparison. Did you mean 'recall'?"),
        (["--baseline", "dcgam"], "no variant 'dcgam' in this comparison. Did you mean 'dcgan'?"),
        (["--json", "--latex"], "one of"),
        (["--output", runs / "dcgan-0"], "is a run"),
    ):
        done = cli("compare", runs, *arguments)
        assert done.code in (1, 2)
        assert said in done.err


def test_no_run_at_all(tmp_path: Path, cli: Cli) -> None:
    done = cli("compare", tmp_path)
    assert done.code == 2
    assert "there is no run" in done.err
    assert "A run is a folder that `gantool run` made" in done.err


def test_damaged_runs_are_shown_or_flagged(runs: Path, cli: Cli) -> None:
    shutil.rmtree(runs / "dcgan-0" / "samples")
    (runs / "dcgan-1" / "real.png").write_bytes(b"no picture")
    next((runs / "dcgan-2" / "samples").iterdir()).write_bytes(b"\x89PNG\r\n\x1a\n torn")
    (runs / "cgan-0" / "metrics.jsonl").unlink()
    (runs / "cgan-1" / "sheet.json").write_text('{"rows": 0, "columns": "x"}')
    (runs / "cgan-2" / "sheet.json").write_text("[" * 100_000)
    with (runs / "cgan-2" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 101, "loss')
    done = cli("compare", runs)
    assert done.code == 0, done.err
    assert "cgan" in done.out


def test_comparing_imports_no_torch(runs: Path) -> None:
    script = (
        "import sys\nfrom gantool.__main__ import main\n"
        f"out = {str(runs.parent / 'out')!r}\n"
        f"sys.argv = ['gantool', 'compare', {str(runs)!r}, '--output', out]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert 'torch' not in sys.modules and 'torchvision' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_run_ends_with_its_report(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    page = (finished_run / "report.html").read_text()
    assert "finished" in page
    run = tmp_path / "copy"
    shutil.copytree(finished_run, run)
    (run / "report.html").unlink()
    done = cli("report", run)
    assert done.code == 0, done.err
    assert done.out.strip() == str(run / "report.html")
    assert (run / "report.html").read_text() == page
    assert cli("report", tmp_path).code == 2


def test_several_seeds_end_with_the_command_that_compares_them(tmp_path: Path, cli: Cli) -> None:
    done = cli("run", "dcgan", "--steps", "2", "--seeds", "0,1", "--name", "my run", *SMALL)
    assert done.code == 0, done.err
    compare = "gantool compare 'experiments/my run-s0' 'experiments/my run-s1'"
    assert done.out.splitlines()[-3].split(maxsplit=2) == ["compare", "them", compare]
    assert cli("compare", "experiments/my run-s0", "experiments/my run-s1", "--json").code == 0


def test_watching_writes_the_page_anew_and_ends_with_the_runs(runs: Path, tmp_path: Path) -> None:
    """A run that a process holds is going on.

    When it ends, the page is complete and the command ends too.
    """
    running = make_run(runs / "going", seed=7, status="running", steps=40)
    lock = str(running / ".lock")
    hold = (
        f"from filelock import FileLock\nwith FileLock({lock!r}):\n"
        "    print(flush=True)\n    input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    holder = subprocess.Popen([sys.executable, "-c", hold], **pipes)
    assert holder.stdout is not None
    holder.stdout.readline()
    words = [sys.executable, "-m", "gantool", "compare", str(runs), "--watch"]
    watcher = subprocess.Popen(words, cwd=tmp_path, **pipes)
    try:
        page = tmp_path / "comparison" / "index.html"
        deadline = time.monotonic() + 60
        while not page.exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        assert '"again": 5.0' in page.read_text()
        holder.communicate("\n")
        out, _ = watcher.communicate(timeout=60)
        assert watcher.returncode == 0
        assert "the page is complete" in out
        assert '"again": null' in page.read_text()
    finally:
        for process in (holder, watcher):
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
