"""Files as they grow: JSON lines that are read once, and a file's state to compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gantool.runs.files import entry_of

_AT_ONCE = 4 << 20  # bytes
_TAIL = 256  # bytes before the place of reading, by which a file is known again

Stamp = tuple[int, int, int]


def stamp(path: Path) -> Stamp | None:
    """A file's or folder's state, which changes with its content; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


class GrowingFile:
    """A growing file of one JSON object a line, of which each look reads only what is new.

    A resumed run's file is cut back: then it is read again from its beginning. An unterminated last
    line waits for its end; damaged lines are passed over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: Stamp | None = None
        self._place = 0
        self._tail = b""

    def look(self) -> tuple[bool, list[dict[str, Any]]]:
        """Whether the file is another than before, and the entries that are new in it."""
        now = stamp(self.path)
        if now == self._stamp:
            return False, []
        self._stamp = now
        try:
            file = self.path.open("rb")
        except OSError:
            return self._begin_anew(), []
        with file:
            file.seek(self._place - len(self._tail))
            anew = file.read(len(self._tail)) != self._tail and self._begin_anew()
            file.seek(self._place)
            entries = []
            while content := file.read(_AT_ONCE):
                # What is longer than any line is passed over; the rest of a line waits.
                whole = content.rfind(b"\n") + 1 or (len(content) == _AT_ONCE and len(content))
                if not whole:
                    break
                found = map(entry_of, content[:whole].split(b"\n"))
                entries += [entry for entry in found if entry is not None]
                self._place += whole
                self._tail = (self._tail + content[:whole])[-_TAIL:]
                file.seek(self._place)
        return anew, entries

    def _begin_anew(self) -> bool:
        """Go back to the beginning; whether anything had been read."""
        had, self._place, self._tail = self._place > 0, 0, b""
        return had
