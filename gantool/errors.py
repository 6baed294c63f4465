"""The errors that a user may see: each is one message and one exit code."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Sequence


class GantoolError(Exception):
    """Something went wrong that the user should read about; the program ends with exit code 1.

    The message names the subject and the cause; `remedy`, where there is one, says what to do.
    """

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class ConfigError(GantoolError):
    """Wrong usage or configuration, found before anything was made: exit code 2."""

    exit_code = 2


class DivergedError(GantoolError):
    """Training met a value that is not finite: exit code 3."""

    exit_code = 3


class RunInterruptedError(GantoolError):
    """The user stopped the run, which can be resumed: exit code 130."""

    exit_code = 130


_DISK_REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "Make room there, or name another place."),
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS), "See to the rights there, or name another place."
    ),
    errno.ENAMETOOLONG: "Give a shorter name.",
}


def of_disk(error: OSError) -> GantoolError | None:
    """The error for the user where the disk is full, read-only or not the user's; else None."""
    remedy = _DISK_REMEDIES.get(error.errno or 0)
    if remedy is None:
        return None
    return GantoolError(f"{error.filename or 'cannot write'}: {error.strerror}.", remedy)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`" Did you mean 'x'?"` for the nearest known word, or an empty string."""
    matches = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {matches[0]!r}?" if matches else ""


def some_of(names: Sequence[str], most: int) -> str:
    """The first names of a list in a sentence, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def printable(text: str) -> str:
    """The text with its control characters spelt out, so that it cannot steer a terminal.

    Names may come from elsewhere.
    """
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text
    )
