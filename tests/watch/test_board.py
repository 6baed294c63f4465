"""Runs and studies that appear, grow, are killed, go on and vanish while they are followed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from made_runs import make_run

from gantool.runs.files import write_json
from gantool.runs.folder import RunFolder
from gantool.watch.board import Board, Viewer
from gantool.watch.studies import FollowedStudy


def age(run: Path, seconds: float = 60) -> None:
    """Let a run's files be so old."""
    for path in (run, *run.iterdir()):
        at = path.stat().st_mtime - seconds
        os.utime(path, (at, at))


def hear(viewer: Viewer) -> dict[str, Any]:
    return viewer.news(at_once=True)


def by_name(news: dict[str, Any]) -> dict[str, Any]:
    return {card["name"]: card for card in news.get("cards", {}).values()}


def test_runs_are_found_where_they_are(tmp_path: Path) -> None:
    make_run(tmp_path / "experiments" / "a")
    make_run(tmp_path / "experiments" / "study" / "b")
    make_run(tmp_path / "experiments" / "x" / "y" / "too-deep")
    make_run(tmp_path / "experiments" / ".new-c")
    make_run(tmp_path / "elsewhere" / "d")
    board = Board([tmp_path / "experiments"])
    assert set(by_name(hear(Viewer(board, [])))) == {"a", "study/b"}
    board = Board([tmp_path / "experiments" / "study", tmp_path / "elsewhere" / "d"])
    board.add(tmp_path / "elsewhere")  # it has d too, which is one run all the same
    news = hear(Viewer(board, []))
    assert len(news["cards"]) == 2


