"""The events, read back with TensorBoard's own reader."""

from __future__ import annotations

import json

import pytest
from support import run_cli
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tracked import follow, loss


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    where = tmp_path_factory.mktemp("tracked")
    small = ("--ngf", "4", "--ndf", "4", "--sheet-every", "2", "--no-evaluate")
    done = run_cli(
        "run", "dcgan", "--steps", "4", "--name", "x", "--track", "tensorboard", *small, cwd=where
    )
    assert done.code == 0, done.err
    assert "disabled" not in done.err
    return where / "experiments" / "x"


def read(run):
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    return events


def test_every_figure_is_there(run):
    events = read(run)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for tag, key in (
        ("loss/d", "loss_d"),
        ("loss/g", "loss_g"),
        ("D/real", "d_real"),
        ("D/fake_after", "d_fake_after"),
    ):
        scalars = events.Scalars(tag)
        assert [s.step for s in scalars] == [1, 2, 3, 4]
        assert [s.value for s in scalars] == pytest.approx([line[key] for line in lines])


def test_sheets_are_there(run):
    images = read(run).Images("samples")
    assert [image.step for image in images] == [0, 2, 4]
    assert images[0].width == 8 * 30 + 2


@pytest.mark.slow
def test_a_killed_run_tells_no_step_twice(tmp_path):
    run = tmp_path / "x"
    follow("tensorboard", run, last=6, end="killed")
    follow("tensorboard", run, first=4, end="diverged")
    events = read(run)
    losses = [(s.step, s.value) for s in events.Scalars("loss/d")]
    assert losses == [(step, pytest.approx(loss(step))) for step in range(1, 9)]
    assert [image.step for image in events.Images("samples")] == [0, 4, 8]
    assert [(s.step, s.value) for s in events.Scalars("score/frechet-distance")] == [(8, 2.5)]
    (status,) = events.Tensors("status/text_summary")
    assert status.tensor_proto.string_val == [b"diverged"]


def test_a_resumed_run_is_followed_on(run):
    done = run_cli("resume", str(run), "--steps", "6", cwd=run.parent)
    assert done.code == 0, done.err
    assert [s.step for s in read(run).Scalars("loss/d")] == [1, 2, 3, 4, 5, 6]


def test_the_command_refuses_what_is_no_folder(tmp_path):
    done = run_cli("tensorboard", "nowhere", cwd=tmp_path)
    assert done.code == 2
    assert "nowhere is not a folder" in done.err
