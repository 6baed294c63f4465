"""End to end, through the command line in a process of its own."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from support import SMALL, Cli, picture, run_cli

from gantool.runs.files import read_json_lines
from gantool.runs.folder import RunFolder

METRICS = ["loss_d", "loss_g", "d_real", "d_fake", "d_fake_after"]


def metrics(run: Path) -> list[dict[str, Any]]:
    return [
        {k: v for k, v in line.items() if k != "seconds"}
        for line in read_json_lines(run / "metrics.jsonl")
    ]


# What a run leaves


def test_the_run_folder_is_complete(finished_run: Path) -> None:
    record = json.loads((finished_run / "run.json").read_text())
    assert record["format"] == 1
    assert record["status"] == "finished"
    assert record["steps"] == record["total_steps"] == 60
    assert record["images"] == 60 * 16
    assert record["config"]["batch_size"] == 16
    assert record["sources"]["batch_size"] == "data"
    assert record["sources"]["ngf"] == "command line"
    assert record["data"]["splits"] == {"train": 4000, "validation": 500, "test": 500}
    assert record["latent"] == {"prior": "normal", "dimension": 16}
    assert record["plugin"]["distribution"] == "gantool"
    assert record["environment"]["threads"] == 1
    assert record["d_scale"] == "probability"
    lines = list(read_json_lines(finished_run / "metrics.jsonl"))
    assert [line["step"] for line in lines] == list(range(1, 61))
    assert list(lines[0])[:9] == ["step", "epoch", "images", "seconds", *METRICS]
    assert [line["epoch"] for line in lines] == [pytest.approx(s / 250) for s in range(1, 61)]
    assert all(0 <= line[key] <= 1 for line in lines for key in METRICS[2:])
    for name in (
        "real.png",
        "losses.png",
        "samples.png",
        "progress.gif",
        "generator.safetensors",
        "events.jsonl",
    ):
        assert (finished_run / name).exists(), name


def test_sheets_are_about_ten_with_the_first_and_the_last(finished_run: Path) -> None:
    assert list(RunFolder(finished_run).sample_grids()) == list(range(0, 61, 6))
    sample_grid = json.loads((finished_run / "sheet.json").read_text())
    assert (
        sample_grid["rows"],
        sample_grid["columns"],
        len(sample_grid["latents"]),
        len(sample_grid["latents"][0]),
    ) == (8, 8, 64, 16)
    with Image.open(finished_run / "samples" / "00000060.png") as image:
        assert image.size == (8 * 30 + 2, 8 * 30 + 2)
    with Image.open(finished_run / "progress.gif") as animation:
        assert animation.n_frames == 11


def test_the_generator_file_redraws_the_last_sheet(finished_run: Path) -> None:
    import torch

    from gantool.data.prepared import ImageSplit
    from gantool.gan.shapes import Shapes
    from gantool.models.dcgan import Config
    from gantool.models.dcgan.model import DCGAN
    from gantool.sampling.generate import generate_samples
    from gantool.sampling.pictures import lay_out

    split = ImageSplit(np.zeros((2, 28, 28, 1), dtype=np.uint8), None)
    gan = DCGAN.create(
        Config(ngf=8, ndf=8, nz=16), Shapes((28, 28), 1, classes=10), train_data=split
    )
    with safe_open(finished_run / "generator.safetensors", "pt") as file:
        gan.generator.load_state_dict({key: file.get_tensor(key) for key in list(file.keys())})
        assert json.loads(file.metadata()["gantool"])["model"] == "dcgan"
    latents = torch.tensor(json.loads((finished_run / "sheet.json").read_text())["latents"])
    redrawn = lay_out(generate_samples(gan, latents, y=None), 8).astype(int)
    with Image.open(finished_run / "samples" / "00000060.png") as image:
        assert np.abs(redrawn - np.asarray(image).astype(int)).max() <= 1


def test_sheet_latents_are_the_same_for_every_seed_and_model_of_that_size(
    cli: Cli, tmp_path: Path
) -> None:
    for seed, extra in (("1", []), ("2", ["--loss", "hinge"])):
        assert (
            cli("run", "dcgan", "--steps", "1", "--seed", seed, "--name", seed, *SMALL, *extra).code
            == 0
        )
    sample_grids = [
        json.loads((tmp_path / "experiments" / s / "sheet.json").read_text())["latents"]
        for s in "12"
    ]
    assert sample_grids[0] == sample_grids[1]


def test_two_runs_are_bit_identical(cli: Cli, finished_run: Path, tmp_path: Path) -> None:
    # Sheets and checkpoints at other steps must not matter.
    outcome = cli("run", "dcgan", "--steps", "60", "--name", "again", "--sheet-every", "7", *SMALL)
    assert outcome.code == 0, outcome.err
    again = tmp_path / "experiments" / "again"
    assert metrics(again) == metrics(finished_run)
    assert (again / "generator.safetensors").read_bytes() == (
        finished_run / "generator.safetensors"
    ).read_bytes()
    last = "samples/00000060.png"
    assert (again / last).read_bytes() == (finished_run / last).read_bytes()


def test_another_seed_gives_other_figures(cli: Cli, finished_run: Path, tmp_path: Path) -> None:
    assert cli("run", "dcgan", "--steps", "2", "--seed", "1", "--name", "x", *SMALL).code == 0
    assert metrics(tmp_path / "experiments" / "x")[0] != metrics(finished_run)[0]


def test_bf16_ema_and_a_folder_of_classes(cli: Cli, picture_folder: Path, tmp_path: Path) -> None:
    outcome = cli(
        *(
            "run",
            "dcgan",
            "--data",
            picture_folder,
            "--image-size",
            "16",
            "--epochs",
            "1",
            "--precision",
            "bf16",
        ),
        *("--ema", "0.9", "--json", *SMALL),
    )
    assert outcome.code == 0, outcome.err
    record = outcome.json
    assert record["data"]["classes"] == ["cats", "dogs"]
    assert record["data"]["image_size"] == 16
    assert record["config"]["data"] == str(picture_folder.resolve())
    assert record["name"].startswith(f"dcgan-{picture_folder.name}-s999-")
    assert Path(tmp_path / record["path"]).is_dir()


def test_mixed_kinds_of_pictures_at_64(cli: Cli, tmp_path: Path) -> None:
    modes = ["RGB", "L", "CMYK", "RGBA"]
    for i in range(40):
        kind = {"RGB": "jpg", "L": "png", "CMYK": "jpg", "RGBA": "webp"}[modes[i % 4]]
        picture(
            tmp_path / "art" / f"{i}.{kind}", size=(40 + 3 * i, 90 - i), mode=modes[i % 4], seed=i
        )
    outcome = cli("run", "dcgan", "--data", "art", "--steps", "2", "--json", *SMALL)
    assert outcome.code == 0, outcome.err
    assert (outcome.json["data"]["image_size"], outcome.json["data"]["channels"]) == (64, 3)


def test_several_seeds_are_runs_of_their_own(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("run", "dcgan", "--steps", "1", "--seeds", "3,4", "--name", "x", "--json", *SMALL)
    assert outcome.code == 0, outcome.err
    assert [run["name"] for run in outcome.json] == ["x-s3", "x-s4"]
    assert [run["config"]["seed"] for run in outcome.json] == [3, 4]


def test_json_is_one_document_whatever_happens(cli: Cli, tmp_path: Path) -> None:
    plans = cli("run", "dcgan", "--seeds", "0,1", "--dry-run", "--json").json
    assert [plan["config"]["seed"] for plan in plans] == [0, 1]
    diverging = (
        "--lr",
        "10",
        "--optimizer",
        "sgd",
        "--loss",
        "least-squares",
        "--discriminator-norm",
        "none",
    )
    one = cli("run", "dcgan", "--steps", "60", "--json", *diverging, *SMALL)
    assert one.code == 3
    assert one.json["status"] == "diverged"
    (tmp_path / "experiments" / "x-s1").mkdir(parents=True)
    several = cli(
        "run", "dcgan", "--steps", "1", "--seeds", "0,1,2", "--name", "x", "--json", *SMALL
    )
    assert several.code == 2
    assert [run["name"] for run in several.json] == ["x-s0", "x-s2"]
    assert "seed 1: the run experiments/x-s1 exists already" in several.err


def test_a_preset_says_what_one_should_know_of_it(cli: Cli) -> None:
    outcome = cli("run", "dcgan", "--preset", "paper", "--dry-run", "--json")
    assert "its kernels were 5 x 5" in outcome.err
    assert outcome.json["config"]["ngf"] == 128
    assert outcome.json["latent"] == {
        "prior": "uniform",
        "dimension": 100,
        "low": -1.0,
        "high": 1.0,
    }


def test_a_run_json_repeats_a_run(cli: Cli, finished_run: Path, tmp_path: Path) -> None:
    outcome = cli(
        "run", "dcgan", "--config", finished_run / "run.json", "--steps", "3", "--name", "x"
    )
    assert outcome.code == 0, outcome.err
    assert metrics(tmp_path / "experiments" / "x") == metrics(finished_run)[:3]


def test_dry_run_leaves_nothing(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("run", "dcgan", "--dry-run", "--json", "--epochs", "2")
    assert outcome.code == 0, outcome.err
    assert outcome.json["total_steps"] == 500
    # 28 x 28 x 1: kernels of 16 but for the odd side 7, whose layers have kernels of 9
    generator = (
        100 * 256 * 16 + 2 * 256 + 256 * 128 * 9 + 2 * 128 + 128 * 64 * 16 + 2 * 64 + 64 * 16
    )
    discriminator = 64 * 16 + 64 * 128 * 16 + 2 * 128 + 128 * 256 * 9 + 2 * 256 + 256 * 16
    assert outcome.json["networks"] == {"generator": generator, "discriminator": discriminator}
    table = cli("run", "dcgan", "--dry-run")
    assert "batch_size" in table.out
    assert "1,250 steps" in table.out
    assert not (tmp_path / "experiments").exists()


# Streams


def test_results_go_to_stdout_and_progress_to_stderr(cli: Cli) -> None:
    outcome = cli("run", "dcgan", "--steps", "2", "--name", "x", *SMALL)
    assert "samples.png" in outcome.out
    assert "step 1/2" in outcome.err
    assert "step 1/2" not in outcome.out
    assert "\x1b" not in outcome.err + outcome.out
    quiet = cli("run", "dcgan", "--steps", "2", "--name", "y", "--json", *SMALL)
    assert quiet.json["status"] == "finished"


def test_a_terminal_gets_a_live_bar(tmp_path: Path) -> None:
    import pty

    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "gantool", "run", "dcgan", "--steps", "3", "--no-evaluate", *SMALL],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "150"},
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            chunk = os.read(controller, 4096)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    process.communicate()
    os.close(controller)
    assert process.returncode == 0
    assert b"\x1b[" in shown
    assert b"3/3" in shown


# Listing and help


def test_lists(cli: Cli) -> None:
    models = cli("list-models", "--json").json
    dcgan = next(m for m in models if m["name"] == "dcgan")
    assert dcgan["plugin"] == "gantool"
    assert dcgan["presets"] == ["fast", "paper", "tutorial"]
    assert dcgan["group"] == "GANs"
    shown = cli("list-models").out
    assert shown.index("GANs\n") < shown.index("dcgan")
    datasets = {d["name"]: d for d in cli("list-datasets", "--json").json}
    assert set(datasets) >= {"mnist5k", "mnist", "fashion-mnist", "kmnist", "cifar10", "celeba"}
    assert datasets["mnist5k"]["present"] is True
    assert datasets["celeba"]["present"] is False
    assert "mnist5k" in cli("list-datasets").out


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_shows_the_models_own_options_with_defaults(cli: Cli, flag: str) -> None:
    text = cli("run", "dcgan", flag).out
    assert "Options of dcgan" in text
    assert "--ngf" in text
    assert "[default: 64]" in text
    assert "[default: 999]" in text
    assert "dcgan" in cli("run", flag).out
    assert "list-models" in cli(flag).out


def test_version_and_completion(cli: Cli) -> None:
    from gantool import __version__

    assert cli("--version").out == f"gantool {__version__}\n"
    script = cli(
        "--show-completion", "bash", env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    )
    assert "_GANTOOL_COMPLETE" in script.out
    words = cli(
        env={
            "_GANTOOL_COMPLETE": "complete_bash",
            "COMP_WORDS": "gantool run dc",
            "COMP_CWORD": "2",
        }
    )
    assert "dcgan" in words.out


# Errors: one message that names the remedy, the right exit code, nothing half-made


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["dcgna"], ["no model 'dcgna'", "Did you mean 'dcgan'"]),
        (["dcgan", "--data", "mnist5"], ["'mnist5'", "Did you mean 'mnist5k'"]),
        (["dcgan", "--data", "./nowhere"], ["nowhere is missing", "list-datasets"]),
        (["dcgan", "--epoch", "3"], ["--epoch", "--epochs"]),
        (["dcgan", "--preset", "papr"], ["Did you mean 'paper'"]),
        (["dcgan", "--image-size", "7"], ["--image-size = '7'", "a side has 8 to 1024 pixels"]),
        (["dcgan", "--image-size", "big"], ["--image-size", "as 64, or height x width, as 48x64"]),
        (["dcgan", "--image-size", "100000"], ["--image-size", "a side has 8 to 1024 pixels"]),
        (["dcgan", "--epochs", "0"], ["--epochs"]),
        (["dcgan", "--steps", "-5"], ["--steps"]),
        (["dcgan", "--epochs", "1", "--steps", "1"], ["one of the two"]),
        (["dcgan", "--lr", "nan"], ["--lr"]),
        (["dcgan", "--batch-size", "4001"], ["4001", "4000 training images"]),
        (["dcgan", "--nz", "0"], ["--nz"]),
        (["dcgan", "--loss", "wassertein"], ["--loss", "wasserstein"]),
        (["dcgan", "--loss", "wasserstein"], ["bounded slope", "--penalty gp"]),
        (["dcgan", "--device", "cuda"], ["--device cuda", "cpu"]),
        (["dcgan", "--seeds", "1,x"], ["--seeds"]),
        (["dcgan", "--seeds", "1,1"], ["twice"]),
        (["dcgan", "--name", "../up"], ["--name"]),
        (["dcgan", "--name", ""], ["--name"]),
        (["dcgan", "--config", "none.toml"], ["none.toml"]),
    ],
)
def test_wrong_usage(cli: Cli, tmp_path: Path, arguments: list[str], said: list[str]) -> None:
    outcome = cli("run", *arguments)
    assert outcome.code == 2, outcome.err
    flat = " ".join(outcome.err.replace("│", " ").split())
    for words in said:
        assert words in flat
    assert "Traceback" not in outcome.err
    assert outcome.out == ""
    assert list(tmp_path.rglob("*")) == []


def test_a_wrong_key_in_a_file_is_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("beta = 0.5\n")
    outcome = cli("run", "dcgan", "--config", "a.toml")
    assert outcome.code == 2
    assert "'beta'" in outcome.err
    assert "Did you mean 'beta" in outcome.err
    (tmp_path / "a.toml").write_text('ngf = "wide"\n')
    outcome = cli("run", "dcgan", "--config", "a.toml")
    assert outcome.code == 2
    for words in ("--ngf", "a.toml", "channels of the generator"):
        assert words in outcome.err


def test_folders_that_cannot_serve(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no images" in cli("run", "dcgan", "--data", "./empty").err
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_bytes(b"no image")
    outcome = cli("run", "dcgan", "--data", "./bad")
    assert outcome.code == 2
    assert "a.png" in outcome.err
    (tmp_path / "file").write_text("x")
    assert "of a kind that is not read" in cli("run", "dcgan", "--data", "./file").err
    assert not (tmp_path / "experiments").exists()


def test_an_existing_name_is_refused_before_the_work(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "experiments" / "x").mkdir(parents=True)
    (tmp_path / "experiments" / "x" / "mine.txt").write_text("keep")
    outcome = cli("run", "dcgan", "--steps", "1", "--name", "x", *SMALL)
    assert outcome.code == 2
    assert "exists already" in outcome.err
    assert [p.name for p in (tmp_path / "experiments" / "x").iterdir()] == ["mine.txt"]


def test_a_place_that_cannot_hold_runs(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    outcome = cli("run", "dcgan", "--steps", "1", "--experiments-dir", "file", *SMALL)
    assert outcome.code in (1, 2)
    assert "--experiments-dir" in outcome.err
    outcome = cli("run", "dcgan", "--steps", "1", "--experiments-dir", "/proc/nowhere", *SMALL)
    assert outcome.code == 1
    assert "--experiments-dir" in outcome.err
    assert "Traceback" not in outcome.err


def limited(arguments: list[str], cwd: Path, size: int) -> subprocess.CompletedProcess[str]:
    """Run with a limit on the size of files, which answers writes as a full disk does."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return subprocess.run(
        [sys.executable, "-m", "gantool", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        preexec_fn=limit,
    )


