"""Pictures in a terminal: finding out which it can show, and drawing them.

Kitty's, iTerm2's and Sixel's ways are sequences of characters that such a terminal takes for a
picture. Elsewhere a picture is drawn with blocks, two pixels in each.
"""

from __future__ import annotations

import base64
import functools
import io
import itertools
import os
import re
import shutil
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL import Image

Way = Literal["kitty", "iterm2", "sixel", "blocks"]

_PATIENCE = 2.0  # seconds for an answer, which may come from far
_USUAL_CELL = (8, 16)
_WITHIN = ("TMUX", "STY", "ZELLIJ")  # set by tmux, screen and zellij
# Of a picture of one pixel that is checked and not shown.
_ASK_KITTY = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
_ASK_CELL, _ASK_KIND = "\x1b[16t", "\x1b[c"
_KITTY = re.compile(rb"\x1b_Gi=31;OK\x1b\\")
_CELL = re.compile(rb"\x1b\[6;(\d{1,4});(\d{1,4})t")
# All terminals answer this one, and in the order of the questions: what follows is no answer.
_KIND = re.compile(rb"\x1b\[\?([\d;]*)c")
_SIXEL = b"4"
_CHUNK = 4096  # characters that Kitty takes at once
_SIXEL_ROWS, _SIXEL_COLORS = 6, 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """A place where pictures can be shown.

    Attributes:
        way: of drawing them.
        columns: of characters.
        lines: of characters.
        cell: pixels that a character takes, width and height.
    """

    way: Way
    columns: int
    lines: int
    cell: tuple[int, int]

    def show(self, picture: Image.Image) -> None:
        """Print a picture, RGB, at the left of stdout's next lines; it should be no wider."""
        if self.way == "blocks":
            _print_blocks(picture)
        elif self.way == "kitty":
            print(_for_kitty(picture), flush=True)
        elif self.way == "iterm2":
            print(_for_iterm2(picture, columns=-(-picture.width // self.cell[0])), flush=True)
        else:
            print(_for_sixel(picture), flush=True)


def find_screen(wanted: bool | None = None) -> Screen | None:
    """The screen that stdout is, if pictures are to be shown there.

    Args:
        wanted: None: only where stdout is a terminal that shows pictures; True: in blocks
            wherever else it leads; False: never.
    """
    if wanted is False:
        return None
    way, cell = _way_of_terminal() if sys.stdout.isatty() else (None, _USUAL_CELL)
    if way is None and wanted:
        way, cell = "blocks", (1, 2)
    if way is None:
        return None
    columns, lines = shutil.get_terminal_size()
    return Screen(way=way, columns=columns, lines=lines, cell=cell)


@functools.cache
def _way_of_terminal() -> tuple[Way | None, tuple[int, int]]:
    """The best way that the terminal of this process has, and the size of its characters."""
    name = os.environ.get("TERM", "")
    if name in ("dumb", "linux"):
        return None, _USUAL_CELL
    # These hand on nothing that they do not draw themselves, and take Kitty's question for a title.
    within = name.startswith(("screen", "tmux")) or any(key in os.environ for key in _WITHIN)
    answers = _ask(kitty=not within)
    cell = _USUAL_CELL
    if (found := _CELL.search(answers)) and all(int(side) for side in found.groups()):
        cell = int(found[2]), int(found[1])
    if _KITTY.search(answers):
        return "kitty", cell
    if not within and _speaks_iterm2():
        return "iterm2", cell
    kind = _KIND.search(answers)
    return ("sixel" if kind and _SIXEL in kind[1].split(b";") else None), cell


def _speaks_iterm2() -> bool:
    """Whether the terminal says by its name, or by that which ssh hands on, that it does."""
    name = os.environ.get("TERM_PROGRAM") or os.environ.get("LC_TERMINAL")
    return name in ("iTerm.app", "iTerm2", "WezTerm")


def _ask(*, kitty: bool) -> bytes:
    """The terminal's answers about pictures; nothing where there is none to be had soon.

    A process in the background, and one before which something has been typed, does not ask: it
    would be stopped, and the answers would be mixed with what belongs to the shell.
    """
    try:
        import termios
        import tty
        from select import select
    except ImportError:  # Windows
        return b""
    keyboard = 0
    try:  # which fails where it is no terminal, or not this process's
        if os.tcgetpgrp(keyboard) != os.getpgrp():
            return b""
        usual = termios.tcgetattr(keyboard)
        tty.setcbreak(keyboard, termios.TCSANOW)
    except (OSError, termios.error):
        return b""
    answers = b""
    try:
        if select([keyboard], [], [], 0)[0]:
            return b""
        # What a terminal shows of a question that it does not know is wiped away.
        questions = (_ASK_KITTY if kitty else "") + _ASK_CELL + _ASK_KIND + "\r\x1b[K"
        print(questions, end="", flush=True)
        until = time.monotonic() + _PATIENCE
        while not _KIND.search(answers):
            if not select([keyboard], [], [], max(0, until - time.monotonic()))[0]:
                break
            if not (part := os.read(keyboard, 1024)):
                break
            answers += part
    finally:
        termios.tcsetattr(keyboard, termios.TCSANOW, usual)
    return answers


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def _for_kitty(picture: Image.Image) -> str:
    """The Terminal Graphics Protocol: a PNG in base64, in parts that get no answers."""
    text = base64.b64encode(_png(picture)).decode()
    parts = [text[i : i + _CHUNK] for i in range(0, len(text), _CHUNK)]
    heads = ["a=T,f=100,q=2,", *[""] * (len(parts) - 1)]
    more = [1] * (len(parts) - 1) + [0]
    return "".join(
        f"\x1b_G{head}m={flag};{part}\x1b\\"
        for head, flag, part in zip(heads, more, parts, strict=True)
    )


def _for_iterm2(picture: Image.Image, *, columns: int) -> str:
    """The Inline Images Protocol: a PNG in base64, so many characters wide."""
    content = _png(picture)
    about = f"inline=1;size={len(content)};width={columns};preserveAspectRatio=1"
    return f"\x1b]1337;File={about}:{base64.b64encode(content).decode()}\x07"


def _for_sixel(picture: Image.Image) -> str:
    """Sixel: rows in sixes, of 256 colors at most."""
    from PIL import Image
    from timg import SixelMethod

    height = -(-picture.height // _SIXEL_ROWS) * _SIXEL_ROWS
    whole = Image.new("RGB", (picture.width, height), picture.getpixel((0, picture.height - 1)))
    whole.paste(picture)
    if whole.getcolors(_SIXEL_COLORS) is None:
        whole = whole.quantize(_SIXEL_COLORS)
    # Some terminals show a picture whose size they were not told before with faults.
    size = f'{SixelMethod.HEADER}"1;1;{whole.width};{whole.height}'
    pixels = str(SixelMethod(whole).to_string())
    return size + pixels.removeprefix(SixelMethod.HEADER)


def _print_blocks(picture: Image.Image) -> None:
    """Upper halves of blocks, colored as one row of pixels, on grounds as the row below it."""
    import numpy as np
    from rich.color import Color
    from rich.console import Console
    from rich.segment import Segment, Segments
    from rich.style import Style

    found = Console(force_terminal=True).color_system
    console = Console(
        force_terminal=True,
        color_system="truecolor" if found == "truecolor" else "256",
        no_color=False,  # it was asked for, and there is no picture without
        width=picture.width,
    )
    rows = np.asarray(picture).tolist()
    segments = []
    for upper, lower in itertools.zip_longest(rows[::2], rows[1::2]):
        for x, pixel in enumerate(upper):
            ground = Color.from_rgb(*lower[x]) if lower else None
            segments.append(Segment("▀", Style(color=Color.from_rgb(*pixel), bgcolor=ground)))
        segments.append(Segment.line())
    console.print(Segments(segments), end="")
