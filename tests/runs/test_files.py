"""Lines of growing files, in pieces of any size."""

from __future__ import annotations

import json
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