def test_a_full_disk_before_the_first_step_leaves_nothing(
    finished_run: Path, tmp_path: Path
) -> None:
    done = limited(["run", "dcgan", "--steps", "50", "--name", "x", *SMALL], tmp_path, 10_000)
    assert done.returncode == 1
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "experiments" / "x").exists()


@pytest.mark.slow
def test_a_full_disk_later_keeps_what_was_made_and_can_be_resumed(
    finished_run: Path, tmp_path: Path
) -> None:
    arguments = ["run", "dcgan", "--steps", "60", "--name", "x", "--checkpoint-every", "20", *SMALL]
    done = limited(arguments, tmp_path, 60_000)  # the sheets fit, a checkpoint does not
    assert done.returncode == 1
    assert "gantool resume" in done.stderr
    run = tmp_path / "experiments" / "x"
    assert json.loads((run / "run.json").read_text())["status"] == "failed"
    assert run_cli("resume", run, cwd=tmp_path).code == 0
    assert metrics(run) == metrics(finished_run)


def test_tracebacks_only_with_debug(cli: Cli) -> None:
    assert "Traceback" not in cli("run", "dcgan", "--data", "./x").err
    assert "Traceback" in cli("run", "dcgan", "--data", "./x", "--debug").err


def test_a_diverged_run_is_kept_and_says_so(cli: Cli, tmp_path: Path) -> None:
    outcome = cli(
        *("run", "dcgan", "--steps", "60", "--name", "x", "--lr", "10", "--optimizer", "sgd"),
        *("--loss", "least-squares", "--discriminator-norm", "none", *SMALL),
    )
    assert outcome.code == 3, outcome.err
    run = tmp_path / "experiments" / "x"
    assert json.loads((run / "run.json").read_text())["status"] == "diverged"
    (event,) = [e for e in read_json_lines(run / "events.jsonl") if e["kind"] == "divergence"]
    last = metrics(run)[-1]
    assert event["step"] == last["step"]
    assert any(last[key] is None for key in METRICS)
    assert "gradient norm" in outcome.err
    assert "not finite" in outcome.err


