"""What docs/reliability.md promises: nothing is lost, nothing is let in."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from soak import VARIANTS, content, soak
from support import SMALL, Cli, run_cli

import gantool as names
from gantool.config import resolve
from gantool.display import Display
from gantool.errors import ConfigError, GantoolError
from gantool.plugins.registry import load_registry
from gantool.report.series import read_series
from gantool.runs import checkpoints
from gantool.runs.files import read_json_lines, write_bytes
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord
from gantool.training import recorder
from gantool.training import run as training_run
from gantool.training.detectors import SaturationDetector
from gantool.training.recorder import Recorder
from gantool.training.run import start
from gantool.training.setup import Request, set_up
from gantool.training.trainer import Trainer

TINY: dict[str, Any] = {"ngf": 4, "ndf": 4, "nz": 8, "image_size": 8, "batch_size": 16}
OFTEN: dict[str, Any] = {
    "steps": 8,
    "checkpoint_every": 3,
    "sheet_every": 4,
    "keep_generators_every": 4,
}


def train(where: Path, name: str = "it", **options: Any) -> Path:
    registry = load_registry()
    spec = registry.model("dcgan")
    resolved = resolve(
        spec.config,
        model="dcgan",
        flags={**TINY, **OFTEN, "evaluate": False, **options},
        environment={},
    )
    request = Request(model="dcgan", resolved=resolved, name=name, experiments_dir=where)
    return start(set_up(request, registry, Display()), Display()).path


def resume(run: Path, **budget: Any) -> Path:
    return training_run.resume(
        run,
        load_registry(),
        display=Display(),
        **{"epochs": None, "steps": None, "force": False, **budget},
    ).path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """A tiny run that nothing disturbed; tests read it."""
    return train(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


# Kills


@pytest.mark.slow
def test_runs_killed_at_random_instants_end_as_if_they_had_not_been(
    tmp_path: Path, data_dir: Path
) -> None:
    total = soak(tmp_path, kills=2 * len(VARIANTS), jobs=2, seed=1)
    assert total.faults == []
    assert total.kills >= 2 * len(VARIANTS)
    assert total.equal > 0


def test_a_run_folder_appears_with_its_record_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = RunRecord(name="it", model="dcgan", status="running")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(GantoolError, match="No space left"):
            RunFolder.create(tmp_path / "it", record)
    assert list(tmp_path.iterdir()) == []
    assert RunFolder.create(tmp_path / "it", record).read() == record
    with pytest.raises(ConfigError, match="never overwritten"):
        RunFolder.create(tmp_path / "it", record)


def test_a_spell_that_goes_on_when_a_run_does_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    always = partial(SaturationDetector, window=2, threshold=-1.0)
    monkeypatch.setattr(recorder, "SaturationDetector", always)
    run = resume(train(tmp_path), steps=12)
    kinds = [event["kind"] for event in read_json_lines(run / "events.jsonl")]
    assert kinds.count("collapse") == 1 and "resume" in kinds


def test_what_killed_writes_left_aside_goes_when_the_run_goes_on(copy: Path) -> None:
    left = [copy / ".run.json-abc_1234", copy / "samples" / ".00000004.png-abcdefgh"]
    left += [
        copy / "checkpoints" / ".00000006.pt-00000000",
        copy / "checkpoints" / "00000007.sha256",
    ]
    for file in left:
        file.write_bytes(b"half")
    (copy / ".notes").write_text("the user's own")
    resume(copy, steps=9)
    assert not any(file.exists() for file in left)
    assert (copy / ".notes").exists()


def test_a_run_killed_before_its_first_state_begins_anew(copy: Path, whole: Path, cli: Cli) -> None:
    shutil.rmtree(copy / "checkpoints")
    (copy / "checkpoints").mkdir()
    record = json.loads((copy / "run.json").read_text()) | {"status": "running", "steps": 0}
    (copy / "run.json").write_text(json.dumps(record))
    done = cli("resume", copy)
    assert done.code == 0, done.err
    assert "begins anew" in done.err
    assert content(copy) == content(whole)


def test_a_run_killed_while_its_page_is_written_is_not_finished(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException):
        pass

    def kill(*_: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr("gantool.report.write.write_report", kill)
        with pytest.raises(KilledError):
            train(tmp_path)
    assert not (tmp_path / "it" / "report.html").exists()
    assert resume(tmp_path / "it") == tmp_path / "it"
    assert '"status": "finished"' in (tmp_path / "it" / "run.json").read_text()
    assert (tmp_path / "it" / "report.html").is_file()
    assert content(tmp_path / "it") == content(whole)


# Full disks


@contextmanager
def full_disk_from(monkeypatch: pytest.MonkeyPatch, number: int) -> Iterator[list[str]]:
    """Every flush to disk from this number on fails as on a full disk.

    Yields what was being flushed.
    """
    real, names_of = os.fsync, []

    def fsync(descriptor: int) -> None:
        names_of.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        if len(names_of) > number:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fsync)
        yield names_of


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
@pytest.mark.parametrize(
    "which", ["first-of-each-kind", pytest.param("all", marks=pytest.mark.slow)]
)
def test_a_full_disk_at_any_write_loses_nothing(
    which: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full_disk_from(monkeypatch, 10**9) as written:
        train(tmp_path / "count")
    kinds = (
        ".new-",
        ".run.json-",
        ".real.png-",
        ".sheet.json-",
        ".00000004.png-",
        ".00000006.pt-",
        "metrics.jsonl",
    )
    kinds += (
        "events.jsonl",
        ".00000006.sha256-",
        ".00000004.safetensors-",
        ".generator.safetensors-",
        ".losses.png-",
    )
    kinds += (".samples.png-", ".progress.gif-", ".report.html-")
    first = {kind: [name.startswith(kind) for name in written].index(True) for kind in kinds}
    numbers = range(len(written)) if which == "all" else sorted(first.values())
    failed = 0
    for number in numbers:
        where = tmp_path / str(number)
        with full_disk_from(monkeypatch, number):
            try:
                train(where)
            except GantoolError as error:
                failed += 1
                assert "the disk is full" in str(error) or "No space left" in str(error)
                assert "resume" in error.remedy or "Make room" in error.remedy
        if (where / "it").exists():
            record = json.loads((where / "it" / "run.json").read_text())
            run = where / "it" if record["status"] == "finished" else resume(where / "it")
        else:
            run = train(where)
        assert content(run) == content(whole), f"after write {number}, of {written[number]}"
        assert not [file for file in where.rglob(".*") if file.name != ".lock"]
    assert (
        failed > len(numbers) / 2
    )  # names that cannot be flushed, and the report, do not end a run


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_file_system_that_fills_up_loses_nothing(finished_run: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    words = ["run", "dcgan", "--steps", "60", "--name", "it", "--checkpoint-every", "7", *SMALL]
    assert run_cli(*words, "--experiments-dir", tmp_path / "whole", cwd=tmp_path).code == 0
    needed = (
        sum(file.stat().st_size for file in (tmp_path / "whole").rglob("*") if file.is_file())
        // 1024
    )
    ended = []
    for share in (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95):
        if subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={int(share * needed)}k", "none", small]
        ).returncode:
            pytest.skip("this machine mounts no file systems")
        try:
            done = run_cli(*words, "--experiments-dir", small, cwd=tmp_path)
            ended.append(done.code)
            assert "Traceback" not in done.err
            subprocess.run(["mount", "-o", "remount,size=50m", small], check=True)
            if done.code:
                assert "disk is full" in done.err or "No space left" in done.err
                again = (
                    ["resume", small / "it"]
                    if (small / "it").exists()
                    else [*words, "--experiments-dir", small]
                )
                done = run_cli(*again, cwd=tmp_path)
                assert done.code == 0, done.err
            assert content(small / "it") == content(tmp_path / "whole" / "it")
        finally:
            subprocess.run(["umount", small], check=True)
    assert ended.count(1) >= 5


# Memory


def test_out_of_memory_is_a_message_and_the_run_can_be_resumed(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Trainer.step

    def step(self: Trainer) -> dict[str, torch.Tensor]:
        if self.steps == 5:
            torch.empty(2**55)
        return real(self)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "step", step)
        with pytest.raises(GantoolError, match="out of memory after step 5") as raised:
            train(tmp_path)
    assert "--batch-size" in raised.value.remedy
    assert RunFolder.open(tmp_path / "it").read().status == "failed"
    assert content(resume(tmp_path / "it")) == content(whole)


# How often states are kept


def test_states_by_minutes(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    minutes, clock, saved, save, step = 0, time.monotonic, [], Recorder.save, Recorder.step

    def a_minute_a_step(self: Recorder, figures: dict[str, torch.Tensor]) -> None:
        nonlocal minutes
        minutes += 1
        step(self, figures)

    monkeypatch.setattr("gantool.training.recorder.time.monotonic", lambda: clock() + 60 * minutes)
    monkeypatch.setattr(Recorder, "step", a_minute_a_step)
    monkeypatch.setattr(
        Recorder, "save", lambda self: (saved.append(self.trainer.steps), save(self))
    )
    run = train(tmp_path, checkpoint_every="3min", sheet_every=100)
    assert saved == [3, 6, 8]
    assert RunFolder.open(run).read().config["checkpoint_every"] == "3min"


@pytest.mark.parametrize("given", ["0", "-3", "often", "1.5min", "10 min", "2h", ""])
def test_an_interval_that_is_none_is_explained(given: str, cli: Cli) -> None:
    done = cli("run", "dcgan", "--checkpoint-every", given, "--dry-run")
    assert done.code == 2
    assert "10min" in done.err


def test_a_state_is_never_written_over(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.checkpoints.mkdir()
    first = checkpoints.save(folder, 5, state={"seconds": 1.0})
    assert checkpoints.save(folder, 5, state={"seconds": 2.0}) == first
    assert checkpoints.load(first) == {"seconds": 1.0}


# Pruning


def test_prune_frees_what_a_finished_run_no_longer_needs(copy: Path, cli: Cli) -> None:
    states = list((copy / "checkpoints").iterdir())
    size = sum(file.stat().st_size for file in states)
    assert len(states) == 4
    done = cli("prune", copy, "--dry-run")
    assert f"would free {size / 1e6:,.1f} MB" in done.out
    assert all(file.exists() for file in states)
    done = cli("prune", copy)
    assert done.code == 0, done.err
    assert f"freed {size / 1e6:,.1f} MB" in done.out
    assert not any(file.exists() for file in states)
    assert list((copy / "generators").iterdir())
    assert cli("sample", copy).code == 0
    done = cli("resume", copy, "--steps", "20")
    assert done.code == 2
    assert "gantool prune" in done.err
    cli("prune", copy, "--generators")
    assert not list((copy / "generators").iterdir())


def test_prune_keeps_what_an_unfinished_run_needs(copy: Path, cli: Cli) -> None:
    record = json.loads((copy / "run.json").read_text()) | {"status": "interrupted"}
    (copy / "run.json").write_text(json.dumps(record))
    done = cli("prune", copy)
    assert "not finished" in done.out
    assert len(list((copy / "checkpoints").iterdir())) == 4


# Hostile folders


@pytest.mark.parametrize(
    "name", ["run.json", "metrics.jsonl", "samples", "checkpoints", "samples/00000004.png"]
)
def test_links_out_of_a_run_folder_are_refused(name: str, copy: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    shutil.move(copy / name, outside)
    (copy / name).symlink_to(outside)
    with pytest.raises(ConfigError, match="a link out of the folder"):
        RunFolder.open(copy)


def test_no_command_follows_a_link_out_of_a_run_folder(
    copy: Path, tmp_path: Path, cli: Cli
) -> None:
    shutil.move(copy / "metrics.jsonl", tmp_path / "outside")
    (copy / "metrics.jsonl").symlink_to(tmp_path / "outside")
    for words in (
        ("report", copy),
        ("compare", copy),
        ("resume", copy, "--steps", "20"),
        ("sample", copy),
    ):
        done = cli(*words)
        assert done.code == 2, words
        assert "a link out of the folder" in done.err


def test_a_link_that_leads_nowhere_is_refused(copy: Path) -> None:
    (copy / "loop").symlink_to("loop")
    with pytest.raises(ConfigError, match="leads nowhere"):
        RunFolder.open(copy)


def test_links_inside_a_run_folder_and_to_it_are_fine(copy: Path, tmp_path: Path) -> None:
    (copy / "notes").symlink_to(copy / "run.json")
    (tmp_path / "linked").symlink_to(copy)
    assert RunFolder.open(tmp_path / "linked").read().name == "it"


def test_a_pipe_in_a_run_folder_is_refused_and_not_waited_for(copy: Path) -> None:
    (copy / "metrics.jsonl").unlink()
    os.mkfifo(copy / "metrics.jsonl")
    with pytest.raises(ConfigError, match="neither a file nor a folder"):
        RunFolder.open(copy)


def test_documents_larger_than_any_of_ours_are_refused(copy: Path) -> None:
    with (copy / "run.json").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(GantoolError, match="larger than 64 MiB"):
        RunFolder.open(copy).read()


def test_lines_longer_than_any_of_ours_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_bytes(
        b'{"step": 1, "loss_d": 1}\n{"step": 2, "x": "' + b"x" * (3 << 20) + b'"}\n{"step": 3}\n'
    )
    assert [line["step"] for line in read_json_lines(file)] == [1, 3]
    assert read_series(file)["step"].tolist() == [1, 3]


def test_lines_that_name_no_step_do_not_stop_a_resumption(copy: Path, whole: Path) -> None:
    with (copy / "metrics.jsonl").open("a") as file:
        file.write('{"step": null}\n{"step": "x"}\n{"\\ud800": 1}\n{"step": 7, "\\ud800": 1}\n')
    for path in (copy / "checkpoints").glob("00000008*"):
        path.unlink()
    (copy / "run.json").write_text(
        (copy / "run.json").read_text().replace('"finished"', '"interrupted"')
    )
    assert content(resume(copy)) == content(whole)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 50_000,
        '{"format": 1, "name": "x", "model": "m", "status": "running", "steps": 1e999}',
        '{"format": 1, "name": "x", "model": "m", "status": "running", "steps": '
        + "9" * 5000
        + "}",
        '{"format": 1, "name": 7}',
        "null",
        "\udcff",
    ],
)
def test_hostile_records_are_refused(text: str, copy: Path) -> None:
    (copy / "run.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(GantoolError):
        RunFolder.open(copy).read()


def test_names_do_not_steer_the_terminal(copy: Path, cli: Cli) -> None:
    record = json.loads((copy / "run.json").read_text()) | {
        "name": "\x1b[2J\x1b]0;owned\x07evil",
        "model": "\x1b[31mred",
    }
    (copy / "run.json").write_text(json.dumps(record))
    for words in (("compare", copy), ("resume", copy, "--steps", "20")):
        done = cli(*words)
        assert "\x1b" not in done.out + done.err
        assert "\x07" not in done.out + done.err
    assert "\\x1b[31mred" in done.err
    done = cli("report", copy.parent / "\x1b[31mnothing")
    assert "\x1b" not in done.err
    assert "\\x1b[31mnothing is not a run" in done.err


def test_a_state_that_would_unpack_to_more_than_its_size_is_refused(copy: Path) -> None:
    path = list(RunFolder(copy).states().values())[-1]
    packed = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    path.write_bytes(packed.getvalue())
    path.with_suffix(".sha256").write_text(
        f"{hashlib.sha256(packed.getvalue()).hexdigest()}  {path.name}\n"
    )
    with pytest.raises(checkpoints.DamagedCheckpointError, match="compressed"):
        checkpoints.load(path)


def test_a_run_folder_under_a_hidden_name_is_no_run_of_the_folder_around_it(
    copy: Path, tmp_path: Path
) -> None:
    shutil.copytree(copy, tmp_path / ".new-12345678")
    assert len(names.compare([tmp_path]).result.runs) == 1


def test_a_renaming_is_flushed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = []
    real = os.fsync
    monkeypatch.setattr(
        os,
        "fsync",
        lambda descriptor: flushed.append(os.fstat(descriptor).st_ino) or real(descriptor),
    )
    write_bytes(tmp_path / "a", b"content")
    assert flushed == [(tmp_path / "a").stat().st_ino, tmp_path.stat().st_ino]
