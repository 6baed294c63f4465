"""Points in the plane from a file: NumPy's .npz and .npy, or CSV."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gantool.data.readers.labels import LABEL_COLUMNS, complete, spell_label
from gantool.data.readers.pictures import readable
from gantool.errors import ConfigError
from gantool.runs.zips import check_sizes

_POINT_ARRAYS = ("points", "samples", "x", "data", "arr_0")
_SUFFIXES = (".npz", ".npy", ".csv")


def read_points(file: Path) -> tuple[npt.NDArray[np.float32], list[str] | None]:
    """Points [N, 2] in the data's own units, and the label of each, or None.

    In a .npz they are the array `points`, and an array `labels` labels them; a .csv has two numbers
    a line, perhaps below a line of names.

    Raises:
        ConfigError: the file is of another kind, damaged, or its values are no points.
    """
    suffix = file.suffix.lower()
    if not file.is_file() or suffix not in _SUFFIXES:
        raise ConfigError(
            f"{file} is no file of points.", f"Give a file that ends with {', '.join(_SUFFIXES)}."
        )
    labels = None
    with readable(file):
        if suffix == ".npz":
            values, labels = _from_arrays(file)
        elif suffix == ".npy":
            values = np.load(file, allow_pickle=False)
        else:
            values = _from_table(file)
    if values.ndim != 2 or values.shape[1] != 2 or values.dtype.kind not in "fiu":
        shape = f"{values.dtype} [{', '.join(map(str, values.shape))}]"
        raise ConfigError(
            f"{file} holds {shape}, and points are numbers [N, 2].",
            "Save the two coordinates of each point in a row.",
        )
    points = values.astype(np.float32)
    if not np.isfinite(points).all():
        raise ConfigError(
            f"{file}: {int((~np.isfinite(points)).any(axis=1).sum())} points are not finite.",
            "Leave them out, and say so.",
        )
    return points, labels


def _from_arrays(file: Path) -> tuple[npt.NDArray[Any], list[str] | None]:
    with zipfile.ZipFile(file) as opened:
        check_sizes(file, opened.infolist())
    with np.load(file, allow_pickle=False) as arrays:
        name = _choose(arrays.files, file)
        values = np.asarray(arrays[name])
        column = next((key for key in LABEL_COLUMNS if key in arrays.files), None)
        if column is None:
            return values, None
        found = np.asarray(arrays[column]).ravel()
    if len(found) != len(values):
        raise ConfigError(
            f"{file}: {column} has {len(found):,} values for {len(values):,} points.",
            "Give one label for each point.",
        )
    labels = [spell_label(value, subject=f"{file}: {column}") for value in found]
    return values, complete(labels, lambda i: f"point {i}", subject=f"{file}: {column}")


def _choose(names: Sequence[str], file: Path) -> str:
    found = next((name for name in _POINT_ARRAYS if name in names), None)
    if found is None and len(names) == 1:
        found = names[0]
    if found is None:
        raise ConfigError(
            f"{file} holds the arrays {', '.join(names) or '(none)'}; which of them has the points "
            "is not clear.",
            f"Name it {_POINT_ARRAYS[0]!r}.",
        )
    return found


def _from_table(file: Path) -> npt.NDArray[np.float64]:
    try:
        return np.loadtxt(file, delimiter=",", ndmin=2)
    except ValueError:
        return np.loadtxt(file, delimiter=",", ndmin=2, skiprows=1)
