"""Packs: what is in them, and that nothing in them tells of the machine that made them."""

from __future__ import annotations

import getpass
import hashlib
import json
import socket
import zipfile
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st
from made_runs import make_run

from gantool.errors import ConfigError, GantoolError
from gantool.runs.folder import RunFolder
from gantool.runs.sharing.manifest import MANIFEST, fault_of
from gantool.runs.sharing.neutral import Neutral
from gantool.runs.sharing.pack import Packed, pack
from gantool.runs.sharing.unpack import unpack

HOME = "/home/alice.miller"
SECRETS = ("/home/", "alice", "miller", "atlas-7", "My Pictures", "C:\\", "fileserver", "/srv")


def packed(run: Path, output: Path, **options: Any) -> Packed:
    return pack({run: [run]}, output, states=options.pop("states", False), **options)


def content_of(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def telling_run(path: Path, **options: Any) -> Path:
    """A run whose records tell of the machine and of its user wherever they can."""
    run = make_run(
        path,
        scores={"frechet-distance": 5.0},
        config={
            "data": f"{HOME}/My Pictures/cats",
            "data_dir": "/srv/secret/data",
            "weights": "C:\\Users\\alice.miller\\w.pth",
            "from_run": "/srv/runs/first",
        },
        events=[
            {
                "step": 50,
                "kind": "evaluation failed",
                "detector": "",
                "message": f"OSError: cannot read {HOME}/My Pictures/cats/7.png, nor "
                "file:///srv/x/y.png and \\\\fileserver\\share\\z.png (alice.miller on atlas-7).",
            }
        ],
        argv=[f"{HOME}/venv/bin/gantool", "run", "dcgan", f"--data={HOME}/My Pictures/cats"],
        sources={"lr": "/srv/options/fast.toml", "seed": "command line"},
        process={"pid": 5, "host": "atlas-7.example.org"},
        objective={"name": "x", "formula": "E[(D(x)-b)^2]/2 + a/b/c", "source": "arXiv:1/2/3"},
        **options,
    )
    (run / "notes.txt").write_text(f"in {HOME}")
    return run


def test_nothing_tells_of_the_machine_and_all_that_was_replaced_is_listed(tmp_path: Path) -> None:
    made = packed(telling_run(tmp_path / "a"), tmp_path / "a.zip")
    files = content_of(tmp_path / "a.zip")
    for name, content in files.items():
        for secret in SECRETS:
            assert secret.encode() not in content, f"{secret} in {name}"
            assert json.dumps(secret)[1:-1].encode() not in content, f"{secret} in {name}"
    record = json.loads(files["a/run.json"])
    assert record["config"]["data"] == "./cats"
    assert record["config"]["data_dir"] is None
    assert record["config"]["weights"] == "./w.pth"
    assert record["config"]["from_run"] == "./first"
    assert record["argv"] == ["./gantool", "run", "dcgan", "--data=./cats"]
    assert record["sources"] == {"lr": "./fast.toml", "seed": "command line"}
    assert record["process"] == {}
    assert record["objective"]["formula"] == "E[(D(x)-b)^2]/2 + a/b/c"
    assert record["objective"]["source"] == "arXiv:1/2/3"
    assert json.loads(files["a/events.jsonl"])["message"] == (
        "OSError: cannot read ./7.png, nor ./y.png and ./z.png (user on host)."
    )
    listed = {(change.place, change.after) for change in made.neutral.changes}
    assert listed >= {
        ("run.json: config.data", "./cats"),
        ("run.json: config.data_dir", None),
        ("run.json: process", None),
        ("run.json: argv", "./gantool"),
        ("run.json: sources.lr", "./fast.toml"),
    }
    assert any(change.place == "events.jsonl: message" for change in made.neutral.changes)
    assert made.left_out["a/notes.txt"] == "not a run's"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot read /mnt/a/b.png.", "cannot read ./b.png."),
        ("[Errno 2] No such file: '/mnt/x y/z.pt'", "[Errno 2] No such file: './z.pt'"),
        ('"/mnt/a b/c d" and "no path"', '"./c d" and "no path"'),
        ("disk full: /data", "disk full: ./data"),
        ("--weights=/w/a/b,/w/c/d;/w/e/f", "--weights=./b,./d;./f"),
        (r"at C:\Users\Bob Smith\x.png, D:/data/y", "at ./x.png, ./y"),
        ("-I/home/bob/include ~carol/z", "-I./include ./z"),
        ("scp me@Atlas:/mnt/a/b", "scp me@host:./b"),
        ("/mnt/a/x.png, /mnt/b/x.png, /mnt/a/x.png", "./x.png, ./x-2.png, ./x.png"),
        *[
            (same, same)
            for same in (
                "loss_d/loss_g = 1/2, D(x)/2/3, E[f]/(2/3)/4",
                "https://arxiv.org/abs/1406.2661",
                "s3://bucket/a/b",
                "~/x/y, a/b/c, ./a/b and ../a/b",
            )
        ],
    ],
)
def test_paths_are_found_by_their_looks_and_nothing_else_is(text: str, expected: str) -> None:
    neutral = Neutral()
    neutral.record({"process": {"host": "atlas.example.org"}}, "run.json")
    assert neutral.document({"message": text}, "events.jsonl") == {"message": expected}


