"""One run on several processes, as torchrun starts them: Gloo on this machine's CPU."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from probe_plugin import install_probes
from probes import PROBES
from soak import content
from support import distribution, run_cli

from gantool.machine.distributed import ALONE, World
from gantool.runs.folder import RunFolder

# A model whose images do not know of each other: no BatchNorm, no dropout.
PLAIN = """
import gantool


@gantool.hookimpl
def register_models(register):
    implementation = "plugin_plain_model:Plain"
    register(gantool.ModelSpec(name="plain", summary="a test", implementation=implementation))
"""
PLAIN_MODEL = """
from torch import nn

import gantool


class Plain(gantool.GAN):
    def build(self, shapes):
        self.generator = nn.Sequential(
            nn.Linear(self.config.nz, 64), nn.ReLU(), nn.Linear(64, shapes.values), nn.Tanh(),
            nn.Unflatten(1, shapes.sample),
        )
        self.discriminator = nn.Sequential(
            nn.Flatten(), nn.Linear(shapes.values, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1)
        )
"""
COMMON = (
    "--steps",
    "20",
    "--batch-size",
    "16",
    "--image-size",
    "16",
    "--threads",
    "1",
    "--no-evaluate",
)
CONV = ("--ngf", "4", "--ndf", "4", "--nz", "16")


@pytest.fixture
def site(tmp_path: Path) -> dict[str, str]:
    """The environment in which the plain model is installed."""
    (tmp_path / "site").mkdir()
    distribution(tmp_path / "site", "plain", PLAIN)
    (tmp_path / "site" / "plugin_plain_model.py").write_text(PLAIN_MODEL)
    return {
        "PYTHONPATH": os.pathsep.join(
            [str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
    }


def torchrun(*words: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    launcher = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "gantool",
    ]
    environment = {
        **os.environ,
        "GANTOOL_OPT_EVALUATE": "false",
        "OMP_NUM_THREADS": "1",
        **(env or {}),
    }
    return subprocess.Popen(
        [*launcher, *words],
        cwd=cwd,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def figures(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def ranks(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The two processes of a run, by rank."""
    children = [
        child
        for child in psutil.Process(process.pid).children()
        if "gantool" in " ".join(child.cmdline())
    ]
    return sorted(children, key=lambda child: int(child.environ()["RANK"]))