# Resuming


def interrupt(
    arguments: list[str], cwd: Path, number: signal.Signals, after: int
) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "gantool", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    (where,) = [arguments[i + 1] for i, a in enumerate(arguments) if a == "--name"]
    file = cwd / "experiments" / where / "samples" / f"{after:08d}.png"
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(number)
    return process


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_resumes_to_what_it_would_have_been(
    tmp_path: Path, number: signal.Signals
) -> None:
    options = ["--steps", "300", "--checkpoint-every", "20", "--ema", "0.9", *SMALL]
    assert run_cli("run", "dcgan", "--name", "whole", *options, cwd=tmp_path).code == 0
    process = interrupt(["run", "dcgan", "--name", "cut", *options], tmp_path, number, after=60)
    _, err = process.communicate(timeout=60)
    cut, whole = (tmp_path / "experiments" / name for name in ("cut", "whole"))
    stopped_at = len(metrics(cut))
    assert 20 <= stopped_at < 300
    if number is signal.SIGINT:
        assert process.returncode == 130
        assert f"gantool resume {Path('experiments') / 'cut'}" in err
        assert json.loads((cut / "run.json").read_text())["status"] == "interrupted"
    outcome = run_cli("resume", cut, cwd=tmp_path)
    assert outcome.code == 0, outcome.err
    assert metrics(cut) == metrics(whole)
    assert (cut / "generator.safetensors").read_bytes() == (
        whole / "generator.safetensors"
    ).read_bytes()
    assert list(RunFolder(cut).sample_grids()) == list(RunFolder(whole).sample_grids())
    for step, sample_grid in RunFolder(cut).sample_grids().items():
        assert sample_grid.read_bytes() == RunFolder(whole).sample_grid(step).read_bytes()
    assert json.loads((cut / "run.json").read_text())["status"] == "finished"


