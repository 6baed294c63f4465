"""The index of runs: what comparisons took from long metrics.jsonl files, kept for the next one.

It is a cache in the user's cache folder. Run folders stay as they are, and what others left in a
folder of runs cannot pass for what its runs say. Without it everything is read again.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from gantool.errors import GantoolError
from gantool.report.equilibrium import LastAnswers, last_answers
from gantool.report.series import MOST_STRETCHES, Series, condensed, last_losses, read_series
from gantool.runs.places import user_cache

_VERSION = 1  # of what is kept; entries of another are read again
_SHORT = 1 << 16  # bytes of a file that is read faster than it is looked for
_MOST = 20_000  # entries; those that were not used for longest go
_DAMAGES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
_TABLE = (
    "CREATE TABLE IF NOT EXISTS metrics "
    "(file BLOB PRIMARY KEY, stamp TEXT, content BLOB, used INTEGER)"
)


@dataclass(frozen=True, slots=True)
class Condensed:
    """The metrics of a run as a comparison needs them.

    Attributes:
        series: the columns of its stretches (`series.condensed`).
        last_losses: the mean of each loss over the last tenth of its steps.
        last_answers: the discriminator there.
    """

    series: Series
    last_losses: dict[str, float]
    last_answers: LastAnswers | None

    @classmethod
    def of(cls, file: Path, ends: Sequence[int]) -> Condensed:
        """Read metrics.jsonl; stretches end at these steps."""
        series = read_series(file)
        return cls(condensed(series, ends=ends), last_losses(series), last_answers(series))


class _Head(BaseModel):
    """The part of an entry before its columns, which follow as float64 one after the other."""

    keys: list[str]
    length: int = Field(ge=0, le=100 * MOST_STRETCHES)
    last_losses: dict[str, float]
    last_answers: LastAnswers | None


class Index:
    """The entries of all runs of a user, in one file of SQLite.

    A damaged file is made anew, and one that cannot be used is gone without; either is said once.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._file: Path | None = None
        self._say = say
        self._today = int(time.time() // 86_400)
        self._new: list[tuple[bytes, str, bytes, int]] = []
        self._used: list[tuple[int, bytes]] = []
        self._base: sqlite3.Connection | None = None
        with self._giving_up():
            file = self._file = user_cache() / "runs.sqlite"
            file.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(file, timeout=5)
            self._base.execute(_TABLE)

    def condensed(self, file: Path, ends: Sequence[int]) -> Condensed:
        """The metrics of a run: as they were kept where the file is the same, else read."""
        try:
            status = file.stat()
        except OSError:
            return Condensed.of(file, ends)
        if status.st_size < _SHORT:
            return Condensed.of(file, ends)
        place = os.fsencode(file.absolute())
        stamp = json.dumps(
            [_VERSION, status.st_size, status.st_mtime_ns, status.st_ctime_ns, *ends]
        )
        found = self._find(place, stamp)
        if found is None:
            found = Condensed.of(file, ends)
            self._new.append((place, stamp, _encoded(found), self._today))
        return found

    def _find(self, place: bytes, stamp: str) -> Condensed | None:
        with self._giving_up():
            query = "SELECT content, used FROM metrics WHERE file = ? AND stamp = ?"
            row = self._base.execute(query, (place, stamp)).fetchone() if self._base else None
            if row is not None and row[1] != self._today:
                self._used.append((self._today, place))
            return None if row is None else _decoded(row[0])
        return None

    def close(self) -> None:
        """Keep what was read, and let go what was not used for longest.

        All is written at once, so that others who read runs meanwhile need not wait.
        """
        with self._giving_up():
            if self._base and (self._new or self._used):
                keep = "REPLACE INTO metrics VALUES (?, ?, ?, ?)"
                self._base.executemany("UPDATE metrics SET used = ? WHERE file = ?", self._used)
                self._base.executemany(keep, self._new)
                self._base.execute(
                    "DELETE FROM metrics WHERE rowid IN "
                    "(SELECT rowid FROM metrics ORDER BY used DESC LIMIT -1 OFFSET ?)",
                    (_MOST,),
                )
                self._base.commit()
        self._let_go()

    def _let_go(self) -> None:
        if self._base:
            with contextlib.suppress(sqlite3.Error):
                self._base.close()
        self._base = None

    @contextlib.contextmanager
    def _giving_up(self) -> Iterator[None]:
        """Go on without the index where it fails; remove it where it is damaged."""
        try:
            yield
        except GantoolError as error:
            self._say(f"no index of runs ({error.message.rstrip('.')}): all are read again.")
        except (sqlite3.Error, OSError, UnicodeError) as error:
            self._let_go()
            if self._file is None or getattr(error, "sqlite_errorcode", None) not in _DAMAGES:
                self._say(f"no index of runs ({self._file}: {error}): all are read again.")
                return
            self._say(f"the index of runs was damaged and is made anew ({self._file}).")
            with contextlib.suppress(OSError):
                self._file.unlink()


@contextlib.contextmanager
def opened(say: Callable[[str], None] | None = None) -> Iterator[Index]:
    """The index, to be used and kept; what goes wrong with it is said on stderr."""
    index = Index(say or (lambda line: print(line, file=sys.stderr)))
    try:
        yield index
    finally:
        index.close()


def _encoded(found: Condensed) -> bytes:
    columns = list(found.series.values())
    head = _Head(
        keys=list(found.series),
        length=len(columns[0]) if columns else 0,
        last_losses=found.last_losses,
        last_answers=found.last_answers,
    )
    values = np.array(columns, dtype="<f8").tobytes()
    return head.model_dump_json().encode() + b"\n" + values


def _decoded(content: object) -> Condensed | None:
    """An entry; None where it is none, and the run is read again."""
    if not isinstance(content, bytes):
        return None
    text, _, values = content.partition(b"\n")
    try:
        head = _Head.model_validate_json(text)
        columns = np.frombuffer(values, dtype="<f8").reshape(len(head.keys), head.length)
    except (ValidationError, ValueError):
        return None
    series = dict(zip(head.keys, columns.astype(np.float64), strict=True))
    return Condensed(series, head.last_losses, head.last_answers)
