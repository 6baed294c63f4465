"""A terminal that the tests play: it answers questions, keeps what is written, and reads pictures.

The readers of pictures follow the protocols' own descriptions, not gantool's code.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import io
import os
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
_QUESTION = re.compile(rb"\x1b\[16t|\x1b\[c|\x1b_G[^\x1b]*a=q[^\x1b]*\x1b\\")
# Of variables that say which terminal it is.
NAMES = (
    "TERM_PROGRAM",
    "LC_TERMINAL",
    "TMUX",
    "STY",
    "ZELLIJ",
    "COLORTERM",
    "NO_COLOR",
    "COLUMNS",
    "LINES",
)


@dataclass
class Shown:
    """The end of a process at a terminal.

    Attributes:
        code: the exit code.
        written: all that it wrote.
        typed: what had been typed and was not read.
    """

    code: int
    written: bytes
    typed: bytes

    @property
    def asked(self) -> bool:
        return bool(_QUESTION.search(self.written))

    @property
    def text(self) -> str:
        """What a person reads: no sequences, no pictures."""
        return re.sub(
            r"\x1b_.*?\x1b\\|\x1bP.*?\x1b\\|\x1b\].*?(\x07|\x1b\\)|\x1b\[[\d;?]*[a-zA-Z]|\r",
            "",
            self.written.decode(),
            flags=re.DOTALL,
        )


def at_terminal(
    *words: str | Path,
    answers: Sequence[str] = (),
    lines: int = 40,
    columns: int = 100,
    cell: tuple[int, int] = (8, 16),
    typed: bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    **streams: Any,
) -> Shown:
    """Run `python *words` at a terminal of its own.

    Args:
        words: of the command.
        answers: "kitty", "sixel" for what it says it can; "none" among them for a silent one.
        lines: of the terminal.
        columns: of the terminal.
        cell: pixels of a character.
        typed: before the process begins.
        env: added to this process's.
        cwd: where to run.
        streams: of the process, in the place of the terminal.
    """
    controller, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    before = termios.tcgetattr(terminal)
    os.write(controller, typed)
    usual = {key: value for key, value in os.environ.items() if key not in NAMES}
    process = subprocess.Popen(
        [sys.executable, *map(str, words)],
        **{"stdin": terminal, "stdout": terminal, "stderr": subprocess.DEVNULL, **streams},
        env={**usual, "TERM": "xterm-256color", **(env or {})},
        cwd=cwd,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0),
    )
    written, answered = b"", 0
    os.set_blocking(controller, False)
    while process.poll() is None:
        if select.select([controller], [], [], 0.02)[0]:
            written += os.read(controller, 1 << 16)
        for question in _QUESTION.finditer(written, answered):
            answered = question.end()
            os.write(controller, _answer(question[0], answers, cell))
    with contextlib.suppress(BlockingIOError):
        while part := os.read(controller, 1 << 16):
            written += part
    assert termios.tcgetattr(terminal) == before
    termios.tcsetattr(terminal, termios.TCSANOW, [*before[:3], 0, *before[4:]])
    os.set_blocking(terminal, False)
    left = b""
    with contextlib.suppress(BlockingIOError):
        left = os.read(terminal, 1 << 16)
    os.close(controller)
    os.close(terminal)
    return Shown(process.returncode, written=written, typed=left)


def _answer(question: bytes, answers: Sequence[str], cell: tuple[int, int]) -> bytes:
    if "none" in answers:
        return b""
    if question == b"\x1b[16t":
        return b"\x1b[6;%d;%dt" % (cell[1], cell[0])
    if question == b"\x1b[c":
        return b"\x1b[?62;4;22c" if "sixel" in answers else b"\x1b[?64;1;42c"
    number = re.search(rb"i=(\d+)", question)
    assert number
    return b"\x1b_Gi=%d;OK\x1b\\" % int(number[1]) if "kitty" in answers else b""


def _png(content: bytes) -> Pixels:
    with Image.open(io.BytesIO(base64.b64decode(content, validate=True))) as picture:
        return np.asarray(picture.convert("RGB"))


def kitty_pictures(written: bytes) -> list[Pixels]:
    """Kitty's pictures: PNGs in parts, all but the last of which say that more comes."""
    pictures, content = [], b""
    for head, part in re.findall(rb"\x1b_G([^;\x1b]*);([^\x1b]*)\x1b\\", written):
        keys = dict(pair.split(b"=") for pair in head.split(b","))
        if keys.get(b"a") == b"q":
            continue
        assert len(part) <= 4096
        assert (keys.get(b"a"), keys.get(b"f")) == ((b"T", b"100") if not content else (None, None))
        content += part
        if keys[b"m"] == b"0":
            pictures.append(_png(content))
            content = b""
    assert not content
    return pictures