def test_a_user_s_name_that_means_something_else_stays_and_is_said() -> None:
    neutral = Neutral()
    made = neutral.record(
        {
            "argv": ["/home/test/x", "for test"],
            "data": {"classes": ["test", "cat"]},
            "config": {"data": "/home/test"},
        },
        "run.json",
    )
    assert made["data"]["classes"] == ["test", "cat"]
    assert made["argv"] == ["./x", "for user"]
    assert made["config"]["data"] == "./folder"
    assert dict(neutral.kept) == {("run.json: data.classes", "test"): 1}


def test_this_machine_s_own_names_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "zoe")
    monkeypatch.setattr(socket, "gethostname", lambda: "atlas-7.lan")
    made = Neutral().document({"message": "by zoe on atlas-7, here"}, "events.jsonl")
    assert made["message"] == "by user on host, here"


def test_different_places_stay_different_and_equal_ones_equal() -> None:
    neutral = Neutral()
    places = [
        neutral.record({"config": {"data": place}}, "run.json")["config"]["data"]
        for place in ("/a/cats", "/b/cats", "/a/cats", "cats", "./cats/x", "mnist5k", "~/cats")
    ]
    assert places == ["./cats", "./cats-2", "./cats", "cats", "./cats/x", "mnist5k", "~/cats"]


@given(st.text(min_size=1, max_size=40), st.sampled_from(["argv", "message", "config", "x"]))
def test_no_home_survives_wherever_it_stands(around: str, key: str) -> None:
    text = f"{around}/home/zoe/{around}"
    made = Neutral().document({key: [text]}, "run.json")[key][0]
    assert "/home/zoe" not in made


