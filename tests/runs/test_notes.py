"""Notes and tags in notes.jsonl."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gantool.errors import ConfigError
from gantool.runs.notes import LONGEST_NOTE, add_note, read_notes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "notes.jsonl"


def test_notes_and_tags_gather(file: Path) -> None:
    assert str(read_notes(file)) == ""
    add_note(file, "looks sharp", tags=["good", "paper"])
    add_note(file, "but few\nmodes", tags=["good"])
    add_note(file, removed=["paper"])
    notes = read_notes(file)
    assert [line.text for line in notes.texts] == ["looks sharp", "but few\nmodes"]
    assert notes.tags == ["good"]
    assert str(notes) == "[good] looks sharp; but few modes"


@pytest.mark.parametrize("tag", ["", "two words", "a,b", "x\x1b[31m", "a=b", "(", "t" * 41])
def test_what_cannot_be_a_tag_is_refused_and_nothing_is_written(file: Path, tag: str) -> None:
    with pytest.raises(ConfigError, match="cannot be a tag"):
        add_note(file, "text", tags=["good", tag])
    assert not file.exists()


def test_a_tag_that_is_not_there_cannot_be_removed(file: Path) -> None:
    add_note(file, tags=["good"])
    with pytest.raises(ConfigError, match="no tag 'goood'"):
        add_note(file, removed=["goood"])


def test_a_note_of_ten_megabytes_is_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match="at most 10,000 characters; this has 10,000,000"):
        add_note(file, "x" * 10_000_000)
    assert not file.exists()


def test_a_line_that_was_cut_off_takes_no_other_with_it(file: Path) -> None:
    add_note(file, "first")
    with file.open("a") as stream:
        stream.write('{"text": "cut o')
    add_note(file, "second")
    assert [line.text for line in read_notes(file).texts] == ["first", "second"]


def test_lines_made_by_hand_are_passed_over(file: Path) -> None:
    lines = [
        {"text": 5},
        {"tags": "good"},
        {"tags": ["two words", 7]},
        {"text": "x" * (LONGEST_NOTE + 1)},
        ["text"],
        {"text": "kept", "tags": ["two words", "good"], "new": 1},
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"text":' + "y" * 2**21)
    notes = read_notes(file)
    assert [line.text for line in notes.texts] == ["kept"]
    assert notes.tags == ["good"]


@given(text=st.text(min_size=1, max_size=50))
@settings(max_examples=50, deadline=None)
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("notes") / "notes.jsonl"
    add_note(file, text)
    assert [line.text for line in read_notes(file).texts] == [text]
