"""Commands that draw from a trained generator."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_runs import make_run
from PIL import Image
from safetensors import safe_open
from support import Cli


def read(file: Path) -> np.ndarray:
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.mark.slow
def test_samples_depend_on_seed_and_number_alone(
    finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    for name, n, seed in (("a", 300, 1), ("b", 300, 1), ("c", 300, 2), ("d", 20, 1)):
        done = cli(
            "sample",
            finished_run,
            "-n",
            n,
            "--seed",
            seed,
            "--format",
            "npz",
            "--output",
            tmp_path / f"{name}.npz",
        )
        assert done.code == 0, done.err
    a, b, c, d = (np.load(tmp_path / f"{name}.npz") for name in "abcd")
    assert a["images"].shape == (300, 28, 28, 1)
    assert a["images"].dtype == np.uint8
    assert a["latents"].shape == (300, 16)
    assert "labels" not in a.files
    assert (a["images"] == b["images"]).all()
    assert (a["images"] != c["images"]).any()
    assert (a["latents"][:20] == d["latents"]).all()


def test_samples_are_what_the_networks_give(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    """The same weights in a generator built from the tutorial's layers, in evaluation mode."""
    from gantool.gan.shapes import Shapes
    from gantool.models.dcgan.model import generator
    from gantool.sampling.generate import to_pixels

    cli("sample", finished_run, "-n", 5, "--format", "npz", "--output", tmp_path / "x.npz")
    found = np.load(tmp_path / "x.npz")
    network = generator(Shapes((28, 28), 1, classes=10), 16, ngf=8)
    with safe_open(finished_run / "generator.safetensors", "pt") as file:
        network.load_state_dict({name: file.get_tensor(name) for name in list(file.keys())})
    with torch.no_grad():
        images = to_pixels(network.eval()(torch.tensor(found["latents"])))
    assert np.abs(images.astype(int) - found["images"].astype(int)).max() <= 1


@pytest.mark.slow
def test_a_grid_single_files_and_classes(conditional_run: Path, tmp_path: Path, cli: Cli) -> None:
    done = cli("sample", conditional_run, "-n", 30, "--labels", "all")
    assert done.code == 0, done.err
    assert read(Path(done.out.strip())).shape == (3 * 30 + 2, 10 * 30 + 2, 3)
    done = cli(
        "sample",
        conditional_run,
        "-n",
        3,
        "--separate",
        "--label",
        "7",
        "--output",
        tmp_path / "single",
    )
    assert done.code == 0, done.err
    assert sorted(path.name for path in (tmp_path / "single").iterdir()) == [
        f"{i:08d}.png" for i in range(3)
    ]
    assert (
        "not empty"
        in cli("sample", conditional_run, "--separate", "--output", tmp_path / "single").err
    )
    cli(
        "sample",
        conditional_run,
        "-n",
        300,
        "--label",
        "7",
        "--format",
        "npz",
        "--output",
        tmp_path / "x.npz",
    )
    assert (np.load(tmp_path / "x.npz")["labels"] == 7).all()
    cli("sample", conditional_run, "-n", 300, "--format", "npz", "--output", tmp_path / "y.npz")
    assert set(np.load(tmp_path / "y.npz")["labels"]) == set(range(10))


@pytest.mark.slow
def test_generators_of_earlier_steps(conditional_run: Path, tmp_path: Path, cli: Cli) -> None:
    pictures = {}
    for step in ("20", "40"):
        done = cli("sample", conditional_run, "--at", step, "--output", tmp_path / f"{step}.png")
        assert done.code == 0, done.err
        pictures[step] = read(tmp_path / f"{step}.png")
    assert (pictures["20"] != pictures["40"]).any()
    done = cli("sample", conditional_run, "--at", "30")
    assert done.code == 2
    assert "no generator of step 30" in done.err
    assert "20, 40" in done.err