def test_equal_runs_give_equal_bytes_and_the_manifest_knows_every_file(tmp_path: Path) -> None:
    run = telling_run(tmp_path / "a")
    packed(run, tmp_path / "1.zip")
    for file in run.rglob("*.json*"):
        file.touch()
    packed(run, tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    files = content_of(tmp_path / "1.zip")
    manifest = json.loads(files.pop(MANIFEST))
    assert manifest["format"] == 1
    assert manifest["files"] == {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }


def test_what_is_not_the_run_s_stays_behind(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a")
    folder = RunFolder(run)
    for name in ("run.json~", "#run.json#", ".run.json.swp", ".lock", "report.html", "trace.json"):
        (run / name).write_text("x")
    (run / "link.png").symlink_to("real.png")
    (run / "samples" / "00000051.png").symlink_to("00000050.png")
    folder.state(100).write_bytes(b"state")
    folder.state(100).with_suffix(".sha256").write_text("sum")
    folder.generators_folder.mkdir()
    folder.generator(50).write_bytes(b"weights")
    made = packed(run, tmp_path / "a.zip")
    names = content_of(tmp_path / "a.zip").keys()
    assert set(made.left_out) == {
        *(f"a/{name}" for name in ("run.json~", "#run.json#", ".run.json.swp", ".lock")),
        *("a/report.html", "a/trace.json", "a/link.png", "a/samples/00000051.png"),
        *("a/checkpoints/00000100.pt", "a/checkpoints/00000100.sha256"),
    }
    assert not set(made.left_out) & names
    assert names >= {"a/run.json", "a/samples/00000050.png", "a/generators/00000050.safetensors"}
    assert made.left_out["a/samples/00000051.png"] == "a link"
    packed(run, tmp_path / "b.zip", states=True)
    assert content_of(tmp_path / "b.zip")["a/checkpoints/00000100.pt"] == b"state"


def test_a_file_that_is_there_and_a_run_that_is_being_trained_are_refused(tmp_path: Path) -> None:
    run, output = make_run(tmp_path / "a"), tmp_path / "a.zip"
    output.write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        packed(run, output)
    assert output.read_text() == "mine"
    packed(run, output, force=True)
    assert zipfile.is_zipfile(output)
    with FileLock(run / ".lock"), pytest.raises(GantoolError, match="is being trained"):
        packed(run, tmp_path / "b.zip")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a", "a.zip"]


def test_damaged_records_and_names_that_cannot_travel_are_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a")
    (run / "sheet.json").write_text('{"x": "/home/alice')
    with pytest.raises(GantoolError, match=r"sheet.json cannot be read, and may hold anything"):
        packed(run, tmp_path / "a.zip")
    with pytest.raises(ConfigError, match="cannot be packed: it has characters"):
        packed(make_run(tmp_path / "lr=1:2"), tmp_path / "a.zip")
    one, other = make_run(tmp_path / "1" / "same"), make_run(tmp_path / "2" / "SAME")
    with pytest.raises(ConfigError, match="would have one name"):
        pack({one: [one], other: [other]}, tmp_path / "a.zip", states=False)
    with pytest.raises(ConfigError, match="no run to pack"):
        pack({}, tmp_path / "a.zip", states=False)
    assert not list(tmp_path.glob("*.zip"))


def test_a_study_stays_one(tmp_path: Path) -> None:
    study = tmp_path / "study"
    runs = [make_run(study / f"dcgan-s{seed}", seed=seed) for seed in range(2)]
    about = {"study": {"data": "/srv/x"}, "runs": [{"name": run.name} for run in runs]}
    (study / "study.json").write_text(json.dumps(about))
    (study / "logs").mkdir()
    made = pack({study: runs}, tmp_path / "a.zip", states=False)
    assert made.runs == ["study/dcgan-s0", "study/dcgan-s1"]
    assert made.left_out["study/logs"] == "what runs said on this machine"
    folders = unpack(tmp_path / "a.zip", tmp_path / "out")
    assert [folder.path for folder in folders] == [tmp_path / "out" / name for name in made.runs]
    written = json.loads((tmp_path / "out" / "study" / "study.json").read_text())
    assert written == {**about, "study": {"data": "./x"}}
    (tmp_path / "alone").mkdir()
    (tmp_path / "study").rename(tmp_path / "alone" / "study")
    run = make_run(tmp_path / "alone" / "b")
    made = pack({run.parent: [run]}, tmp_path / "b.zip", states=False)
    assert made.left_out["alone/study"] == "a study; name its folder to pack it"


@given(st.text(max_size=30))
def test_a_name_that_is_taken_is_a_plain_file_below_the_folder_on_every_system(name: str) -> None:
    if fault_of(name) is None:
        parts = name.split("/")
        assert name.splitlines() == [name]
        assert all(part and part[0] != "." and part[-1] not in " ." for part in parts)
        assert not set(name) & set('\\<>:"|?*\0\n\r\t')
        assert len(parts) <= 4
