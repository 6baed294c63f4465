"""Whole commands on an accelerator: the same bits again, also after a kill, and other devices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerator import NAME
from PIL import Image
from soak import content
from support import SMALL, Cli, run_cli

pytestmark = pytest.mark.gpu

_RUN = ("run", "dcgan", *SMALL, "--ema", "0.9", "--steps", "300", "--checkpoint-every", "20")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """A run that nobody disturbed."""
    where = tmp_path_factory.mktemp("whole")
    done = run_cli(*_RUN, "--device", NAME, "--name", "r", cwd=where)
    assert done.code == 0, done.err
    return where / "experiments" / "r"


def record_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text())
    return found


def test_the_same_command_gives_the_same_bits_and_finds_the_device(whole: Path, cli: Cli) -> None:
    assert record_of(whole)["environment"]["device"] == NAME
    wanted = "auto" if NAME == "cuda" else NAME
    done = cli(*_RUN, "--device", wanted, "--name", "again", cwd=whole.parent.parent)
    assert done.code == 0, done.err
    again = whole.parent / "again"
    assert record_of(again)["environment"]["device"] == NAME
    assert content(again) == content(whole)


def test_a_killed_run_goes_on_with_the_same_bits(whole: Path, tmp_path: Path, cli: Cli) -> None:
    words = [sys.executable, "-m", "gantool", *_RUN, "--device", NAME, "--name", "killed"]
    environment = {**os.environ, "GANTOOL_OPT_EVALUATE": "false"}
    process = subprocess.Popen(
        words, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    run = tmp_path / "experiments" / "killed"
    deadline = time.monotonic() + 60
    while not list(run.glob("checkpoints/*.pt")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert record_of(run)["status"] == "running"
    done = cli("resume", run)
    assert done.code == 0, done.err
    assert content(run) == content(whole)


def test_a_run_is_drawn_from_and_scored_on_either_device(whole: Path, cli: Cli) -> None:
    drawn, scored = [], []
    for device in ("cpu", NAME):
        picture = whole.parent / f"{device}.png"
        done = cli("sample", whole, "--seed", "3", "--device", device, "--output", picture)
        assert done.code == 0, done.err
        drawn.append(np.asarray(Image.open(picture).convert("L"), dtype=np.float64))
        words = ("--samples", "2000", "--device", device, "--json")
        done = cli("evaluate", whole, *words)
        assert done.code == 0, done.err
        scores = [json.loads(line) for line in (whole / "scores.jsonl").read_text().splitlines()]
        scored.append({score["metric"]: score["value"] for score in scores})
    # Convolutions there may round to TF32.
    assert np.abs(drawn[0] - drawn[1]).mean() < 0.5
    assert scored[0].keys() == scored[1].keys()
    for name in ("frechet-distance", "kernel-distance"):
        assert scored[1][name] == pytest.approx(scored[0][name], rel=0.02), name


def test_a_run_of_the_cpu_has_the_latents_of_one_there(
    whole: Path, cli: Cli, tmp_path: Path
) -> None:
    cli("run", "dcgan", *SMALL, "--steps", "4", "--device", "cpu", "--name", "here")
    done = cli("run", "dcgan", *SMALL, "--steps", "4", "--device", NAME, "--name", "there")
    assert done.code == 0, done.err
    here, there = (
        json.loads((tmp_path / "experiments" / name / "sheet.json").read_text())
        for name in ("here", "there")
    )
    assert here == there
    assert here["latents"] == json.loads((whole / "sheet.json").read_text())["latents"]


def test_what_the_cpu_began_is_resumed_there(cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("gantool_cgan")
    words = ("run", "cgan", "--preset", "mlp", "--name", "c", "--device", "cpu")
    assert cli(*words, "--steps", "10").code == 0
    run = tmp_path / "experiments" / "c"
    record = record_of(run)
    record["config"]["device"] = NAME  # as if it had been moved to a machine that has one
    (run / "run.json").write_text(json.dumps(record))
    done = cli("resume", run, "--steps", "20")
    assert done.code == 0, done.err
    assert record_of(run)["steps"] == 20
    assert done.err.count("equal within rounding only") == (NAME != "cpu")


def test_nccl_carries_gradients_of_a_process(cuda: torch.device, tmp_path: Path) -> None:
    """Also SyncBatchNorm, which is a BatchNorm there; several devices are the next test's."""
    script = tmp_path / "alone.py"
    script.write_text(
        "import torch, torch.distributed as dist\n"
        "from torch import nn\n"
        f"store = dist.FileStore({str(tmp_path / 'store')!r}, 1)\n"
        "dist.init_process_group('cpu:gloo,cuda:nccl', store=store, rank=0, world_size=1)\n"
        "x = torch.arange(3.0, device='cuda')\n"
        "dist.all_reduce(x)\n"
        "assert x.tolist() == [0, 1, 2]\n"
        "flag = torch.tensor(1)\n"
        "dist.all_reduce(flag, dist.ReduceOp.MAX)\n"
        "layers = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.BatchNorm2d(3)))\n"
        "layers.cuda()(torch.randn(4, 3, 2, 2, device='cuda')).sum().backward()\n"
        "dist.destroy_process_group()\n"
    )
    here = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [sys.executable, script], env=here, capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stderr


def test_two_devices_play_the_game_of_one(cuda: torch.device, tmp_path: Path) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("one CUDA device")
    common = ("run", "dcgan", *SMALL, "--steps", "5", "--no-evaluate", "--device", "cuda")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    two = [*launcher, "--nproc-per-node", "2", "-m", "gantool", *common, "--name", "two"]
    subprocess.run(two, cwd=tmp_path, check=True, timeout=100)
    assert run_cli(*common, "--name", "one", cwd=tmp_path).code == 0
    one, both = (
        json.loads((tmp_path / "experiments" / name / "metrics.jsonl").read_text().split("\n")[0])
        for name in ("one", "two")
    )
    for name in ("loss_d", "loss_g", "d_real", "d_fake"):
        assert both[name] == pytest.approx(one[name], rel=5e-3)
    assert record_of(tmp_path / "experiments" / "two")["networks"]
