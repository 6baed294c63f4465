"""The cache of prepared images: resized, cropped and decoded once, then memory-mapped."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import platformdirs
from filelock import FileLock, Timeout

from gantool.config import Fit, parse_size, spell_size
from gantool.data.mixture import Mixture
from gantool.data.pixels import fitted
from gantool.data.source import SPLITS, Source, UnreadableImageError
from gantool.display import OnProgress
from gantool.errors import ConfigError, GantoolError
from gantool.plugins.spec import Kind
from gantool.runs.files import slug

if TYPE_CHECKING:
    import torch

_FORMAT = 1
_CHUNK = 16  # images that a thread decodes before it hands them on
_BUFFER = 1 << 22  # bytes of prepared images that are written at once
_NAMED = 5  # unreadable files that a message names
_EQUAL = 1e-12  # shares that differ by less differ by rounding

_Chunk = list[tuple[str, int]]  # split and number of images
_Decoded = list[bytes | UnreadableImageError]


class Split(Protocol):
    """The samples of one split, of whatever kind.

    Attributes:
        values: the samples as they are shown and scored: images uint8 [N, height, width, channels],
            or points in the plane float32 [N, 2], in the data's own units.
        labels: int64 [N], or None.
    """

    @property
    def values(self) -> npt.NDArray[Any]:
        """All samples."""

    @property
    def labels(self) -> npt.NDArray[np.int64] | None:
        """The label of each."""

    def __len__(self) -> int: ...

    def tensor(self, chosen: npt.NDArray[np.int64], device: torch.device) -> torch.Tensor:
        """The chosen samples as a model sees them, float32 in [-1, 1], on a device."""


def on_device(values: npt.NDArray[Any], device: torch.device) -> torch.Tensor:
    """An array as a tensor of its type on a device; to CUDA it is copied while the host goes on."""
    import torch

    tensor = torch.from_numpy(values)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


@dataclass(frozen=True, slots=True)
class ImageSplit:
    """The images of one split.

    Attributes:
        images: uint8 [N, height, width, channels], memory-mapped, read-only.
        labels: int64 [N], or None.
        factors: int64 [N, F], what each image is made of, or None.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64] | None
    factors: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def values(self) -> npt.NDArray[np.uint8]:
        """The images."""
        return self.images

    def tensor(self, chosen: npt.NDArray[np.int64], device: torch.device) -> torch.Tensor:
        """The chosen images, float32 [n, C, H, W] in [-1, 1], channels-last in memory."""
        images = on_device(self.images[chosen], device)
        return images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A data set ready to train on.

    Attributes:
        name: the data set's name, or the folder's.
        fingerprint: SHA-256 of pixels (or points), labels and splits: equal for equal training
            data, wherever it came from.
        size: (height, width) in pixels; (0, 0) for points.
        channels: 1, 3 or 4 (RGB with alpha); 0 for points.
        classes: the name of each label; empty where there are no labels.
        unreadable: the number of files that could not be decoded and are left out.
        splits: "train", "validation" and "test".
        notes: sentences that the user should be told.
        kind: images, or points in the plane.
        truth: the formula that points are drawn from; None for images.
        scale: the length that is 1 for a model of points.
        factor_values: the name of each factor, and how many values it has; empty where the splits
            have no factors.
    """

    name: str
    fingerprint: str
    size: tuple[int, int]
    channels: int
    classes: tuple[str, ...]
    unreadable: int
    splits: dict[str, Split]
    notes: tuple[str, ...] = ()
    kind: Kind = "images"
    truth: Mixture | None = None
    scale: float = 1.0
    factor_values: dict[str, int] = field(default_factory=dict)

    @property
    def train(self) -> Split:
        """The samples that training sees."""
        return self.splits["train"]

    @property
    def shares(self) -> tuple[float, ...] | None:
        """The share of each class in the training split; None where all are equal, or none is.

        Of points from a formula it is the formula's, which their counts only estimate.
        """
        labels, classes = self.train.labels, len(self.classes)
        if labels is None or not classes:
            return None
        weights = None
        if self.truth is not None and self.truth.labels is not None:
            labels, weights = self.truth.labels, self.truth.shares
        counts = np.bincount(labels, weights=weights, minlength=classes)
        shares = counts / counts.sum()
        return None if np.ptp(shares) < _EQUAL else tuple(shares.tolist())


def data_folder(given: Path | None) -> Path:
    """The folder of data sets and caches.

    It is the given one, else `GANTOOL_DATA_DIR`, else the user's cache folder.
    """
    chosen = given or os.environ.get("GANTOOL_DATA_DIR") or platformdirs.user_cache_path("gantool")
    return Path(chosen).expanduser()


def prepare(
    source: Source,
    name: str,
    *,
    size: tuple[int, int],
    fit: Fit = "crop",
    channels: int | None,
    cache: Path,
    progress: OnProgress = lambda done, total: None,
) -> Prepared:
    """Open the cached preparation of a source, made first if it is not there yet.

    Two processes that ask for the same data at once do the work once: the second waits. A
    preparation that was interrupted leaves nothing that is taken for a whole one.

    Args:
        source: the images.
        name: the run's name for the data.
        size: (height, width) in pixels.
        fit: the way to that size.
        channels: 1, 3, 4, or None for grey exactly where every image is grey.
        cache: folder of caches.
        progress: told (images done, images in all) now and then.

    Raises:
        GantoolError: no image can be read, the source is missing, or the disk is full or read-only.
    """
    spelled = spell_size(size)
    way = "" if fit == "crop" else f" {fit}"
    digest = hashlib.sha256(
        f"{_FORMAT} {source.key()} {spelled} {channels}{way}".encode()
    ).hexdigest()[:16]
    folder = _writable(cache) / f"{slug(name) or 'folder'}-{spelled}-{digest}"
    if not _is_whole(folder):
        with _lock(folder):
            if not _is_whole(folder):
                try:
                    _build(
                        folder,
                        source,
                        name=name,
                        size=size,
                        fit=fit,
                        channels=channels,
                        progress=progress,
                    )
                except OSError as error:
                    raise GantoolError(
                        f"cannot prepare {name} in {folder.parent}: {error.strerror or error}",
                        "Make room there, or name another place with --data-dir.",
                    ) from None
                finally:
                    source.close()
    return _open(folder, name)


def _writable(cache: Path) -> Path:
    """The cache folder; the user's own where a data folder is read-only.

    Folders of system-wide data sets are read-only.
    """
    for place in (cache, platformdirs.user_cache_path("gantool")):
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


def _is_whole(folder: Path) -> bool:
    about = _about(folder)
    if about is None:
        return False
    try:
        return (folder / "images.u8").stat().st_size == int(np.prod(_shape(about), dtype=np.int64))
    except (OSError, KeyError, TypeError, ValueError):
        return False


def _about(folder: Path) -> dict[str, Any] | None:
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return about if isinstance(about, dict) and about.get("format") == _FORMAT else None


def _shape(about: dict[str, Any]) -> tuple[int, int, int, int]:
    return (sum(about["splits"].values()), *parse_size(about["image_size"]), about["channels"])


def _build(
    folder: Path,
    source: Source,
    name: str,
    size: tuple[int, int],
    fit: Fit,
    channels: int | None,
    progress: OnProgress,
) -> None:
    # Such folders are of a process that died: the lock is ours now.
    for stale in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(stale, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        source.size, source.channels = size, channels
        source.open()
        depth = channels or (1 if source.is_gray() else 3)
        with (temporary / "images.u8").open("wb", buffering=_BUFFER) as file:
            kept, unreadable, digest = _write_images(
                file, source, size=size, fit=fit, channels=depth, progress=progress
            )
        if not kept["train"]:
            reasons = "".join(f"\n  {line}" for line in unreadable[:_NAMED])
            raise ConfigError(
                f"{name}: no image to train on is left; "
                f"{len(unreadable)} files cannot be read.{reasons}",
                "Check the files, or give another folder.",
            )
        numbers = [number for split in SPLITS for number in kept[split]]
        if source.factors is not None:
            np.save(temporary / "factors.npy", source.factors[numbers])
        if source.labels is not None:
            labels = source.labels[numbers]
            digest.update(labels.tobytes())
            np.save(temporary / "labels.npy", labels)
        about = {
            "format": _FORMAT,
            "image_size": spell_size(size),
            "channels": depth,
            "splits": {split: len(kept[split]) for split in SPLITS},
            "classes": list(source.classes),
            "unreadable": len(unreadable),
            "notes": _notes(name, unreadable, source=source),
            "factor_values": dict(source.factor_values),
        }
        identity = [about[key] for key in ("splits", "image_size", "channels", "classes")]
        digest.update(json.dumps(identity).encode())
        about["fingerprint"] = digest.hexdigest()
        (temporary / "about.json").write_text(json.dumps(about), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _write_images(
    file: IO[bytes],
    source: Source,
    size: tuple[int, int],
    fit: Fit,
    channels: int,
    progress: OnProgress,
) -> tuple[dict[str, list[int]], list[str], Any]:
    kept: dict[str, list[int]] = {split: [] for split in SPLITS}
    unreadable: list[str] = []
    digest = hashlib.sha256()
    work = [(split, int(number)) for split in SPLITS for number in source.splits[split]]

    def decode(number: int) -> bytes | UnreadableImageError:
        try:
            return fitted(source.image(number), size, fit=fit, channels=channels).tobytes()
        except UnreadableImageError as error:
            return error

    done = 0
    for chunk, results in _on_every_core(
        lambda chunk: [decode(number) for _, number in chunk], work
    ):
        for (split, number), result in zip(chunk, results, strict=True):
            if isinstance(result, bytes):
                kept[split].append(number)
                digest.update(result)
                file.write(result)
            else:
                unreadable.append(f"{source.name_of(number)}: {result}")
        done += len(chunk)
        progress(done, len(work))
    return kept, unreadable, digest


def _on_every_core(
    decode: Callable[[_Chunk], _Decoded], work: _Chunk
) -> Iterator[tuple[_Chunk, _Decoded]]:
    """Each chunk with its decoded images, in order.

    A few chunks are ahead of the one that is being written.
    """
    cores = os.cpu_count() or 1
    waiting: deque[tuple[_Chunk, Future[_Decoded]]] = deque()
    # Pillow decodes and resizes outside the interpreter's lock, so threads use every core.
    with ThreadPoolExecutor(cores) as pool:
        for start in range(0, len(work), _CHUNK):
            chunk = work[start : start + _CHUNK]
            waiting.append((chunk, pool.submit(decode, chunk)))
            if len(waiting) > 4 * cores:
                first, decoded = waiting.popleft()
                yield first, decoded.result()
        for chunk, decoded in waiting:
            yield chunk, decoded.result()


def _notes(name: str, unreadable: list[str], source: Source) -> list[str]:
    notes = list(source.warnings)
    if unreadable:
        named = "; ".join(unreadable[:_NAMED])
        more = f"; and {len(unreadable) - _NAMED} more" if len(unreadable) > _NAMED else ""
        notes.append(
            f"{name}: {len(unreadable)} files cannot be read and are left out ({named}{more})."
        )
    return notes


def _open(folder: Path, name: str) -> Prepared:
    about = _about(folder)
    if about is None:
        raise GantoolError(
            f"the prepared images in {folder} were removed.", "Run the same command again."
        )
    images = np.memmap(folder / "images.u8", dtype=np.uint8, mode="r", shape=_shape(about))
    labels, factors = (_saved(folder / name) for name in ("labels.npy", "factors.npy"))
    splits: dict[str, Split] = {}
    start = 0
    for split in SPLITS:
        part = slice(start, start + about["splits"][split])
        splits[split] = ImageSplit(
            images[part],
            None if labels is None else labels[part],
            None if factors is None else factors[part],
        )
        start = part.stop
    return Prepared(
        name=name,
        fingerprint=about["fingerprint"],
        size=parse_size(about["image_size"]),
        channels=about["channels"],
        classes=tuple(about["classes"]),
        unreadable=about["unreadable"],
        splits=splits,
        notes=tuple(about["notes"]),
        factor_values=about.get("factor_values", {}),
    )


def _saved(file: Path) -> npt.NDArray[np.int64] | None:
    return np.load(file, allow_pickle=False) if file.exists() else None
