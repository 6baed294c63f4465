"""Whole commands where names, locales, streams and places are not the usual ones."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from support import SMALL, Cli, Outcome, picture, prepared_folder

import gantool
from gantool.data.preparing import data_folder
from gantool.errors import ConfigError, GantoolError
from gantool.plugins.scaffold import write_plugin
from gantool.report.compare import compare
from gantool.report.index import opened
from gantool.report.load import read_runs
from gantool.report.write import write_comparison
from gantool.runs.folder import RunFolder, refuse_unusable
from gantool.runs.records import RunRecord

BEYOND = "Übung mit Räumen 数据 🐱"
# As it is where nobody has set a locale, and Python does not help itself out of it.
ASCII = {
    "LC_ALL": "C",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "ascii",
}
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="of file names and descriptors")


def shell(script: str, *arguments: str | Path, cwd: Path, **env: str) -> Outcome:
    """A script of the shell, in which "$@" is gantool with its arguments."""
    words = [sys.executable, "-m", "gantool", *map(str, arguments)]
    done = subprocess.run(
        ["sh", "-c", script, "sh", *words],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    return Outcome(done.returncode, out=done.stdout, err=done.stderr)


# Names


def test_names_may_have_blanks_and_any_letters(cli: Cli, tmp_path: Path) -> None:
    here = tmp_path / BEYOND
    for i in range(60):
        picture(here / "Bilder ñ" / ("Kätzchen 猫" if i % 2 else "Hündchen") / f"ß {i}.png", seed=i)
    words = ["run", "dcgan", "--data", "Bilder ñ", "--data-dir", "Daten é", "--steps", "3"]
    words += ["--image-size", "16", "--batch-size", "8", "--experiments-dir", "Läufe hier", *SMALL]
    for name in ("Lauf 猫 1", "Lauf 猫 2"):
        done = cli(*words, "--name", name, "--seed", name[-1], cwd=here)
        assert done.code == 0, done.err
    done = cli("compare", "Läufe hier", "--output", "Vergleich ü", cwd=here)
    assert done.code == 0, done.err
    page = (here / "Vergleich ü" / "index.html").read_text(encoding="utf-8")
    assert "Lauf 猫 1" in page
    assert cli("pack", "Läufe hier", "--output", "Päckchen 1.zip", cwd=here).code == 0
    done = cli("unpack", "Päckchen 1.zip", "--output", "anders wo", cwd=here)
    assert done.code == 0, done.err
    packed = json.loads((here / "anders wo" / "Lauf 猫 2" / "run.json").read_text("utf-8"))
    assert packed["data"]["classes"] == ["Hündchen", "Kätzchen 猫"]


def test_a_study_may_have_blanks_and_any_letters(cli: Cli, tmp_path: Path) -> None:
    here = tmp_path / BEYOND
    here.mkdir()
    options = '{ ngf = 8, ndf = 8, nz = 16, image_size = 16, loss = "hinge" }'
    (here / "Stüdie 1.toml").write_text(
        'models = ["dcgan"]\ndata = ["mnist5k"]\nseeds = [1]\nscores = []\n'
        f"budget = {{ steps = 2 }}\noptions = {options}\n",
        encoding="utf-8",
    )
    done = cli("study", "Stüdie 1.toml", "--experiments-dir", "Läufe hier", cwd=here)
    assert done.code == 0, done.err
    assert (here / "Läufe hier" / "Stüdie 1" / "study.json").exists()


@linux_only
def test_names_that_are_no_utf_8_are_spelt_out(tmp_path: Path) -> None:
    for i in range(12):
        name = b"K\xe4tzchen" if i % 2 else b"Hunde"
        folder = tmp_path / "pics" / os.fsdecode(name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            pytest.skip("this file system takes UTF-8 only")
        picture(folder / os.fsdecode(b"b\xe4r %d.png" % i), seed=i)
    (tmp_path / "pics" / "Hunde" / os.fsdecode(b"kein B\xe4r.png")).write_bytes(b"none")
    data = prepared_folder(tmp_path / "pics", tmp_path / "cache")
    assert data.classes == ("Hunde", r"K\xe4tzchen")
    assert any(r"kein B\xe4r.png" in note for note in data.notes)


@linux_only
def test_a_run_folder_whose_name_is_no_utf_8_is_compared(
    cli: Cli, finished_run: Path, tmp_path: Path
) -> None:
    try:
        (tmp_path / os.fsdecode(b"L\xe4ufe")).symlink_to(finished_run)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    assert len(cli("list-runs", ".", "--json").json) == 1
    assert cli("compare", ".").code == 0
    done = cli("report", os.fsdecode(b"L\xe4ufe"))
    assert (done.code, done.out) == (2, "")
    assert r"L\xe4ufe is not spelled in this locale's encoding" in done.err


NAMES = ["CON", "nul.txt", "a.", "a:b", r"a\b", "a|b", "猫" * 100, "a\nb"]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_run_has_a_name_that_every_system_can_have(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be a folder's name: it has"):
        refuse_unusable(name)


def test_a_name_that_not_every_system_can_have_is_refused(cli: Cli, tmp_path: Path) -> None:
    assert cli("run", "dcgan", "--steps", "1", "--name", "CON").code == 2
    assert list(tmp_path.iterdir()) == []


LONG = "y" * 300


@pytest.mark.parametrize(
    "words",
    [
        ["list-runs", LONG],
        ["report", LONG],
        ["run", "dcgan", "--steps", "1", "--experiments-dir", LONG],
        ["run", "dcgan", "--steps", "1", "--data", LONG],
    ],
)
def test_names_that_are_too_long_are_said_so(
    cli: Cli, tmp_path: Path, words: Sequence[str]
) -> None:
    done = cli(*words)
    assert done.code in (1, 2)
    assert "File name too long" in done.err or "is not" in done.err
    assert "unexpected" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_itself_is_no_run(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    done = cli("list-runs", "loop")
    assert done.code in (1, 2)
    assert "unexpected" not in done.err


def test_an_experiments_folder_may_be_a_link(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "experiments").symlink_to("far")
    assert cli("run", "dcgan", "--steps", "2", "--name", "it", *SMALL).code == 0
    assert cli("resume", "experiments/it", "--steps", "3").code == 0
    assert (tmp_path / "far" / "it" / "generator.safetensors").exists()


# Locales


@linux_only
def test_in_a_locale_of_ascii_everything_is_printed(finished_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    record = json.loads((finished_run / "run.json").read_text("utf-8")) | {"name": "Läufe 猫"}
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")
    for words in (["list-models"], ["list-runs", run], ["list-runs", run, "--json"]):
        done = shell('"$@"', *words, cwd=tmp_path, **ASCII)
        assert done.code == 0, done.err
        assert done.out.isascii() and done.err.isascii()
    usual = shell('"$@"', "list-runs", run, "--json", cwd=tmp_path)
    assert usual.json == done.json
    assert "Läufe 猫" in usual.out


@linux_only
@pytest.mark.slow
def test_in_a_locale_of_ascii_runs_are_made_and_compared(tmp_path: Path, data_dir: Path) -> None:
    words = ["run", "dcgan", "--steps", "2", "--no-evaluate", "--name", "it", "--show", *SMALL]
    done = shell('"$@"', *words, cwd=tmp_path, **ASCII)
    assert done.code == 0, done.err
    assert shell('"$@"', "compare", "experiments", cwd=tmp_path, **ASCII).code == 0
    (tmp_path / "comparison" / "index.html").read_bytes().decode("utf-8")


@linux_only
def test_a_name_that_the_locale_cannot_spell_is_refused(tmp_path: Path) -> None:
    done = shell('"$@"', "list-runs", "Läufe", cwd=tmp_path, **ASCII)
    assert done.code == 2
    assert "is not spelled in this locale's encoding, ascii" in done.err
    (tmp_path / BEYOND).mkdir()
    assert shell('"$@"', "list-models", cwd=tmp_path / BEYOND, **ASCII).code == 2


@linux_only
def test_files_are_read_and_written_as_utf_8_whatever_the_locale_is(
    finished_run: Path, tmp_path: Path
) -> None:
    done = shell(
        '"$@"', "compare", finished_run, cwd=tmp_path, PYTHONWARNDEFAULTENCODING="1"
    )  # Python says where a file is opened in the locale's encoding
    assert done.code == 0, done.err
    own = [line for line in done.err.splitlines() if "EncodingWarning" in line]
    package = str(Path(gantool.__file__).parent)
    assert [line for line in own if line.startswith(package)] == []


# Streams


@linux_only
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_change_nothing(finished_run: Path, tmp_path: Path, closed: str) -> None:
    assert shell(f'"$@" {closed}', "list-runs", finished_run, cwd=tmp_path).code == 0
    assert shell(f'"$@" {closed}', "list-runs", "none", cwd=tmp_path).code == 2


@linux_only
def test_a_reader_that_goes_early_ends_the_command_without_a_word(tmp_path: Path) -> None:
    done = shell('"$@" | true', "list-models", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")


@linux_only
def test_an_output_that_is_full_is_one_message(tmp_path: Path) -> None:
    done = shell('"$@" >/dev/full', "list-models", cwd=tmp_path)
    assert done.code == 1
    assert done.err.startswith("gantool: cannot write: No space left on device.\nMake room")


@linux_only
@pytest.mark.slow
@pytest.mark.parametrize("lost", ["2>/dev/full", "2>&-", ">&- 2>&- <&-"])
def test_a_run_goes_on_without_anybody_to_tell(tmp_path: Path, data_dir: Path, lost: str) -> None:
    words = ["run", "dcgan", "--steps", "3", "--name", "it", "--no-evaluate", *SMALL]
    assert shell(f'"$@" {lost}', *words, cwd=tmp_path).code == 0
    assert RunFolder(tmp_path / "experiments" / "it").read().status == "finished"


@pytest.mark.parametrize("terminal", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {"COLUMNS": "20"}])
def test_narrow_and_plain_terminals_get_all_names(
    cli: Cli, finished_run: Path, terminal: dict[str, str]
) -> None:
    done = cli("list-runs", finished_run, env=terminal)
    assert done.code == 0
    assert "small" in done.out and "\x1b[3" not in done.out


# Places


@linux_only
def test_a_current_folder_that_is_gone_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    done = shell('rmdir "$PWD"; "$@"', "run", "dcgan", cwd=tmp_path / "gone")
    assert done.code == 2
    assert done.err == "gantool: the current folder is gone.\n`cd` to one that is there.\n"


def test_without_a_home_a_folder_is_asked_for(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless(*_: Any) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(platformdirs, "user_cache_path", homeless)
    monkeypatch.delenv("GANTOOL_DATA_DIR")
    with pytest.raises(GantoolError, match="no home folder") as raised:
        data_folder(None)
    assert "--data-dir" in raised.value.remedy
    assert data_folder(Path("here")) == Path("here")
    said: list[str] = []
    with opened(said.append):
        pass
    assert said == [
        "no index of runs (the user of this process has no home folder): all are read again."
    ]
    assert len(read_runs([finished_run]).runs) == 1


@pytest.mark.parametrize(("mask", "file", "folder"), [(0o077, 0o600, 0o700), (0o002, 0o664, 0o775)])
def test_files_have_the_rights_of_the_users_other_files(
    tmp_path: Path, mask: int, file: int, folder: int
) -> None:
    before = os.umask(mask)
    try:
        made = RunFolder.create(
            tmp_path / "it", RunRecord(name="it", model="dcgan", status="running")
        )
    finally:
        os.umask(before)
    assert made.path.stat().st_mode & 0o777 == folder
    assert made.samples.stat().st_mode & 0o777 == folder
    assert made.record_file.stat().st_mode & 0o777 == file


def test_a_run_that_cannot_be_written_is_not_worked_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder.create(tmp_path / "it", RunRecord(name="it", model="dcgan", status="running"))

    def denied(*_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", denied)
    with (
        pytest.raises(GantoolError, match=r"cannot write to the run .*: Permission denied"),
        run.locked(),
    ):
        pass


def compared(finished_run: Path, place: Path) -> None:
    runs = read_runs([finished_run]).runs
    write_comparison(place, compare(runs), runs)


@pytest.mark.parametrize("make", [compared, lambda _, place: write_plugin("my-gan", place)])
def test_on_a_full_disk_no_half_of_a_folder_stays(
    finished_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path, Path], None],
) -> None:
    room, really = iter("a"), Path.write_text

    def fsync(descriptor: int) -> None:
        if next(room, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")

    def write_text(path: Path, text: str, encoding: str) -> int:
        fsync(0)
        return really(path, text, encoding)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises(GantoolError, match="No space left on device"):
        make(finished_run, tmp_path / "place")
    assert [path for path in tmp_path.rglob("*") if path.name != "place"] == []
