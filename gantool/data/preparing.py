"""The cache of prepared images: decoded, resized and cropped once, and put into order."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from gantool.config import Fit, spell_size
from gantool.data import splits
from gantool.data.parts import (
    Originals,
    Parts,
    Recipe,
    canonical_order,
    equal_groups,
    first_of_equals,
)
from gantool.data.prepared import FORMAT, Prepared, is_whole, open_prepared
from gantool.data.source import SPLITS, Indices, Source
from gantool.display import OnProgress
from gantool.errors import ConfigError, GantoolError
from gantool.runs.files import slug
from gantool.runs.names import name_as_text
from gantool.runs.places import user_cache

_Lost = list[tuple[str, str]]  # the name of each file that cannot be read, and the reason
_TEST = SPLITS.index("test")
_NAMED = 5  # unreadable files that a message names
_ABANDONED = 7 * 86_400  # seconds after which the parts of a stopped preparation are not kept


def data_folder(given: Path | None) -> Path:
    """The folder of data sets and caches.

    It is the given one, else `GANTOOL_DATA_DIR`, else the user's cache folder.
    """
    chosen = given or os.environ.get("GANTOOL_DATA_DIR") or user_cache()
    return Path(chosen).expanduser()


def prepare(
    source: Source,
    name: str,
    *,
    size: tuple[int, int],
    fit: Fit = "crop",
    channels: int | None,
    cache: Path,
    unique_test: bool = False,
    split_seed: int | None = None,
    progress: OnProgress = lambda done, total: None,
) -> Prepared:
    """Open the cached preparation of a source, made first if it is not there yet.

    Two processes that ask for the same data at once do the work once: the second waits. A
    preparation that was stopped is not taken for a whole one, and goes on where it was. Images that
    their content splits are put into the order of split, hash of their pixels and label, so that
    the same pictures have the same fingerprint however they are kept.

    Args:
        source: the images.
        name: the run's name for the data.
        size: (height, width) in pixels.
        fit: the way to that size.
        channels: 1, 3, 4, or None for grey exactly where every image is grey.
        cache: folder of caches.
        unique_test: leave out of the test split all but one of images with equal pixels.
        split_seed: of splits other than the data's own, made of what is prepared; or None.
        progress: told (images done, images in all) now and then.

    Raises:
        GantoolError: no image can be read, the source is missing or changes meanwhile, or the disk
            is full or read-only.
    """
    key = source.key()
    spelled = spell_size(size)
    digest = hashlib.sha256(
        f"{FORMAT} {key} {spelled} {fit} {channels} {unique_test}".encode()
    ).hexdigest()[:16]
    folder = _writable(cache) / f"{slug(name) or 'folder'}-{spelled}-{digest}"
    if not is_whole(folder):
        with _lock(folder):
            if not is_whole(folder):
                source.size, source.channels = size, channels
                try:
                    source.open()
                    _Preparation(
                        source, name, folder=folder, key=key, unique_test=unique_test
                    ).make(fit, progress=progress)
                except OSError as error:
                    shutil.rmtree(_parts_of(folder), ignore_errors=True)
                    raise GantoolError(
                        f"cannot prepare {name} in {folder.parent}: {error.strerror or error}",
                        "Make room there, or name another place with --data-dir.",
                    ) from None
                finally:
                    source.close()
    return open_prepared(folder, name, split_seed=split_seed, unique_test=unique_test)


def _writable(cache: Path) -> Path:
    """The cache folder; the user's own where a data folder is read-only.

    Folders of system-wide data sets are read-only.
    """
    places = [cache]
    with contextlib.suppress(GantoolError):
        places.append(user_cache())
    for place in places:
        try:
            (place / "prepared").mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(place / "prepared", os.W_OK):
            return place / "prepared"
    raise GantoolError(
        f"no place for prepared images: neither {cache} "
        "nor the user's cache folder can be written.",
        "Name a writable folder with --data-dir or GANTOOL_DATA_DIR.",
    )


def _lock(folder: Path) -> contextlib.AbstractContextManager[Any]:
    try:
        return FileLock(folder.with_suffix(".lock")).acquire(timeout=3600)
    except Timeout:
        raise GantoolError(
            f"another process has been preparing {folder.name} for an hour.",
            "Stop it, or use another --data-dir.",
        ) from None
    except OSError as error:
        raise GantoolError(
            f"cannot write to {folder.parent}: {error.strerror or error}",
            "Name another place with --data-dir.",
        ) from None


def _parts_of(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}-parts")


class _Preparation:
    """One preparation: its parts are made, merged, and become its folder at once."""

    def __init__(
        self, source: Source, name: str, *, folder: Path, key: str, unique_test: bool
    ) -> None:
        self._source = source
        self._name = name
        self._folder = folder
        self._key = key
        self._unique_test = unique_test

    def make(self, fit: Fit, *, progress: OnProgress) -> None:
        """Prepare the images, with one channel where no number is asked for and all are grey."""
        source, place = self._source, _parts_of(self._folder)
        _remove_abandoned(place.parent)
        recipe = Recipe(source=source, size=source.size, fit=fit, channels=source.channels or 3)
        work = np.arange(source.count)
        if source.splits is not None:
            work = np.concatenate([source.splits[split] for split in SPLITS]).astype(np.int64)
        self._check_room(2 * len(work) * recipe.bytes_each)
        place.mkdir(exist_ok=True)
        try:
            parts = Parts(recipe, work, folder=place)
            images = parts.make(progress)
            codes = self._codes(images)
            lost = [(source.name_of(i), reason) for i, reason in images.unreadable]
            self._check_images(codes, lost)
            depth = source.channels or (1 if images.gray.all() else 3)
            whole = place / "whole"
            shutil.rmtree(whole, ignore_errors=True)
            whole.mkdir()
            self._merge(parts, images, codes=codes, lost=lost, depth=depth, into=whole)
            shutil.rmtree(self._folder, ignore_errors=True)
            whole.rename(self._folder)
        except GantoolError:
            shutil.rmtree(place, ignore_errors=True)
            raise
        shutil.rmtree(place, ignore_errors=True)

    def _check_room(self, needed: int) -> None:
        free = shutil.disk_usage(self._folder.parent).free
        if free < needed:
            raise GantoolError(
                f"{self._name} needs {needed / 1e6:,.1f} MB in {self._folder.parent} while it is "
                f"prepared, and {free / 1e6:,.1f} MB are free.",
                "Make room there, or name another place with --data-dir.",
            )

    def _check_images(self, codes: Indices, lost: _Lost) -> None:
        if self._source.splits is None and self._source.key() != self._key:
            raise ConfigError(
                f"{self._name} changed while it was read.",
                "Run the same command again when nothing writes there any more.",
            )
        if not (codes == 0).any():
            reasons = "".join(f"\n  {name}: {reason}" for name, reason in lost[:_NAMED])
            raise ConfigError(
                f"{self._name}: no image to train on is left; "
                f"{len(lost)} files cannot be read.{reasons}",
                "Check the files, or give another folder.",
            )

    def _codes(self, images: Originals) -> Indices:
        """The split of each image, int64 [N], as its place in SPLITS."""
        if self._source.splits is None:
            return splits.by_content(images.digests)
        numbers = [self._source.splits[split] for split in SPLITS]
        code_of = np.zeros(1 + max(int(n.max(initial=0)) for n in numbers), dtype=np.int64)
        for code, chosen in enumerate(numbers):
            code_of[chosen] = code
        return code_of[images.numbers]

    def _merge(
        self,
        parts: Parts,
        images: Originals,
        *,
        codes: Indices,
        lost: _Lost,
        depth: int,
        into: Path,
    ) -> None:
        source = self._source
        order = np.arange(len(codes))
        if source.splits is None:
            order = canonical_order(images, codes, source.labels)
        if self._unique_test:
            is_test = codes[order] == _TEST
            order = order[first_of_equals(images.digests[order]) | ~is_test]
        images, codes = images[order], codes[order]
        digest = hashlib.sha256()
        parts.merge(order, into / "images.u8", channels=depth, told=digest.update)
        if source.factors is not None:
            np.save(into / "factors.npy", source.factors[images.numbers])
        if source.labels is not None:
            labels = source.labels[images.numbers]
            digest.update(labels.tobytes())
            np.save(into / "labels.npy", labels)
        images.save(into / "originals.npz")
        names = [source.name_of(i) for i in images.numbers.tolist()]
        known = {"images": names, "unreadable": lost, "warnings": source.warnings}
        duplicates = _equal_names(images, names)
        (into / "names.json").write_text(json.dumps(known), encoding="utf-8")
        (into / "duplicates.json").write_text(json.dumps(duplicates), encoding="utf-8")
        size = spell_size(source.size)
        about: dict[str, Any] = {
            "format": FORMAT,
            "image_size": size,
            "channels": depth,
            "splits": {split: int((codes == i).sum()) for i, split in enumerate(SPLITS)},
            "classes": [name_as_text(name) for name in source.classes],
            "unreadable": len(lost),
            "duplicates": [len(duplicates), sum(map(len, duplicates))],
            "notes": self._notes(lost, duplicates),
            "factor_values": dict(source.factor_values),
        }
        digest.update(json.dumps([about["splits"], size, depth, about["classes"]]).encode())
        about["fingerprint"] = digest.hexdigest()
        (into / "about.json").write_text(json.dumps(about), encoding="utf-8")

    def _notes(self, lost: _Lost, duplicates: list[list[str]]) -> list[str]:
        notes = list(self._source.warnings)
        if lost:
            named = "; ".join(f"{name}: {reason}" for name, reason in lost[:_NAMED])
            more = f"; and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
            notes.append(
                f"{self._name}: {len(lost)} files cannot be read and are left out ({named}{more})."
            )
        if duplicates and self._source.splits is None:
            notes.append(
                f"{self._name}: {sum(map(len, duplicates))} images are in {len(duplicates)} groups "
                "of equal ones, each group in one split; `gantool inspect` lists them."
            )
        return [name_as_text(note) for note in notes]


def _equal_names(images: Originals, names: Sequence[str]) -> list[list[str]]:
    """The names of the images of each group of equal ones."""
    groups = equal_groups(images.digests)
    named: dict[int, list[str]] = {}
    for i in np.flatnonzero(np.bincount(groups)[groups] > 1).tolist():
        named.setdefault(int(groups[i]), []).append(names[i])
    return sorted(sorted(group) for group in named.values())


def _remove_abandoned(folder: Path) -> None:
    for parts in folder.glob(".*-parts"):
        with contextlib.suppress(OSError):
            if time.time() - parts.stat().st_mtime > _ABANDONED:
                shutil.rmtree(parts, ignore_errors=True)
