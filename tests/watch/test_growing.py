"""Files that are followed while they grow, are cut back and go."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gantool.runs.files import cut_back, read_json_lines
from gantool.watch.growing import GrowingFile


def line(step: int, **more: object) -> str:
    return json.dumps({"step": step, **more}) + "\n"


def steps(look: tuple[bool, list[dict[str, object]]]) -> tuple[bool, list[object]]:
    return look[0], [entry["step"] for entry in look[1]]


def test_each_look_reads_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    growing = GrowingFile(path)
    assert growing.look() == (False, [])  # not there yet
    path.write_text(line(1) + line(2))
    assert steps(growing.look()) == (False, [1, 2])
    assert growing.look() == (False, [])
    with path.open("a") as file:
        file.write(line(3) + '{"step": ')
        file.flush()
        assert steps(growing.look()) == (False, [3])
        file.write('4}\n{"step": torn\n[5]\n\xff\n' + line(6))
    assert steps(growing.look()) == (False, [4, 6])


def test_a_file_that_is_cut_back_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(line(step) for step in range(1, 101)))
    growing = GrowingFile(path)
    growing.look()
    cut_back(path, 40)
    assert steps(growing.look()) == (True, list(range(1, 41)))
    with path.open("a") as file:
        file.write(line(41))
    assert steps(growing.look()) == (False, [41])
    # Between two looks it is cut back, and grows beyond its old end with other values.
    cut_back(path, 20)
    with path.open("a") as file:
        file.write("".join(line(step, other=True) for step in range(21, 60)))
    anew, entries = growing.look()
    assert (anew, entries) == (True, list(read_json_lines(path)))
    path.unlink()
    assert growing.look() == (True, [])
    path.write_text(line(1))
    assert steps(growing.look()) == (False, [1])


def test_a_line_longer_than_any_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"x" * (9 << 20) + b"\n" + line(2).encode())
    assert steps(GrowingFile(path).look()) == (False, [2])


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_pieces_give_what_the_whole_gives(content: bytes, places: list[int]) -> None:
    content = b'{"step": 1}\n' + content + b'\n{"step": 2}\n'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "metrics.jsonl")
        growing, found = GrowingFile(path), []
        for place in [*sorted(places), len(content)]:
            path.write_bytes(content[:place])
            anew, entries = growing.look()
            assert not anew
            found += entries
        assert found == list(read_json_lines(path))
