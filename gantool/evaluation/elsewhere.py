"""Samples from elsewhere: those that another program drew, read from where it left them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gantool.config import TrainConfig
from gantool.data.load import open_path
from gantool.data.parts import Originals
from gantool.data.points.reading import read_points
from gantool.data.prepared import Prepared
from gantool.data.preparing import data_folder, prepare
from gantool.data.readers.labels import numbered
from gantool.data.source import SPLITS
from gantool.display import OnProgress
from gantool.errors import ConfigError
from gantool.plugins.registry import Registry
from gantool.runs.records import Origin

FEWEST = 100  # samples, below which no score says anything
_ORDER_SEED = 2019
_NAMED = 3  # sizes or labels that a message names
_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Samples that another program drew, in random order.

    Attributes:
        values: images uint8 [N, H, W, C], of the data's size and channels, or points float32 [N, 2]
            in the data's own units.
        labels: int64 [N], the class that each was asked for; None where that is not known.
        origin: of them.
        notes: sentences that the user should be told.
    """

    values: npt.NDArray[Any]
    labels: _Numbers | None
    origin: Origin
    notes: tuple[str, ...] = ()


def read_samples(
    path: Path,
    data: Prepared,
    *,
    config: TrainConfig,
    resize: bool,
    registry: Registry,
    progress: OnProgress = lambda done, total: None,
) -> Elsewhere:
    """Read samples to be measured against some data.

    Images are read from whatever images of one's own are read from, and prepared as those are,
    points from a file of numbers. Where there are more than are to be scored, some are chosen at
    random; which ones does not depend on how they are kept.

    Args:
        path: folder or file.
        data: that they are measured against.
        config: the number that is scored, and the way to another size.
        resize: whether images of another size come to the data's as its own do; else they are
            refused.
        registry: the readers there are.
        progress: told of images prepared.

    Raises:
        ConfigError: there are no samples there, too few, or they are not of the data's shape.
    """
    path = path.expanduser().resolve()
    if not path.exists():
        raise ConfigError(f"--samples {path}: there is no such folder or file.", "Check the path.")
    if (path / "run.json").exists():
        raise ConfigError(
            f"--samples {path} is a run, whose samples are drawn.",
            f"Score it with: gantool evaluate {path}",
        )
    try:
        if data.kind == "points":
            return _read_points(path, data, most=config.evaluation_samples)
        return _Images(path, data, config, registry).read(resize, progress)
    except ConfigError as error:  # readers speak of data to train on
        error.remedy = error.remedy.replace("--data", "--samples")
        raise