@pytest.fixture
def copied_run(finished_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished_run, tmp_path / "copy"))


def test_a_finished_run_is_extended(cli: Cli, copied_run: Path, tmp_path: Path) -> None:
    outcome = cli("resume", copied_run)
    assert outcome.code == 2
    assert "60 steps already" in outcome.err
    assert cli("resume", copied_run, "--steps", "80").code == 0
    assert cli("run", "dcgan", "--steps", "80", "--name", "x", *SMALL).code == 0
    assert metrics(copied_run) == metrics(tmp_path / "experiments" / "x")


def test_a_damaged_checkpoint_is_passed_over(cli: Cli, copied_run: Path, tmp_path: Path) -> None:
    assert cli("resume", copied_run, "--steps", "80").code == 0
    newest = sorted((copied_run / "checkpoints").glob("*.pt"))[-1]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    outcome = cli("resume", copied_run, "--steps", "90")
    assert outcome.code == 0, outcome.err
    assert f"checkpoint {newest.name}: its checksum does not agree: passed over" in outcome.err
    events = list(read_json_lines(copied_run / "events.jsonl"))
    assert [e["kind"] for e in events] == ["resume", "damaged checkpoint", "resume"]
    assert [line["step"] for line in metrics(copied_run)] == list(range(1, 91))
    assert cli("run", "dcgan", "--steps", "90", "--name", "x", *SMALL).code == 0
    assert metrics(copied_run) == metrics(tmp_path / "experiments" / "x")