def test_only_what_changed_is_heard(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a", status="running", steps=60, scores={"recall": 0.5})
    make_run(tmp_path / "b")
    board = Board([tmp_path])
    viewer = Viewer(board, [])
    first = hear(viewer)
    assert (first["studies"], first["notes"]) == ([], [])
    assert hear(viewer) == {}
    (key,) = (key for key, card in first["cards"].items() if card["name"] == "a")
    card = first["cards"][key]
    assert (card["step"], card["total"], card["status"]) == (60, 100, "running")
    assert card["left"] == pytest.approx(4.0)  # 40 steps of 0.1 seconds
    assert (card["score"]["metric"], card["score"]["value"]) == ("recall", 0.5)

    closer = Viewer(board, [key, "unknown"])
    whole = hear(closer)
    assert whole["curves"][key]["columns"]["step"] == list(range(1, 61))
    assert [score["metric"] for score in whole["details"][key]["scores"]] == ["recall"]
    with (a / "metrics.jsonl").open("a") as file:
        file.write('{"step": 61, "loss_d": 3.0, "seconds": 6.1}\n')
    (a / "events.jsonl").write_text(
        '{"step": 61, "kind": "collapse", "detector": "variety", "message": "alike"}\n'
    )
    news = hear(closer)
    assert news["cards"][key]["losses"] == {"loss_d": 3.0}
    assert news["cards"][key]["alarms"] == 1
    assert news["curves"][key]["from"] == 59  # the last point that was known, and the new one
    assert news["curves"][key]["columns"]["loss_d"][1:] == [3.0]
    assert [event["message"] for event in news["details"][key]["events"]] == ["alike"]
    assert set(hear(viewer)) == {"cards"}


def test_a_killed_run_is_stale_and_goes_on(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", status="running", steps=80)
    viewer = Viewer(Board([tmp_path]), [])
    ((key, card),) = hear(viewer)["cards"].items()
    assert card["status"] == "running"  # its files have just been written
    age(run)
    card = hear(viewer)["cards"][key]
    assert (card["status"], card["left"]) == ("stale", None)
    folder = RunFolder(run)
    with folder.locked():
        assert hear(viewer)["cards"][key]["status"] == "running"  # slow, but alive
        viewer = Viewer(viewer.board, [key])
        assert len(hear(viewer)["curves"][key]["columns"]["step"]) == 80
        folder.drop_after(40)
        news = hear(viewer)
    assert news["cards"][key]["step"] == 40
    assert news["curves"][key]["from"] == 0
    assert news["curves"][key]["columns"]["step"] == list(range(1, 41))


def test_what_is_not_there_is_waited_for(tmp_path: Path) -> None:
    place = tmp_path / "experiments"
    viewer = Viewer(Board([place]), [])
    assert hear(viewer) == {
        "studies": [],
        "notes": [f"{place} is not there: waiting for it."],
    }
    run = make_run(place / "a")
    news = hear(viewer)
    (key,) = news["cards"]
    assert news["notes"] == []
    shutil.rmtree(run)
    assert hear(viewer) == {"gone": [key]}
    make_run(place / "a", steps=50)
    assert hear(viewer)["cards"][key]["step"] == 50
    shutil.rmtree(place)
    assert set(hear(viewer)) == {"gone", "notes"}


def test_hostile_and_damaged_folders_are_named_and_cost_the_others_nothing(tmp_path: Path) -> None:
    make_run(tmp_path / "sound")
    linked = make_run(tmp_path / "linked")
    (linked / "samples" / "00000200.png").symlink_to("/etc/passwd")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "a-folder" / "run.json").mkdir(parents=True)
    torn = make_run(tmp_path / "torn")
    whole = (torn / "run.json").read_text()
    (torn / "run.json").write_text(whole[:100])
    for name, text in (
        ("metrics.jsonl", '{"step": "x", "loss_d": [1], "epoch": 1e999, "seconds": {}}\n'),
        ("events.jsonl", '{"step": null}\n'),
        ("scores.jsonl", '{"metric": 1}\n'),
    ):
        (torn / name).write_text(text)
    viewer = Viewer(Board([tmp_path]), [])
    news = hear(viewer)
    assert set(by_name(news)) == {"sound", "torn"}
    folder, link = news["notes"]
    assert "is not a run" in folder
    assert "link out of the folder" in link
    assert by_name(news)["torn"]["status"] == "unreadable"
    assert "run.json" in by_name(news)["torn"]["problem"]
    keys = list(news["cards"])
    (torn / "run.json").write_text(whole)
    news = hear(viewer)
    assert by_name(news)["torn"]["status"] == "finished"
    json.dumps(hear(Viewer(viewer.board, keys)), allow_nan=False)


def test_a_study_counts_its_runs(tmp_path: Path) -> None:
    place = tmp_path / "study"
    statuses = ("finished", "finished", "running", "diverged", "interrupted")
    for number, status in enumerate(statuses):
        make_run(place / f"r{number}", status=status)
    (place / "logs").mkdir()
    refused = place / "logs" / "r5.log"
    refused.write_text("$ gantool run x\ngantool: no room.\n$ gantool run x\ngantool: no.\n")
    begun = place / "logs" / "r6.log"  # its first attempt was refused, the second is under way
    begun.write_text("$ gantool run x\ngantool: no room.\n$ gantool run x\n")
    os.utime(begun, (1, 1))
    write_json(place / "study.json", {"runs": [{"name": f"r{n}"} for n in range(8)]})
    viewer = Viewer(Board([tmp_path]), [])
    known = {"name": "study", "total": 8, "done": 2, "running": 1, "failed": 1, "stopped": 1}
    assert hear(viewer)["studies"] == [{**known, "waiting": 3}]  # it may be about to begin
    os.utime(refused, (1, 1))
    assert hear(viewer)["studies"] == [{**known, "failed": 2, "waiting": 2}]
    for content in ("[]", '{"runs": [1]}', '{"runs"', "[" * 10_000):
        (place / "study.json").write_text(content)
        assert FollowedStudy(place, "study").look({})["total"] == 0


def test_two_hundred_runs_are_read_no_further_than_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_run(tmp_path / "r0", steps=20)
    for number in range(1, 200):
        shutil.copytree(made, tmp_path / f"r{number}", symlinks=True)
    board = Board([tmp_path])
    assert len(hear(Viewer(board, []))["cards"]) == 200
    opened: list[str] = []
    plain = Path.open

    def counted(self: Path, *how: Any, **more: Any) -> Any:
        opened.append(self.name)
        return plain(self, *how, **more)

    monkeypatch.setattr(Path, "open", counted)
    with (tmp_path / "r7" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 21}\n')
    opened.clear()
    board.look(at_once=True)
    assert opened == ["metrics.jsonl"]