def wait_for_state(process: subprocess.Popen[str], run: Path, steps: int) -> None:
    deadline = time.monotonic() + 60
    while not list(run.glob(f"checkpoints/*{steps}.pt")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def long_run(cwd: Path, until: int) -> tuple[subprocess.Popen[str], Path]:
    """A run of two processes that has saved the state of a step and has many more to go.

    And its folder.
    """
    words = (
        "run",
        "dcgan",
        *COMMON,
        *CONV,
        "--steps",
        "4000",
        "--checkpoint-every",
        "100",
        "--name",
        "it",
    )
    process = torchrun(*words, cwd=cwd)
    run = cwd / "experiments" / "it"
    wait_for_state(process, run, until)
    return process, run


def test_parts_are_the_whole_and_one_process_needs_no_words() -> None:
    whole = torch.arange(12)
    assert torch.cat([World(rank, 3).part(whole) for rank in range(3)]).equal(whole)
    tensors = [torch.ones(2), torch.zeros(3)]
    ALONE.average(tensors)
    assert ALONE.part(whole).equal(whole)
    assert tensors[0].equal(torch.ones(2))
    assert (ALONE.any(True), ALONE.any(False), ALONE.gather("x")) == (True, False, ["x"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--flip",),
        ("--penalty", "r1+r2", "--penalty-weight", "1", "--ema", "0.9"),
        ("--discriminator-steps", "3", "--generator-batch", "fresh", "--loss", "relativistic"),
        ("--update", "simultaneous", "--optimizer", "sgd", "--lr", "0.05"),
    ],
)
def test_two_processes_follow_one_of_the_same_global_batch(
    options: tuple[str, ...], site: dict[str, str], tmp_path: Path
) -> None:
    words, site = ("run", "plain", *COMMON, *options, "--show"), {**site, "COLUMNS": "120"}
    one = run_cli(*words, "--name", "one", cwd=tmp_path, env=site)
    assert one.code == 0, one.err
    code, out, err = ended(torchrun(*words, "--name", "two", cwd=tmp_path, env=site))
    assert code == 0, err
    assert out.count("gantool resume experiments/two") == 1  # the first process speaks for both
    assert out.count("▀") == one.out.count("▀") > 0
    alone, together = (figures(tmp_path / "experiments" / name) for name in ("one", "two"))
    assert len(alone) == len(together) == 20
    for a, b in zip(alone, together, strict=True):
        assert a.keys() == b.keys()
        for key in a.keys() - {"seconds"}:
            assert b[key] == pytest.approx(a[key], abs=1e-5), (a["step"], key)
    record = RunFolder.open(tmp_path / "experiments" / "two").read()
    assert record.environment["processes"] == 2
    assert "batch_norm" not in record.environment
    assert record.images == RunFolder.open(tmp_path / "experiments" / "one").read().images


@pytest.mark.slow
@pytest.mark.parametrize("name", PROBES)
def test_two_processes_play_every_game(name: str, tmp_path: Path) -> None:
    """As one does, but for a game whose loss draws noise of its own (the VAE's)."""
    env = install_probes(tmp_path / "site")
    update = ("--update", "extragradient") if name == "infogan" else ()
    words = ("run", f"probe-{name}", *COMMON, "--ema", "0.9", *update)
    one = run_cli(*words, "--name", "one", cwd=tmp_path, env=env)
    assert one.code == 0, one.err
    code, _, err = ended(torchrun(*words, "--name", "two", cwd=tmp_path, env=env))
    assert code == 0, err
    alone, together = (figures(tmp_path / "experiments" / run) for run in ("one", "two"))
    assert len(alone) == len(together) == 20
    for a, b in zip(alone, together, strict=True):
        assert a.keys() == b.keys()
        for key in a.keys() - {"seconds"}:
            if name != "vae" or not isinstance(a[key], float):
                assert b[key] == pytest.approx(a[key], abs=1e-5), (a["step"], key)
            elif key.startswith("loss"):
                assert b[key] == pytest.approx(a[key], rel=0.5)


@pytest.mark.slow
def test_batch_norm_sees_each_part_and_the_record_says_so(tmp_path: Path) -> None:
    words = ("run", "dcgan", *COMMON, *CONV)
    assert run_cli(*words, "--name", "one", cwd=tmp_path).code == 0
    code, _, err = ended(torchrun(*words, "--name", "two", cwd=tmp_path))
    assert code == 0, err
    record = RunFolder.open(tmp_path / "experiments" / "two").read()
    assert record.environment["batch_norm"] == "each process's own part of the batch"
    first = [figures(tmp_path / "experiments" / name)[0]["loss_d"] for name in ("one", "two")]
    assert 1e-5 < abs(first[0] - first[1]) < 0.05  # statistics of 8 images instead of 16


@pytest.mark.slow
def test_a_dead_rank_ends_the_run_as_failed_and_one_process_goes_on(tmp_path: Path) -> None:
    process, run = long_run(tmp_path, 200)
    ranks(process)[1].kill()
    code, _, err = ended(process)
    assert code != 0
    assert "another process of the run ended" in err
    assert "gantool resume" in err
    record = RunFolder.open(run).read()
    assert record.status == "failed"
    done = run_cli("resume", run, "--steps", str(record.steps + 20), cwd=tmp_path)
    assert done.code == 0, done.err
    assert "processes (2 then, 1 now)" in done.err
    assert [line["step"] for line in figures(run)] == list(range(1, record.steps + 21))


@pytest.mark.slow
def test_two_processes_killed_and_resumed_give_the_same_bits(tmp_path: Path) -> None:
    """With dropout, whose random state is each process's own."""
    words = (
        "run",
        "vanilla",
        "--preset",
        "paper",
        *COMMON,
        "--steps",
        "600",
        "--checkpoint-every",
        "50",
    )
    code, _, err = ended(torchrun(*words, "--name", "whole", cwd=tmp_path))
    assert code == 0, err
    process = torchrun(*words, "--name", "cut", cwd=tmp_path)
    run = tmp_path / "experiments" / "cut"
    wait_for_state(process, run, 100)
    for rank in ranks(process):
        rank.kill()
    ended(process)
    assert len(figures(run)) < 600
    code, _, err = ended(torchrun("resume", str(run), cwd=tmp_path))
    assert code == 0, err
    assert content(run) == content(tmp_path / "experiments" / "whole")


@pytest.mark.slow
def test_an_interruption_of_both_saves_once_and_can_be_resumed(tmp_path: Path) -> None:
    process, run = long_run(tmp_path, 100)
    ranks(process)[1].send_signal(signal.SIGTERM)
    code, _, err = ended(process)
    assert code != 0
    assert "interrupted after step" in err
    record = RunFolder.open(run).read()
    assert record.status == "interrupted"
    assert (run / "checkpoints" / f"{record.steps:08d}.pt").exists()


@pytest.mark.slow
def test_a_batch_that_cannot_be_divided_is_refused(tmp_path: Path) -> None:
    code, _, err = ended(torchrun("run", "dcgan", *COMMON, "--batch-size", "15", cwd=tmp_path))
    assert code != 0
    assert err.count("cannot be divided among 2 processes") == 1


def test_a_process_can_end_in_its_own_words_after_another_has_died() -> None:
    script = """
import os, signal
from gantool.machine import signals
signals.ignore_termination()
os.kill(os.getpid(), signal.SIGTERM)
print("said")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "said\n")