def test_a_checkpoint_never_runs_code(cli: Cli, copied_run: Path, tmp_path: Path) -> None:
    import hashlib
    import io

    import torch

    class Hostile:
        def __reduce__(self) -> Any:
            return (os.system, (f"touch {tmp_path / 'ran'}",))

    buffer = io.BytesIO()
    torch.save({"gan": Hostile()}, buffer)
    for path in (copied_run / "checkpoints").glob("*.pt"):
        path.write_bytes(buffer.getvalue())
        path.with_suffix(".sha256").write_text(
            hashlib.sha256(buffer.getvalue()).hexdigest() + "  x\n"
        )
    before = sorted((path, path.read_bytes()) for path in copied_run.rglob("*.jsonl"))
    outcome = cli("resume", copied_run, "--steps", "70")
    assert outcome.code == 1
    assert "every checkpoint of" in outcome.err
    assert not (tmp_path / "ran").exists()
    assert sorted((path, path.read_bytes()) for path in copied_run.rglob("*.jsonl")) == before


def test_a_checkpoint_of_other_networks_is_refused_and_nothing_is_lost(
    cli: Cli, copied_run: Path
) -> None:
    record = json.loads((copied_run / "run.json").read_text())
    record["config"]["ngf"] = 4
    (copied_run / "run.json").write_text(json.dumps(record))
    outcome = cli("resume", copied_run, "--steps", "70")
    assert outcome.code == 1
    assert "other networks or options" in outcome.err
    assert len(metrics(copied_run)) == 60