def test_the_sheet_is_the_runs_last_one(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    done = cli("sheet", finished_run, "--output", tmp_path / "sheet.png")
    assert done.code == 0, done.err
    numbered, sample_grid = (
        read(tmp_path / "sheet.png"),
        read(finished_run / "samples" / "00000060.png"),
    )
    side, gap, head = 84, 6, 16
    for row, column in ((0, 0), (3, 5), (7, 7)):
        top, left = gap + row * (side + head + gap) + head, gap + column * (side + gap)
        cell = numbered[top : top + side : 3, left : left + side : 3]
        assert (
            cell == sample_grid[2 + row * 30 : 30 + row * 30, 2 + column * 30 : 30 + column * 30]
        ).all()


@pytest.mark.slow
def test_interpolations(
    finished_run: Path, conditional_run: Path, tmp_path: Path, cli: Cli
) -> None:
    two = ["--from", "3", "--to", "17", "--from", "seed:5", "--to", "8", "--steps", "7"]
    done = cli("interpolate", finished_run, *two, "--output", tmp_path / "a.png")
    assert done.code == 0, done.err
    assert read(tmp_path / "a.png").shape == (2 * (84 + 22 + 6) + 6, 7 * 90 + 6, 3)
    cli("interpolate", finished_run, *two, "--mode", "lerp", "--output", tmp_path / "b.png")
    assert (read(tmp_path / "a.png") != read(tmp_path / "b.png")).any()
    done = cli(
        "interpolate",
        conditional_run,
        "--from",
        "3",
        "--to",
        "17",
        "--across-labels",
        "3,8",
        "--output",
        tmp_path / "c.png",
    )
    assert done.code == 0, done.err
    assert read(tmp_path / "c.png").shape[0] == 2 * (84 + 22 + 6) + 6
    done = cli(
        "interpolate",
        finished_run,
        "--from",
        "3",
        "--to",
        "17",
        "--gif",
        "--output",
        tmp_path / "d.gif",
    )
    assert done.code == 0, done.err
    with Image.open(tmp_path / "d.gif") as animation:
        assert animation.n_frames == 18  # ten there, eight back


@pytest.mark.slow
def test_arithmetic_pictures(finished_run: Path, conditional_run: Path, cli: Cli) -> None:
    for run in (finished_run, conditional_run):
        done = cli("arithmetic", run, "mean(1,5,9) - mean(2,3,4) + 7")
        assert done.code == 0, done.err
        assert Path(done.out.strip()).parent == run / "pictures"
        assert read(Path(done.out.strip())).shape[2] == 3


def test_animations_of_runs_in_step(tmp_path: Path, cli: Cli) -> None:
    a = make_run(tmp_path / "a", sample_grids=(0, 50, 100))
    b = make_run(tmp_path / "b", sample_grids=(25, 100))
    done = cli("animate", a, b, "--output", tmp_path / "x.gif")
    assert done.code == 0, done.err
    with Image.open(tmp_path / "x.gif") as animation:
        assert animation.n_frames == 4
        assert animation.width > 2 * 320
    assert cli("animate", make_run(tmp_path / "c", sample_grids=())).code == 2
    assert "a .gif or an .mp4" in cli("animate", a, "--output", tmp_path / "x.avi").err
    no_encoder = cli("animate", a, "--output", tmp_path / "x.mp4", env={"PATH": "/nowhere"})
    assert no_encoder.code == 1
    assert "Install ffmpeg" in no_encoder.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["interpolate", "--from", "3", "--to", "64"],
            "no cell 64: the sample grid has cells 0 to 63",
        ),
        (["interpolate", "--from", "x", "--to", "6"], "neither a cell nor a seed"),
        (["interpolate", "--from", "3"], "--to"),
        (["interpolate", "--from", "3", "--to", "4", "--to", "5"], "each way needs both ends"),
        (
            ["interpolate", "--from", "3", "--to", "4", "--from", "3", "--to", "5", "--gif"],
            "animates one way",
        ),
        (["interpolate", "--from", "3", "--to", "4", "--label", "3"], "takes no labels"),
        (["interpolate", "--from", "3", "--to", "4", "--mode", "bezier"], "bezier"),
        (["arithmetic", "mean(1, 99)"], "no cell 99"),
        (["arithmetic", "__import__('os').system('x')"], "no meaning here"),
        (["sample", "--labels", "all"], "takes no labels"),
        (["sample", "-n", "20000"], "too large to look at"),
        (["sample", "--separate", "--format", "npz"], "one of the two"),
        (["sample", "--at", "7"], "no generator of step 7"),
        (["sample", "--truncation", "0.7"], "has no truncation"),
        (["export", "--format", "pickle"], "pickle"),
        (["reconstruct"], "is a run of dcgan, which has no encoder"),
        (["sheet", "--output", "/proc/nothing/x.png"], "/proc/nothing"),
    ],
)
def test_wrong_wishes_are_answered(
    arguments: list[str], said: str, finished_run: Path, cli: Cli
) -> None:
    done = cli(arguments[0], finished_run, *arguments[1:])
    assert done.code in (1, 2)
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_wrong_classes_are_answered(conditional_run: Path, cli: Cli) -> None:
    for arguments in (
        ["sample", "--label", "ten"],
        ["interpolate", "--from", "1", "--to", "2", "--across-labels", "3,x"],
    ):
        done = cli(arguments[0], conditional_run, *arguments[1:])
        assert done.code == 2
        assert "Classes: 0, 1, 2" in done.err


