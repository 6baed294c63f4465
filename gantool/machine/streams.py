"""stdin, stdout and stderr where they are closed, or where nobody takes what is written there."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any


class HeedlessStream(io.RawIOBase):
    """A stream that takes what is written, whether or not it arrives.

    Args:
        raw: the unbuffered stream that it goes to.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def writable(self) -> bool:
        """True."""
        return True

    def fileno(self) -> int:
        """The descriptor of the stream below."""
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        """Whether the stream below is a terminal."""
        return bool(self._raw.isatty())

    def write(self, content: Any) -> int:
        """The number of bytes that were taken."""
        taken = None
        with contextlib.suppress(OSError):
            taken = self._raw.write(content)
        return taken or len(content)


def make_sound() -> None:
    """Open what is closed, and let no failing stderr end what goes on.

    A run goes on when the terminal is gone, or the disk of its log is full. Without an open
    stderr the next file that is opened would get what libraries write there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    below = getattr(sys.stderr, "buffer", None) or io.FileIO(2, "w", closefd=False)
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(HeedlessStream(getattr(below, "raw", below))),
        encoding=getattr(sys.stderr, "encoding", "utf-8"),
        errors="backslashreplace",
        line_buffering=True,
    )