def test_a_smaller_budget_than_was_had_is_refused(cli: Cli, copied_run: Path) -> None:
    record = json.loads((copied_run / "run.json").read_text())
    (copied_run / "run.json").write_text(json.dumps({**record, "status": "interrupted"}))
    outcome = cli("resume", copied_run, "--steps", "10")
    assert outcome.code == 2
    assert "60 steps already; 10 are asked for" in outcome.err


def test_resume_refuses_changed_versions_unless_forced(cli: Cli, copied_run: Path) -> None:
    record = json.loads((copied_run / "run.json").read_text())
    record["environment"]["versions"]["torch"] = "1.0"
    (copied_run / "run.json").write_text(json.dumps(record))
    outcome = cli("resume", copied_run, "--steps", "70")
    assert outcome.code == 2
    assert "torch (1.0 then" in outcome.err
    assert "--force" in outcome.err
    assert cli("resume", copied_run, "--steps", "70", "--force").code == 0


def test_a_name_of_a_data_set_is_never_a_folder(cli: Cli, tmp_path: Path) -> None:
    for i in range(40):
        picture(tmp_path / "mnist5k" / f"{i}.png", seed=i)
    known, own = (
        cli("run", "dcgan", "--data", data, "--dry-run", "--json").json["data"]["splits"]
        for data in ("mnist5k", "./mnist5k")
    )
    assert (known["train"], sum(own.values())) == (4000, 40)


