"""Reading many rows of a memory-mapped array at once, without mapping them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gantool.errors import GantoolError

Rows = npt.NDArray[np.uint8]
_BRIDGED = 1 << 17  # bytes between two rows that are read with them, rather than left out
_ROWS = 1000  # of one call; systems take 1024
_BYTES = 1 << 30  # of one call; Linux reads no more than two of these


def read_rows(array: Rows, chosen: npt.NDArray[np.int64]) -> Rows:
    """The chosen rows of an array, in their order, in memory of their own.

    Rows of a file are read in the file's order, neighbors at once, and do not count as this
    process's mapped memory afterwards. Elsewhere than on a system with `preadv`, and of an array
    that is no file's, they are copied.

    Args:
        array: uint8 [N, ...].
        chosen: int64 [n], each number at most once.

    Raises:
        GantoolError: the file cannot be read, or was cut off.
    """
    found = _file_of(array)
    if found is None or not hasattr(os, "preadv"):
        return np.asarray(array)[chosen]
    path, offset = found
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            return _read(file, array, chosen=chosen, offset=offset)
        finally:
            os.close(file)
    except OSError as error:
        raise GantoolError(
            f"the prepared images in {path} cannot be read: {error.strerror or error}",
            "Run the same command again, which prepares them anew where they are gone; "
            "a run goes on with `gantool resume`.",
        ) from None


def _file_of(array: npt.NDArray[Any]) -> tuple[Path, int] | None:
    """The file that an array is mapped from, and the place of its first byte there."""
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    filename = getattr(root, "filename", None)
    if filename is None or root.base is None or not array.flags.c_contiguous:
        return None
    begin, first = (part.__array_interface__["data"][0] for part in (root, array))
    return Path(filename), root.offset + first - begin


def _read(file: int, array: Rows, *, chosen: npt.NDArray[np.int64], offset: int) -> Rows:
    rows = np.empty((len(chosen), *array.shape[1:]), dtype=array.dtype)
    if not rows.size:
        return rows
    size = rows[0].nbytes
    _advise(file, "POSIX_FADV_RANDOM", 0, 0)  # nothing is read but what is asked for
    flat, spare = rows.reshape(len(rows), size), np.empty(size, dtype=rows.dtype)
    runs = list(_runs(chosen, _BRIDGED // size, most=max(1, min(_ROWS, _BYTES // size))))
    for i, (first, places) in enumerate(runs):
        for begin, ahead in runs[i + 1 : i + 2]:
            _advise(file, "POSIX_FADV_WILLNEED", offset + begin * size, len(ahead) * size)
        buffers: list[Any] = [spare if place < 0 else flat[place] for place in places.tolist()]
        if os.preadv(file, buffers, offset + first * size) != len(buffers) * size:
            raise OSError("it was cut off")
    return rows


def _runs(
    chosen: npt.NDArray[np.int64], bridged: int, *, most: int
) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Runs of at most so many rows that lie together in the file.

    Each is the first row's number, and the places of the rows from there on in `chosen`, -1 for one
    that is not chosen.
    """
    order = np.argsort(chosen)
    numbers = chosen[order]
    breaks = np.flatnonzero(np.diff(numbers) > bridged + 1) + 1
    for part, their in zip(np.split(order, breaks), np.split(numbers, breaks), strict=True):
        places = np.full(their[-1] - their[0] + 1, -1)
        places[their - their[0]] = part
        for start in range(0, len(places), most):
            yield int(their[0]) + start, places[start : start + most]


def _advise(file: int, advice: str, begin: int, length: int) -> None:
    """Tell the system of what is to be read, where it can be told."""
    if hasattr(os, advice):
        os.posix_fadvise(file, begin, length, getattr(os, advice))