def iterm2_pictures(written: bytes) -> list[tuple[Pixels, int]]:
    """iTerm2's pictures, and the characters that each is wide."""
    found = []
    for about, content in re.findall(rb"\x1b\]1337;File=([^:]*):([^\x07]*)\x07", written):
        keys = dict(pair.split(b"=") for pair in about.split(b";"))
        assert keys[b"inline"] == b"1"
        assert int(keys[b"size"]) == len(base64.b64decode(content))
        found.append((_png(content), int(keys[b"width"])))
    return found


def sixel_pictures(written: bytes) -> list[Pixels]:
    """Sixel's pictures, which say their size before; colors come in hundredths."""
    pictures = []
    for width, height, content in re.findall(
        rb'\x1bP[\d;]*q"1;1;(\d+);(\d+)(.*?)\x1b\\', written, re.DOTALL
    ):
        pictures.append(_sixel(content))
        assert pictures[-1].shape == (int(height), int(width), 3)
    return pictures


def _sixel(content: bytes) -> Pixels:
    colors: dict[int, tuple[int, ...]] = {}
    drawn: dict[tuple[int, int], tuple[int, ...]] = {}
    x = top = color = 0
    for define, selected, times, character in re.findall(
        rb"(?:#(\d+;2;\d+;\d+;\d+))|(?:#(\d+))|(?:!(\d+))?([?-~$-])", content
    ):
        if define:
            number, _, *parts = map(int, define.split(b";"))
            colors[number] = tuple(round(part * 2.55) for part in parts)
        elif selected:
            color = int(selected)
        elif character in b"$-":
            x, top = 0, top + (6 if character == b"-" else 0)
        else:
            after = x + int(times or 1)
            bits = [row for row in range(6) if (character[0] - 63) >> row & 1]
            drawn |= {(top + row, at): colors[color] for at in range(x, after) for row in bits}
            x = after
    size = max(y for y, _ in drawn) + 1, max(x for _, x in drawn) + 1
    assert len(drawn) == size[0] * size[1]
    pixels = np.zeros((*size, 3), np.uint8)
    for place, value in drawn.items():
        pixels[place] = value
    return pixels


_LEVELS = (0, 95, 135, 175, 215, 255)


def _color(words: list[int]) -> tuple[int, ...]:
    """A color of 24 bits, or of the 256 of xterm."""
    kind, *rest = words
    if kind == 2:
        return tuple(rest)
    (number,) = rest
    assert number >= 16
    if number >= 232:
        return (8 + 10 * (number - 232),) * 3
    cube = number - 16
    return tuple(_LEVELS[cube // part % 6] for part in (36, 6, 1))


def block_picture(text: str) -> Pixels:
    """A drawing in upper halves of blocks, the lines of them that follow each other."""
    rows: list[list[tuple[int, ...]]] = []
    for line in (line for line in text.splitlines() if "▀" in line):
        upper, lower = [], []
        for code, blocks in re.findall(r"\x1b\[([\d;]+)m(▀+)", line):
            words = list(map(int, code.split(";")))
            length = {2: 5, 5: 3}[words[1]]
            assert (words[0], words[length]) == (38, 48)
            upper += [_color(words[1:length])] * len(blocks)
            lower += [_color(words[length + 1 :])] * len(blocks)
        rows += [upper, lower]
    return np.array(rows, np.uint8)