def test_a_copied_run_needs_neither_its_data_nor_its_place(
    finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    run = tmp_path / "elsewhere"
    shutil.copytree(finished_run, run)
    record = json.loads((run / "run.json").read_text())
    record["config"] |= {"data": "/gone", "data_dir": "/gone", "device": "cuda"}
    record["environment"]["device"] = "cuda"
    (run / "run.json").write_text(json.dumps(record))
    assert cli("sample", run).code == 0


def test_a_run_whose_plugin_is_missing_names_what_to_install(
    conditional_run: Path, cli: Cli
) -> None:
    done = cli("sample", conditional_run, env={"GANTOOL_PLUGINS": "vanilla"})
    assert done.code == 2
    assert "pip install gantool-cgan" in done.err


def test_a_hostile_checkpoint_runs_nothing(finished_run: Path, tmp_path: Path, cli: Cli) -> None:
    import hashlib

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(tmp_path / "boom"),))

    run = tmp_path / "hostile"
    shutil.copytree(finished_run, run)
    (run / "generator.safetensors").unlink()
    for path in (run / "checkpoints").glob("*.pt"):
        torch.save({"gan": Bomb(), "steps": 60}, path)
        path.with_suffix(".sha256").write_text(
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        )
    done = cli("sample", run)
    assert done.code == 1
    assert "has no generator yet" in done.err
    done = cli("sample", run, "--at", "60")
    assert done.code == 1
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x02}q\x00.",
        (2**62).to_bytes(8, "little") + b"{}",
        (40).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[1],"data_of',
        (2).to_bytes(8, "little") + b"[]",
        (100_000).to_bytes(8, "little") + b"[" * 100_000,
    ],
)
def test_hostile_weights_are_refused(
    content: bytes, finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    run = tmp_path / "hostile"
    shutil.copytree(finished_run, run)
    (run / "generator.safetensors").write_bytes(content)
    done = cli("sample", run)
    assert done.code == 1
    assert "generator.safetensors is damaged" in done.err


@pytest.mark.slow
def test_a_run_that_is_being_extended_is_drawn_from_at_its_newest_state(
    finished_run: Path, tmp_path: Path, cli: Cli
) -> None:
    import gantool as names

    run = tmp_path / "extended"
    shutil.copytree(finished_run, run)
    done = cli("resume", run, "--steps", "70")
    assert done.code == 0, done.err
    shutil.copy(finished_run / "generator.safetensors", run)
    assert names.open(run).sampler.trained.step == 70
    shutil.rmtree(run / "checkpoints")
    assert names.open(run).sampler.trained.step == 60