class _Images:
    """The images at a path, prepared to stand beside some data."""

    def __init__(self, path: Path, data: Prepared, config: TrainConfig, registry: Registry) -> None:
        self._path, self._data, self._config, self._registry = path, data, config, registry

    def read(self, resize: bool, progress: OnProgress) -> Elsewhere:
        data, most = self._data, self._config.evaluation_samples
        source, name = open_path(self._path, self._registry)
        prepared = prepare(
            source,
            name,
            size=data.size,
            fit=self._config.fit,
            channels=max(3, data.channels),
            cache=data_folder(self._config.data_dir),
            progress=progress,
        )
        total = sum(len(split) for split in prepared.splits.values())
        _check_number(self._path, total, data)
        resized = self._other_sizes(prepared)
        if resized and not resize:
            some = ", ".join(resized[:_NAMED])
            raise ConfigError(
                f"--samples {self._path} holds images of {some}; those of {data.name} are "
                f"{_spell(data.size)}.",
                "Give images of that size, or add --resize, which brings them to it as the data's "
                "own are (--fit).",
            )
        chosen = np.random.default_rng(_ORDER_SEED).permutation(total)[:most]
        values, numbers = _taken(prepared, chosen)
        if data.channels == 1:
            values = self._gray(values)
        labels = None if numbers is None else _as_classes(numbers, prepared.classes, data.classes)
        notes = _notes(self._path, data, labels=labels, given=prepared.classes)
        if prepared.unreadable:
            notes.append(f"{prepared.unreadable} files there cannot be read and are left out.")
        if resized:
            notes.append(
                f"images of {', '.join(resized[:_NAMED])} were resized to {_spell(data.size)} "
                f"(fit {self._config.fit}); that changes scores."
            )
        origin = Origin(
            path=str(self._path),
            sha256=prepared.fingerprint,
            samples=total,
            scored=len(values),
            labels=labels is not None,
            resized=resized,
            unreadable=prepared.unreadable,
        )
        return Elsewhere(values, labels, origin, tuple(notes))

    def _other_sizes(self, prepared: Prepared) -> list[str]:
        """The sizes of images that are not of the data's, the most frequent first."""
        assert prepared.folder is not None
        sizes = Originals.load(prepared.folder / "originals.npz").sizes
        found, counts = np.unique(sizes, axis=0, return_counts=True)
        ordered = [tuple(found[i].tolist()) for i in np.argsort(-counts, kind="stable")]
        return [_spell(size) for size in ordered if size != self._data.size]

    def _gray(self, values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Images [N, H, W, 3] without colors with one channel."""
        colored = (values != values[..., :1]).any(axis=(1, 2, 3))
        if colored.any():
            raise ConfigError(
                f"--samples {self._path}: {int(colored.sum()):,} images have colors; those of "
                f"{self._data.name} have none.",
                "Make them gray, or compare on the data in color: --channels 3.",
            )
        return np.ascontiguousarray(values[..., :1])


def _read_points(path: Path, data: Prepared, *, most: int) -> Elsewhere:
    points, given = read_points(path)
    _check_number(path, len(points), data)
    classes, numbers = ((), None) if given is None else numbered(given)
    keys = (points[:, 1], points[:, 0])
    order = np.lexsort(keys if numbers is None else (numbers, *keys))
    digest = hashlib.sha256(points[order].tobytes())
    if given is not None:
        digest.update("\n".join(given[i] for i in order).encode(errors="surrogateescape"))
    chosen = order[np.random.default_rng(_ORDER_SEED).permutation(len(points))[:most]]
    labels = None if numbers is None else _as_classes(numbers[chosen], classes, data.classes)
    origin = Origin(
        path=str(path),
        sha256=digest.hexdigest(),
        samples=len(points),
        scored=len(chosen),
        labels=labels is not None,
    )
    notes = _notes(path, data, labels=labels, given=classes)
    return Elsewhere(points[chosen], labels, origin, tuple(notes))


def _check_number(path: Path, there: int, data: Prepared) -> None:
    if there < FEWEST:
        raise ConfigError(
            f"--samples {path} holds {there} {data.kind}, from which no score says anything.",
            f"Draw more: {FEWEST} are the fewest, and runs are scored by thousands.",
        )


def _notes(
    path: Path, data: Prepared, *, labels: _Numbers | None, given: Sequence[str]
) -> list[str]:
    """The fate of the labels, where the data has classes."""
    if not data.classes or labels is not None:
        return []
    if not given:
        return [f"{path} has no labels: scores of labels asked for are left out."]
    some = ", ".join(given[:_NAMED])
    return [
        f"the labels of {path} ({some} ...) are no classes of {data.name}: scores of labels asked "
        "for are left out."
    ]


def _taken(prepared: Prepared, chosen: _Numbers) -> tuple[npt.NDArray[np.uint8], _Numbers | None]:
    """The chosen images, numbered through all splits, and their labels."""
    values = np.empty((len(chosen), *prepared.size, prepared.channels), dtype=np.uint8)
    labels = None if prepared.train.labels is None else np.empty(len(chosen), dtype=np.int64)
    start = 0
    for split in (prepared.splits[name] for name in SPLITS):
        here = np.flatnonzero((chosen >= start) & (chosen < start + len(split)))
        taken = split.take(chosen[here] - start)
        values[here] = taken.values
        if labels is not None and taken.labels is not None:
            labels[here] = taken.labels
        start += len(split)
    return values, labels


def _as_classes(numbers: _Numbers, given: Sequence[str], classes: Sequence[str]) -> _Numbers | None:
    """Labels as the data's: by the names of its classes, else by their numbers; None if neither.

    Args:
        numbers: int64 [N], places among the given names.
        given: names of the labels.
        classes: the data's.
    """
    place = {name: i for i, name in enumerate(classes)}
    if not set(given) <= place.keys():
        place = {str(i): i for i in range(len(classes))}
    if not set(given) <= place.keys():
        return None
    return np.array([place[name] for name in given], dtype=np.int64)[numbers]


def _spell(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
