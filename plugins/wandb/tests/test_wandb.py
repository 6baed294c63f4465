"""What the files of Weights & Biases hold of a run that nothing was sent of."""

from __future__ import annotations

import json
import struct

import pytest
from tracked import follow, loss

pytest.importorskip("wandb", reason="Weights & Biases is not installed")
pytestmark = pytest.mark.slow  # seconds a process, which starts the library's service

_BLOCK, _HEADER = 32768, 7  # bytes
_WHOLE, _LAST = 1, 4  # kinds of pieces that end a record


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    for name in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)  # logged in, which is no consent


def records(file):
    """The records of a .wandb file, a log of LevelDB's kind."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, piece = file.read_bytes(), _HEADER, b""
    while at + _HEADER <= len(data):
        if _BLOCK - at % _BLOCK < _HEADER:
            at += _BLOCK - at % _BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + _HEADER])
        piece += data[at + _HEADER : at + _HEADER + length]
        at += _HEADER + length
        if kind in (_WHOLE, _LAST):
            yield Record.FromString(piece)
            piece = b""


def sessions(folder):
    """The records of each session of the run there."""
    return [list(records(file)) for file in sorted(folder.glob("wandb/offline-run-*/*.wandb"))]


def history(session):
    """The rows of a session: step, and value by name."""
    for record in session:
        if record.WhichOneof("record_type") == "history":
            yield (
                record.history.step.num,
                {
                    item.key or item.nested_key[0]: json.loads(item.value_json)
                    for item in record.history.item
                },
            )


def test_a_killed_run_goes_on_under_its_id_and_its_steps_only_grow(tmp_path):
    run = tmp_path / "x"
    follow("wandb", run, last=6, end="killed")
    follow("wandb", run, first=4, end="diverged")
    before, after = sessions(tmp_path)
    began = [r.run for r in (*before, *after) if r.WhichOneof("record_type") == "run"]
    assert len({each.run_id for each in began}) == 1
    assert {(each.project, each.display_name) for each in began} == {("gantool", "x")}
    config = {item.key: json.loads(item.value_json) for item in began[0].config.update}
    assert config.items() >= {"model": "dcgan", "lr": 0.0002, "from_run": None}.items()
    rows = [*history(before), *history(after)]
    steps = [step for step, _ in rows]
    assert steps == sorted(set(steps))
    # W&B holds a step back until the next one comes: a kill may cost the last.
    assert set(steps) >= {0, 1, 2, 3, 4, 5, 7, 8}
    assert all(row["loss/d"] == loss(step) for step, row in rows if step)
    assert [step for step, row in rows if "samples" in row] == [0, 4, 8]
    assert rows[-1][1]["score/frechet-distance"] == 2.5
    summary = [r.summary for r in after if r.WhichOneof("record_type") == "summary"]
    said = [item.value_json for each in summary for item in each.update if item.key == "status"]
    assert said == ['"diverged"']
    assert after[-1].exit.exit_code == 1


def test_nothing_leads_out_of_the_run_folder(tmp_path):
    follow("wandb", tmp_path / "x")
    assert [file.name for file in (tmp_path / "x").iterdir()] == ["tracked.json"]
    (session,) = sessions(tmp_path)
    assert session[-1].exit.exit_code == 0
