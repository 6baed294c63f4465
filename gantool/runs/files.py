"""Files that appear whole or not at all, documents of JSON, and growing files of JSON lines."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from pydantic_core import from_json  # reads a line in an eighth of the time of json.loads

_LARGEST = 64 << 20  # bytes of a document
_LONGEST_LINE = 1 << 20  # bytes
_TAIL = 1 << 14  # bytes, of several lines
_NAMED = 60  # characters of a name that the name aside has, which must not be too long
_TRIES = 20 if os.name == "nt" else 0  # of a renaming that Windows refuses
_PAUSE = 0.05  # seconds between them


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that it appears whole or not at all, and outlives a power cut."""
    with appearing(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _sync_names(path.parent)


@contextlib.contextmanager
def appearing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that appears whole or not at all: written aside, then renamed.

    Its rights are those of any new file of the user's (umask).
    """
    aside = path.with_name(f".{path.name[:_NAMED]}-{secrets.token_hex(4)}")
    try:
        with aside.open("xb") as file:
            yield file
        _put_in_place(aside, path)
    except BaseException as error:
        aside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(aside)):
            error.filename = str(path)
        raise


def _put_in_place(aside: Path, path: Path) -> None:
    """Give a file its final name, in the place of an older one.

    Windows refuses that for as long as another process reads the older one: it is tried again.
    """
    for _ in range(_TRIES):
        with contextlib.suppress(PermissionError):
            aside.replace(path)
            return
        time.sleep(_PAUSE)
    aside.replace(path)


def _sync_names(folder: Path) -> None:
    """Make a renaming safe from a power cut, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_text(path: Path) -> str:
    """Read a whole document, unless it is larger than any that gantool writes.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large, or no UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST >> 20} MiB")
    return content.decode("utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write a JSON document, whole or not at all; numbers that are not finite become null."""
    write_bytes(path, as_document(content))


def as_document(content: Any) -> bytes:
    """A JSON document as `write_json` writes it."""
    text = json.dumps(finite(content), indent=1, ensure_ascii=False) + "\n"
    return text.encode(errors="backslashreplace")  # which JSON spells half characters with


def finite(value: Any) -> Any:
    """The same content with None in place of every number that JSON cannot hold."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


class JsonLines:
    """A growing file of one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add a line."""
        self._file.write(as_line(entry))

    def flush(self, *, to_disk: bool = False) -> None:
        """Make the lines visible to readers, and with `to_disk` safe from a power cut."""
        self._file.flush()
        if to_disk:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def as_line(entry: Mapping[str, Any]) -> str:
    """A line of a growing file, with its end."""
    return json.dumps(finite(entry), ensure_ascii=False) + "\n"


def put_lines(
    path: Path,
    entries: Iterable[Mapping[str, Any]],
    *,
    replaces: Callable[[Mapping[str, Any]], bool],
) -> None:
    """Add lines to a growing file, all or none, and take out the older lines that they replace.

    An unterminated last line goes too.
    """
    kept = [line for line, entry in _lines(path) if not replaces(entry)]
    write_bytes(path, b"".join([*kept, *(as_line(entry).encode() for entry in entries)]))


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read the lines of a growing file.

    An unterminated last line, damaged lines and a missing file are passed over.
    """
    return filter(None, map(entry_of, whole_lines(path)))


def _lines(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """The whole and sound lines of a growing file, each as it stands and decoded."""
    for line in whole_lines(path):
        if (entry := entry_of(line)) is not None:
            yield line, entry


def entry_of(line: bytes) -> dict[str, Any] | None:
    """The object that a line holds; None where it holds none, or is longer than any is."""
    if len(line) > _LONGEST_LINE:
        return None
    try:
        entry = from_json(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def whole_lines(path: Path) -> Iterator[bytes]:
    """The lines of a growing file that are terminated, and not too long to be one of gantool's."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        while line := file.readline(_LONGEST_LINE):
            if line.endswith(b"\n"):
                yield line
                continue
            if len(line) < _LONGEST_LINE:
                return
            while (rest := file.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass


def last_line(path: Path) -> dict[str, Any]:
    """The last whole line of a growing file; {} where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return {}
    return next((entry for line in reversed(lines) if (entry := entry_of(line)) is not None), {})


def cut_back(path: Path, step: int) -> None:
    """Drop from a growing file the lines after a step.

    Lines that name no step and an unterminated last line go too.
    """
    if path.exists():
        write_bytes(path, b"".join(line for line, entry in _lines(path) if _step(entry) <= step))


def _step(entry: Mapping[str, Any]) -> float:
    return entry["step"] if type(entry.get("step")) is int else math.inf


def slug(text: str) -> str:
    """The text as a part of a folder's name: at most 40 letters, digits and single hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:40]
