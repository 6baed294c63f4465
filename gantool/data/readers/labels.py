"""Labels of pictures of one's own: by files that name pictures, by columns, by folders."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gantool.data.source import Indices
from gantool.errors import ConfigError, some_of

LABEL_FILES = ("labels.csv", "metadata.csv", "metadata.jsonl", "dataset.json")
LABEL_COLUMNS = ("label", "labels", "class", "category", "target")
_NAMED = 5  # pictures that a message names
_WHOLE = re.compile(r"-?[0-9]{1,18}")

# Of a column, the name of each picture and its label; None where the file says that there are none.
Rows = Callable[[str], "Iterable[tuple[str, Any]] | None"]


@dataclass(frozen=True, slots=True)
class LabelTable:
    """A file of labels.

    Attributes:
        name: of the file; pictures are named relative to its folder.
        title: its name in messages.
        columns: that may hold labels.
        rows: the pictures and labels of a column.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Rows


def read_table(name: str, content: bytes, *, title: str) -> LabelTable:
    """Read a file of labels: CSV, JSON lines, or StyleGAN's dataset.json, by its name.

    Args:
        name: of the file.
        content: of the file.
        title: its name in messages.

    Raises:
        ConfigError: it is no such file.
    """
    with _sound(title):
        columns, rows = _KINDS[posixpath.splitext(name)[1]](content.decode("utf-8-sig"))
    return LabelTable(name, title, columns, rows)


@contextlib.contextmanager
def _sound(title: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, csv.Error, RecursionError) as error:
        raise ConfigError(
            f"{title} is no file of labels: {error}.",
            "See docs/data.md for an example, or rename it if it is something else.",
        ) from None


def _csv(text: str) -> tuple[tuple[str, ...], Rows]:
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = [row for row in lines if row]
    columns = [column.strip() for column in rows[0]] if rows else []
    if len(columns) < 2 or len(set(columns)) < len(columns):
        raise ValueError("its first line must name columns, as file_name,label")
    for i, row in enumerate(rows, 1):
        if len(row) != len(columns):
            raise ValueError(f"row {i} has {len(row)} columns, the first {len(columns)}")
    names = columns.index(_column_of_names(columns))

    def of(column: str) -> Iterable[tuple[str, Any]]:
        place = columns.index(column)
        return ((row[names], row[place]) for row in rows[1:])

    return tuple(column for column in columns if column != columns[names]), of


def _json_lines(text: str) -> tuple[tuple[str, ...], Rows]:
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    if not rows or not all(isinstance(row, dict) and row for row in rows):
        raise ValueError('each line must be an object, as {"file_name": "1.png", "label": 3}')
    names = _column_of_names(rows[0])
    for i, row in enumerate(rows, 1):
        if not isinstance(row.get(names), str):
            raise ValueError(f"row {i} has no name of a file under {names!r}")
    columns = tuple(column for column in rows[0] if column != names)
    return columns, lambda column: ((row[names], row.get(column)) for row in rows)


def _dataset(text: str) -> tuple[tuple[str, ...], Rows]:
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError('an object is expected, as {"labels": [["1.png", 3], ...]}')

    def of(column: str) -> Iterable[tuple[str, Any]] | None:
        entries = content[column]
        if entries is None:
            return None
        pairs = list(entries.items()) if isinstance(entries, dict) else entries
        for pair in pairs:
            if not (
                isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str)
            ):
                raise ValueError(
                    f"{column!r} has {json.dumps(pair):.60}, which is no pair of a name and a label"
                )
        return iter(pairs)

    return tuple(k for k, v in content.items() if v is None or isinstance(v, (list, dict))), of


_KINDS: Mapping[str, Callable[[str], tuple[tuple[str, ...], Rows]]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".json": _dataset,
}


def _column_of_names(columns: Iterable[str]) -> str:
    """The column of the pictures' names: `file_name`, as Hugging Face has it, else the first."""
    return "file_name" if "file_name" in columns else next(iter(columns))


def by_tables(
    names: Sequence[str], tables: Sequence[LabelTable], *, column: str
) -> list[str] | None:
    """The label that files of labels give each picture; None where one says that there are none.

    Args:
        names: of the pictures, the files' folders included.
        tables: the files.
        column: that holds the labels; files without it are passed over.

    Raises:
        ConfigError: a picture has no label or two, or a label no picture.
    """
    known, found, missing = set(names), dict[str, str](), list[str]()
    used = [table for table in tables if column in table.columns]
    for table in used:
        with _sound(table.title):
            rows = table.rows(column)
        if rows is None:
            return None
        folder = posixpath.dirname(table.name)
        for name, value in rows:
            path = posixpath.normpath(posixpath.join(folder, name.replace("\\", "/")))
            label = spell_label(value, subject=f"{table.title}: {name}")
            if path not in known:
                missing.append(name)
            elif found.setdefault(path, label) != label:
                raise ConfigError(
                    f"{table.title}: {name} has two labels, {found[path]!r} and {label!r}.",
                    "Leave one of them.",
                )
    titles = " and ".join(table.title for table in used)
    if missing:
        raise ConfigError(
            f"{titles} names {some_of(missing, _NAMED)}, which {_are(missing)} not there.",
            "Add the pictures, or take the rows out.",
        )
    return complete([found.get(name, "") for name in names], names.__getitem__, subject=titles)


def complete(labels: list[str], name_of: Callable[[int], str], *, subject: str) -> list[str]:
    """The labels themselves, one for each picture.

    Raises:
        ConfigError: one is empty; some such pictures are named.
    """
    without = [name_of(i) for i, label in enumerate(labels) if not label]
    if without:
        raise ConfigError(
            f"{subject} has no label for {some_of(without, _NAMED)}.",
            "Give each picture a label, or take those out.",
        )
    return labels


def by_folders(names: Sequence[str]) -> list[str]:
    """The first folder in each picture's name; empty where it is in none."""
    return [name.split("/", 1)[0] if "/" in name else "" for name in names]


def without_root(names: Sequence[str]) -> list[str]:
    """The names without the folders that contain all of them."""
    root = posixpath.commonpath([posixpath.dirname(name) for name in names])
    return [name[len(root) + 1 :] for name in names] if root else list(names)


def spell_label(value: Any, *, subject: str) -> str:
    """A label as the name of its class; empty where the value stands for none.

    A whole number is spelled alike whatever type it has.

    Raises:
        ConfigError: it is neither text nor a whole number.
    """
    if value is None or value != value:
        return ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)
    if not isinstance(value, (str, int, np.integer, np.bool_)):
        raise ConfigError(
            f"{subject}: the label {value!r:.60} is neither a name nor a whole number.",
            "Give each picture one class; --label-column says which column has it.",
        )
    return str(value).strip()


def numbered(labels: Sequence[str]) -> tuple[tuple[str, ...], Indices]:
    """The classes in order, whole numbers by their value, and each label's place among them.

    Returns:
        the classes, and int64 [N].
    """
    classes = sorted(set(labels))
    if all(map(_WHOLE.fullmatch, classes)):
        classes.sort(key=int)
    places = {name: i for i, name in enumerate(classes)}
    return tuple(classes), np.array([places[label] for label in labels], dtype=np.int64)


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