def test_two_processes_on_one_run_the_second_is_refused(tmp_path: Path) -> None:
    options = ["--steps", "5000", "--checkpoint-every", "20", *SMALL]
    process = subprocess.Popen(
        [sys.executable, "-m", "gantool", "run", "dcgan", "--name", "x", *options],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    )
    run = tmp_path / "experiments" / "x"
    try:
        deadline = time.monotonic() + 100
        while not (run / "checkpoints" / "00000020.pt").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        assert RunFolder(run).is_live()
        outcome = run_cli("resume", run, cwd=tmp_path)
        assert outcome.code == 1
        assert f"process {process.pid}" in outcome.err
    finally:
        process.kill()
        process.wait()
    assert not RunFolder(run).is_live()


def test_what_is_no_run(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("resume", tmp_path)
    assert outcome.code == 2
    assert "is not a run" in outcome.err


def test_the_loss_figure_shows_both_curves_whole_but_for_spikes(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    from gantool.report.figures import spare_spikes

    axes = Figure().subplots()
    small, large = np.linspace(0, 1, num=1000), np.linspace(3, 5, num=1000)
    large[500] = 1000.0
    spare_spikes(axes, small, large, np.full(3, np.nan))
    low, high = axes.get_ylim()
    assert low < 0.01
    assert 5 < high < 6


def test_odd_names_and_little_data(cli: Cli, tmp_path: Path) -> None:
    for i in range(12):
        picture(tmp_path / "we[red]ird\n$x" / ("a" if i % 2 else "b") / f"{i}.png", seed=i)
    outcome = cli(
        *("run", "dcgan", "--data", "we[red]ird\n$x", "--image-size", "16", "--steps", "2"),
        *("--name", "日本 $x^^ [bold]", *SMALL),
    )
    assert outcome.code == 0, outcome.err
    assert "dcgan on we[red]ird $x: 2 steps" in outcome.out
    assert "Warning" not in outcome.err
    assert (tmp_path / "experiments" / "日本 $x^^ [bold]" / "losses.png").exists()


def test_a_profile_says_where_the_time_went(tmp_path: Path, cli: Cli) -> None:
    done = cli("run", "dcgan", "--steps", "20", "--name", "a", "--profile", *SMALL)
    assert done.code == 0, done.err
    assert "aten::" in done.err
    trace = json.loads((tmp_path / "experiments" / "a" / "trace.json").read_text())
    assert any("conv" in event.get("name", "") for event in trace["traceEvents"])
    plain = cli("run", "dcgan", "--steps", "20", "--name", "b", *SMALL)
    assert plain.code == 0
    runs = [tmp_path / "experiments" / name for name in "ab"]
    assert metrics(runs[0]) == metrics(runs[1])
    assert not (runs[1] / "trace.json").exists()


@pytest.mark.slow
def test_compiled_networks_train_as_the_others_do(finished_run: Path, tmp_path: Path) -> None:
    words = ["run", "dcgan", "--steps", "3", "--name", "x", "--compile", *SMALL]
    outcome = run_cli(*words, cwd=tmp_path, timeout=400)
    assert outcome.code == 0, outcome.err
    run = tmp_path / "experiments" / "x"
    first, expected = metrics(run)[0], metrics(finished_run)[0]
    assert all(first[key] == pytest.approx(expected[key], rel=1e-4) for key in METRICS)
    assert run_cli("sample", run, cwd=tmp_path).code == 0
    assert run_cli("resume", run, "--steps", "4", cwd=tmp_path, timeout=400).code == 0


def test_packs_that_a_batch_does_not_hold_leave_no_folder(cli: Cli, tmp_path: Path) -> None:
    done = cli("run", "dcgan", "--pack", "3", "--batch-size", "16", "--steps", "2")
    assert done.code == 2
    assert "does not hold packs of 3 evenly" in done.err and "multiple of 3" in done.err
    assert not (tmp_path / "experiments").exists()
