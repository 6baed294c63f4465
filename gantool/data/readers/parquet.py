"""Parquet files with a column of encoded pictures, as Hugging Face's datasets save them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gantool.data.readers.labels import complete, spell_label
from gantool.data.readers.pictures import Pictures, Recent, library, readable
from gantool.data.source import UnreadableImageError
from gantool.errors import ConfigError
from gantool.runs.zips import check_size

_IMAGE_COLUMN = "image"
_GROUPS = 2  # row groups that are in memory at a time, in each process


class ParquetPictures(Pictures):
    """Pictures in a Parquet file, or in several that are parts of one set.

    They are in the column `image`, or in the only one that can hold pictures: of bytes, or of
    structures with a field `bytes`.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        super().__init__(files)
        self._groups = Recent(self._read_group, most=_GROUPS)

    def open(self) -> None:
        """Find the pictures, and read the labels.

        Raises:
            ConfigError: a file is damaged, has no such columns, or a row has no label.
            GantoolError: pyarrow is not installed.
        """
        parquet = library("pyarrow.parquet", file=self.files[0])
        self._places: list[tuple[int, int]] = []  # of each row group its file, and its number there
        lengths: list[int] = []
        labels: list[str] = []
        for number, file in enumerate(self.files):
            with readable(file), parquet.ParquetFile(file) as opened:
                schema, groups = opened.schema_arrow, range(opened.num_row_groups)
                self._column = _image_column(schema, file)
                is_struct = _is_struct(schema.field(self._column).type)
                self._bytes_column = f"{self._column}.bytes" if is_struct else self._column
                _check_groups(opened.metadata, self._column, file=file)
                others = [name for name in schema.names if name != self._column]
                if number == 0:
                    first, column = schema.names, self.find_column(others, title=str(file))
                elif schema.names != first:
                    raise ConfigError(
                        f"{file} has other columns than {self.files[0]}.",
                        "Give files of one data set.",
                    )
                self._places += [(number, group) for group in groups]
                lengths += [opened.metadata.row_group(group).num_rows for group in groups]
                labels += [] if column is None else _labels(opened, column, file=file)
        self._starts = np.cumsum([0, *lengths])
        self.count = int(self._starts[-1])
        if not self.count:
            raise ConfigError(f"{self.subject} holds no pictures: no rows.", "Give another.")
        if column is not None:
            self.classify(complete(labels, self.name_of, subject=self.subject))

    def content(self, number: int) -> bytes:
        """One encoded picture."""
        group = int(np.searchsorted(self._starts, number, side="right")) - 1
        try:
            value = self._groups(group)[number - int(self._starts[group])].as_py()
        except Exception as error:  # a damaged page makes the library raise anything
            raise UnreadableImageError(" ".join(str(error).split())) from None
        if value is None:
            raise UnreadableImageError("the row has no bytes of a picture")
        content: bytes = value
        return content

    def name_of(self, number: int) -> str:
        """The file, and the row in it, counted from 0."""
        group = int(np.searchsorted(self._starts, number, side="right")) - 1
        file = self._places[group][0]
        first = next(i for i, place in enumerate(self._places) if place[0] == file)
        return f"{self.titles[file]}: row {number - int(self._starts[first])}"

    def close(self) -> None:
        """Let go of what was read."""
        self._groups.clear()

    def _read_group(self, number: int) -> Any:
        """The bytes of the pictures of a row group, as a column of pyarrow's."""
        file, group = self._places[number]
        parquet = library("pyarrow.parquet", file=self.files[file])
        compute = library("pyarrow.compute", file=self.files[file])
        # A value that is kept once, however many rows refer to it, stays one in memory.
        once = [self._bytes_column]
        with parquet.ParquetFile(self.files[file], read_dictionary=once) as opened:
            table = opened.read_row_group(group, columns=[self._column], use_threads=False)
        column = table.column(self._column)
        return compute.struct_field(column, "bytes") if _is_struct(column.type) else column


def _is_struct(kind: Any) -> bool:
    return str(kind).startswith("struct<")


def _holds_pictures(kind: Any) -> bool:
    if _is_struct(kind):
        return any(field.name == "bytes" and _holds_pictures(field.type) for field in kind)
    return str(getattr(kind, "value_type", kind)) in ("binary", "large_binary", "binary_view")


def _check_groups(metadata: Any, column: str, *, file: Path) -> None:
    """Refuse a file whose pictures claim to become far larger than pictures can.

    Raises:
        ConfigError: it looks like a decompression bomb.
    """
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for chunk in map(group.column, range(group.num_columns)):
            if chunk.path_in_schema.split(".")[0] == column:
                check_size(file, chunk.total_uncompressed_size, chunk.total_compressed_size)


def _image_column(schema: Any, file: Path) -> str:
    found = [field.name for field in schema if _holds_pictures(field.type)]
    if _IMAGE_COLUMN in found:
        return _IMAGE_COLUMN
    if len(found) == 1:
        return str(found[0])
    columns = ", ".join(f"{field.name} ({field.type!s:.40})" for field in schema)
    raise ConfigError(
        f"{file} has {len(found) or 'no'} columns of encoded pictures; its columns: {columns}.",
        f"Name the column of the pictures {_IMAGE_COLUMN!r}; it holds their bytes.",
    )


def _labels(opened: Any, column: str, *, file: Path) -> list[str]:
    """The label of each row; a class that Hugging Face knows by a number has its name."""
    values = opened.read(columns=[column]).column(column).to_pylist()
    names = _class_names(opened.schema_arrow.metadata or {}, column)
    if names:
        values = [names.get(value, "") for value in values]
    return [spell_label(value, subject=f"{file}: row {i}") for i, value in enumerate(values)]


def _class_names(metadata: dict[bytes, bytes], column: str) -> dict[int, str]:
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return dict(enumerate(features[column]["names"]))
    except (KeyError, TypeError, ValueError):
        return {}
