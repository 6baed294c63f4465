"""Lines of growing files, in pieces of any size."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gantool.runs import files
from gantool.runs.files import cut_back, read_json_lines

LINES = st.lists(st.integers(0, 40), max_size=12)  # lengths of a text


@given(lengths=LINES, cut=st.integers(0, 30))
@settings(max_examples=80, deadline=None)
def test_whole_lines_that_are_not_too_long_are_read(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], cut: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_LONGEST_LINE", 32)  # bytes, of a line with its end, and of a block
        lines = [
            json.dumps({"step": i, "x": "y" * length}) + "\n" for i, length in enumerate(lengths)
        ]
        file = tmp_path_factory.mktemp("lines") / "lines.jsonl"
        content = "".join(lines).encode()
        file.write_bytes(content[: max(0, len(content) - cut)])
        ends = [len("".join(lines[: i + 1])) for i in range(len(lines))]
        expected = [
            json.loads(line)
            for line, end in zip(lines, ends, strict=True)
            if len(line) <= 32 and end <= len(content) - cut
        ]
        assert list(read_json_lines(file)) == expected
        cut_back(file, 5)
        kept = "".join(json.dumps(entry) + "\n" for entry in expected if entry["step"] <= 5)
        assert file.read_text() == kept


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert list(read_json_lines(tmp_path / "none.jsonl")) == []


def test_a_file_may_have_the_longest_name_that_there_is(tmp_path: Path) -> None:
    for name in ("y" * 251 + ".png", "猫" * 83 + ".png"):
        files.write_bytes(tmp_path / name, b"it")
        assert [path.name for path in tmp_path.iterdir()] == [name]
        (tmp_path / name).unlink()


def test_what_fails_is_said_of_the_file_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as raised:
        files.write_bytes(tmp_path / "it", b"it")
    assert raised.value.filename == str(tmp_path / "it")
    with pytest.raises(FileNotFoundError) as missing:
        files.write_bytes(tmp_path / "none" / "it", b"it")
    assert missing.value.filename == str(tmp_path / "none" / "it")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("refusals", [0, 1, 3])
def test_a_file_that_another_process_reads_is_replaced_when_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    """Windows refuses to replace an open file."""
    (tmp_path / "it").write_bytes(b"old")
    real, left = Path.replace, [refusals]

    def replace(self: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] >= 0:
            raise PermissionError(errno.EACCES, "Access is denied")
        return real(self, target)

    monkeypatch.setattr(files, "_TRIES", 2)
    monkeypatch.setattr(files, "_PAUSE", 0)
    monkeypatch.setattr(Path, "replace", replace)
    if refusals > 2:
        with pytest.raises(PermissionError):
            files.write_bytes(tmp_path / "it", b"new")
    else:
        files.write_bytes(tmp_path / "it", b"new")
    assert (tmp_path / "it").read_bytes() == (b"old" if refusals > 2 else b"new")
    assert len(list(tmp_path.iterdir())) == 1
