"""Runs that are packed, moved, unpacked, compared and gone on with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from made_runs import make_run
from support import Cli

from gantool.runs.files import read_json_lines

_TINY = ("--image-size", "16", "--batch-size", "16", "--threads", "1", "--sheet-every", "10")


def results_of(run: Path) -> dict[str, Any]:
    """All of a run that training leaves, without the time that it took."""
    lines = [
        {key: value for key, value in line.items() if key != "seconds"}
        for line in read_json_lines(run / "metrics.jsonl")
    ]
    files = [run / "generator.safetensors", *sorted((run / "samples").iterdir())]
    return {"metrics": lines, **{file.name: file.read_bytes() for file in files}}


def test_a_packed_run_goes_on_elsewhere_as_it_would_have_where_it_was(
    cli: Cli, tmp_path: Path, picture_folder: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    shutil.copytree(picture_folder, here / "cats")
    words = ("--data", here / "cats", "--steps", "20", "--name", "a", *_TINY)
    assert cli("run", "vanilla", *words, cwd=here).code == 0
    made = cli("pack", "experiments/a", "--output", "a.zip", "--states", "--json", cwd=here)
    assert made.code == 0, made.err
    assert str(here) not in json.dumps([e["after"] for e in made.json["replaced"]])
    there.mkdir()
    shutil.move(here / "a.zip", there)
    assert cli("resume", "experiments/a", "--steps", "30", cwd=here).code == 0
    shutil.move(here / "cats", there / "moved")

    done = cli("unpack", "a.zip", cwd=there)
    assert done.code == 0, done.err
    assert "gantool report experiments/a" in done.out
    run = there / "experiments" / "a"
    assert str(here) not in (run / "run.json").read_text()
    lost = cli("resume", run, "--steps", "30", cwd=there)
    assert lost.code == 2
    assert f"gantool resume {run} --data PATH" in lost.err
    other = cli("resume", run, "--steps", "30", "--data", "mnist5k", cwd=there)
    assert other.code == 2
    assert "these changed: the data" in other.err or "configuration does not fit" in other.err
    went_on = cli("resume", run, "--steps", "30", "--data", "moved", cwd=there)
    assert went_on.code == 0, went_on.err
    assert results_of(run) == results_of(here / "experiments" / "a")
    assert json.loads((run / "run.json").read_text())["config"]["data"] == str(there / "moved")
    together = cli("compare", "experiments/a", here / "experiments" / "a", "--json", cwd=there)
    assert len(together.json["variants"]) == 1  # wherever the data lies


def test_the_table_of_unpacked_runs_is_that_of_the_runs(cli: Cli, tmp_path: Path) -> None:
    for model, base in (("dcgan", 5.0), ("cgan", 9.0)):
        for seed in range(3):
            make_run(
                tmp_path / "experiments" / f"{model}-{seed}",
                model=model,
                seed=seed,
                scores={"frechet-distance": base + seed / 10, "recall": base / 100},
                config={"data": "/srv/secret/cats", "data_dir": f"/srv/{seed}"},
                process={"pid": 1, "host": "atlas"},
            )
    assert cli("pack", "experiments", "--output", "all.zip").code == 0
    assert cli("unpack", "all.zip", "--output", "unpacked").code == 0
    tables = [cli("compare", where, "--markdown").out for where in ("experiments", "unpacked")]
    assert tables[0] == tables[1]
    assert "dcgan" in tables[0]


def test_what_was_taken_out_is_listed(cli: Cli, tmp_path: Path) -> None:
    make_run(
        tmp_path / "a",
        config={"data": "/srv/secret/cats"},
        process={"pid": 1, "host": "atlas"},
        events=[{"step": 1, "kind": "x", "message": "made by root@atlas in \x1b[2J/srv/x/y"}],
    )
    (tmp_path / "a" / ".run.json.swp").write_text("x")
    done = cli("pack", "a", "--output", "a.zip", env={"COLUMNS": "200"})
    assert done.code == 0, done.err
    for words in (
        "config.data",
        "/srv/secret/cats",
        "./cats",
        "on atlas",
        ".run.json.swp",
        "@host",
    ):
        assert words in done.out
    assert "\x1b" not in done.out
    again = cli("pack", "a", "--output", "a.zip")
    assert again.code == 2
    assert "exists already" in again.err
    assert "--force" in again.err


def test_one_message_and_nothing_left_for_a_file_made_by_hand(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK\3\4 no")
    done = cli("unpack", "x.zip")
    assert done.code == 2
    assert done.err.count("\n") == 2
    assert "x.zip is damaged, or no zip file" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]
