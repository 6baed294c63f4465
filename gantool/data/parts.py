"""Images prepared part by part: what one core does at a time, and a restart need not do again."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gantool.config import Fit
from gantool.data import splits
from gantool.data.pixels import decode, fitted, has_gray_mode, upright_size
from gantool.data.source import Indices, Source, UnreadableImageError
from gantool.display import OnProgress
from gantool.errors import GantoolError
from gantool.runs.files import appearing

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST = 256  # images of a part
_FEWEST = 16
_PARTS = 64  # a small set has about so many, so that the progress shows
_PART_BYTES = 1 << 25
_CHUNK_BYTES = 1 << 26  # bytes of images that a core brings into order at once
_MANY = 1_000  # images that are worth the start of further processes
_COLUMNS = ("numbers", "digests", "sizes", "modes", "gray", "clear")  # of Originals
_DETAIL = 2  # a JPEG is decoded to at least so many times the pixels, a side, that are wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The way in which the images of a source are prepared.

    Attributes:
        source: opened.
        size: (height, width) in pixels.
        fit: the way to that size.
        channels: 1, 3 or 4.
    """

    source: Source
    size: tuple[int, int]
    fit: Fit
    channels: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of an image."""
        return (*self.size, self.channels)

    @property
    def bytes_each(self) -> int:
        """Bytes of an image."""
        return int(np.prod(self.shape))


@dataclass(frozen=True, slots=True, kw_only=True)
class Originals:
    """The images that were prepared, without their pixels.

    Attributes:
        numbers: int64 [N], of each image in its source.
        digests: uint8 [N, 32], SHA-256 of the pixels; an image without colors has one and the same
            in grey and in RGB.
        sizes: int32 [N, 2], (height, width) in pixels before it was prepared.
        modes: [N], Pillow's name of its mode then.
        gray: bool [N], whether it had no colors.
        clear: bool [N], whether any of it was transparent.
        unreadable: number in the source, and reason, of those that could not be decoded.
    """

    numbers: Indices
    digests: npt.NDArray[np.uint8]
    sizes: npt.NDArray[np.int32]
    modes: npt.NDArray[np.str_]
    gray: npt.NDArray[np.bool_]
    clear: npt.NDArray[np.bool_]
    unreadable: tuple[tuple[int, str], ...] = ()

    def save(self, file: Path) -> None:
        """Write to a file, which appears whole or not at all."""
        with appearing(file) as opened:
            np.savez(
                opened,
                **{key: getattr(self, key) for key in _COLUMNS},
                unreadable=np.array([number for number, _ in self.unreadable], dtype=np.int64),
                reasons=np.array([reason for _, reason in self.unreadable], dtype=np.str_),
            )

    @classmethod
    def load(cls, file: Path) -> Originals:
        """Read what `save` wrote.

        Raises:
            OSError, ValueError, KeyError: it is not there, or damaged.
        """
        with np.load(file, allow_pickle=False) as saved:
            reasons = zip(saved["unreadable"].tolist(), saved["reasons"].tolist(), strict=True)
            return cls(
                unreadable=tuple(reasons),
                **{key: saved[key] for key in _COLUMNS},
            )

    def __getitem__(self, chosen: Any) -> Originals:
        return replace(self, **{key: getattr(self, key)[chosen] for key in _COLUMNS})

    @classmethod
    def concatenated(cls, parts: Sequence[Originals]) -> Originals:
        """Those of several parts, one after the other."""
        return cls(
            unreadable=tuple(entry for part in parts for entry in part.unreadable),
            **{key: np.concatenate([getattr(part, key) for part in parts]) for key in _COLUMNS},
        )


def canonical_order(
    images: Originals, codes: Indices, labels: Indices | None
) -> npt.NDArray[np.int64]:
    """The order by split, then hash of the pixels, then label: the same however they were kept.

    Args:
        images: N of them.
        codes: int64 [N], the split of each.
        labels: int64 of all images of the source, or None.
    """
    digests = np.ascontiguousarray(images.digests).view(">u8").astype(np.uint64)
    by_digest = [digests[:, i] for i in reversed(range(digests.shape[1]))]
    by_label = [] if labels is None else [labels[images.numbers]]
    return np.lexsort((*by_label, *by_digest, codes))


def equal_groups(digests: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """For each image, uint8 [N, 32], the number of its group of equal ones, int64 [N]."""
    whole = np.ascontiguousarray(digests).view("V32").ravel()
    found: npt.NDArray[np.int64] = np.unique(whole, return_inverse=True)[1]
    return found


def first_of_equals(digests: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Whether each image, uint8 [N, 32], is the first of those with equal pixels, bool [N]."""
    is_first = np.zeros(len(digests), dtype=np.bool_)
    is_first[np.unique(equal_groups(digests), return_index=True)[1]] = True
    return is_first


def digest_of(pixels: npt.NDArray[np.uint8]) -> bytes:
    """SHA-256 of an image, uint8 [height, width, channels].

    Channels that say nothing do not count: an alpha that is all 255, colors that are all equal.
    """
    if pixels.shape[2] == 4 and (pixels[..., 3] == 255).all():
        pixels = pixels[..., :3]
    # A row that has colors spares the look at all of them.
    if _without_colors(pixels[len(pixels) // 2]) and _without_colors(pixels):
        pixels = pixels[..., :1]
    return hashlib.sha256(pixels.tobytes()).digest()


def _without_colors(pixels: npt.NDArray[np.uint8]) -> bool:
    return bool((pixels == pixels[..., :1]).all())


class Parts:
    """The parts of one preparation, in a folder.

    Args:
        recipe: how the images are prepared.
        work: int64 [N], numbers of the images, in order.
        folder: of the parts; those that are whole there are not made again.
    """

    def __init__(self, recipe: Recipe, work: Indices, *, folder: Path) -> None:
        self._recipe = recipe
        self._folder = folder
        most = min(_MOST, _PART_BYTES // recipe.bytes_each)
        self._length = max(1, min(most, max(_FEWEST, len(work) // _PARTS)))
        self._work = [work[i : i + self._length] for i in range(0, len(work), self._length)]

    def make(self, progress: OnProgress) -> Originals:
        """Decode all images on every core, and describe them, part after part.

        Raises:
            OSError: the disk is full.
            GantoolError: the system killed a process that decoded.
        """
        total = sum(map(len, self._work))
        todo = [k for k in range(len(self._work)) if not self._is_whole(k)]
        done = total - sum(len(self._work[k]) for k in todo)
        with _workers(self._recipe, images=total - done) as submit:
            waiting = {submit(self._work[k], self._file(k)): k for k in todo}
            for future in as_completed(waiting):
                future.result()
                done += len(self._work[waiting[future]])
                progress(done, total)
        described = [Originals.load(self._file(k)) for k in range(len(self._work))]
        self._starts = np.cumsum([0, *(len(images.numbers) for images in described)])
        return Originals.concatenated(described)

    def merge(
        self, order: Indices, file: Path, *, channels: int, told: Callable[[memoryview], object]
    ) -> None:
        """Write the images, in an order of those that `make` described, on every core.

        Args:
            order: int64 [N].
            file: gets uint8 [N, height, width, channels].
            channels: the first so many of each image.
            told: told its content, some at a time.

        Raises:
            OSError: the disk is full.
        """
        step = max(1, _CHUNK_BYTES // self._recipe.bytes_each)
        bytes_each = int(np.prod(self._recipe.size)) * channels
        cores = os.cpu_count() or 1
        file.touch()
        with ThreadPoolExecutor(cores) as pool:

            def write(start: int) -> memoryview:
                chunk = self._take(order[start : start + step])[..., :channels]
                content = np.ascontiguousarray(chunk).data.cast("B")
                with file.open("r+b") as opened:
                    opened.seek(start * bytes_each)
                    opened.write(content)
                return content

            starts = range(0, len(order), step)
            for i in range(0, len(starts), cores):  # no more of them in memory than cores
                for content in pool.map(write, starts[i : i + cores]):
                    told(content)

    def _take(self, chosen: Indices) -> npt.NDArray[np.uint8]:
        """Some images, uint8 [n, height, width, channels].

        Each part is read from its beginning to its end, where its images come in that order.
        """
        shape, size = self._recipe.shape, self._recipe.bytes_each
        taken = np.empty((len(chosen), *shape), dtype=np.uint8)
        part_of = np.searchsorted(self._starts, chosen, side="right") - 1
        for part in np.unique(part_of):
            here = np.flatnonzero(part_of == part)
            positions = chosen[here] - self._starts[part]
            first, last = int(positions.min()), int(positions.max())
            read = np.fromfile(
                _pixels(self._file(part)),
                dtype=np.uint8,
                count=(last - first + 1) * size,
                offset=first * size,
            )
            taken[here] = read.reshape(-1, *shape)[positions - first]
        return taken

    def _file(self, part: int) -> Path:
        return self._folder / f"{part:06d}.npz"

    def _is_whole(self, part: int) -> bool:
        try:
            images = Originals.load(self._file(part))
            length = _pixels(self._file(part)).stat().st_size
        except Exception:  # whatever is wrong with it, it is made again
            return False
        return length == len(images.numbers) * self._recipe.bytes_each


def _pixels(file: Path) -> Path:
    return file.with_suffix(".u8")


def _make(recipe: Recipe, numbers: Indices, file: Path) -> None:
    """Decode some images into a part."""
    source = recipe.source
    kept: list[int] = []
    digests, sizes, modes, grays, clear, unreadable = [], [], [], [], [], []
    pixels = np.empty((len(numbers), *recipe.shape), dtype=np.uint8)
    least = (_DETAIL * recipe.size[0], _DETAIL * recipe.size[1])
    for number in map(int, numbers):
        try:
            with source.image(number) as image:
                size, mode = upright_size(image), image.mode
                decoded = decode(image, least=least)
                gray = has_gray_mode(image)  # which loads a palette, sound by now
            prepared = fitted(decoded, recipe.size, fit=recipe.fit, channels=recipe.channels)
        except UnreadableImageError as error:
            unreadable.append((number, str(error)))
            continue
        pixels[len(kept)] = prepared
        kept.append(number)
        digests.append(np.frombuffer(digest_of(prepared), dtype=np.uint8))
        sizes.append(size)
        modes.append(mode)
        grays.append(gray)
        clear.append(_is_clear(decoded))
    images = Originals(
        numbers=np.array(kept, dtype=np.int64),
        digests=np.array(digests, dtype=np.uint8).reshape(-1, 32),
        sizes=np.array(sizes, dtype=np.int32).reshape(-1, 2),
        modes=np.array(modes, dtype=np.str_),
        gray=np.array(grays, dtype=np.bool_),
        clear=np.array(clear, dtype=np.bool_),
        unreadable=tuple(unreadable),
    )
    order: Any = slice(None)
    if source.splits is None:
        # A part in the order of the whole lets all parts be merged by reading each one once.
        order = canonical_order(images, splits.by_content(images.digests), source.labels)
    # A process whose parent was killed may still write the same part.
    with appearing(_pixels(file)) as opened:
        pixels[: len(kept)][order].tofile(opened)
    images[order].save(file)


def _is_clear(image: Image) -> bool:
    if image.mode != "RGBA":
        return False
    return image.getchannel("A").histogram()[255] < image.width * image.height


_recipe_here: Recipe | None = None  # of the preparation that this process works for


def _receive(recipe: Recipe) -> None:
    global _recipe_here
    _recipe_here = recipe


def _make_here(numbers: Indices, file: Path) -> None:
    assert _recipe_here is not None
    _make(_recipe_here, numbers, file)


@contextlib.contextmanager
def _workers(recipe: Recipe, *, images: int) -> Iterator[Callable[[Indices, Path], Future[None]]]:
    """A function that hands a part to one of several cores.

    They are processes where that pays, since threads share the interpreter's lock.
    """
    import loky

    cores = loky.cpu_count()
    apart = recipe.source.apart and images >= _MANY and cores > 1
    pool: Executor
    if apart:
        pool = loky.ProcessPoolExecutor(cores, timeout=60, initializer=_receive, initargs=(recipe,))
    else:
        pool = ThreadPoolExecutor(cores)

    def submit(numbers: Indices, file: Path) -> Future[None]:
        if apart:
            return pool.submit(_make_here, numbers, file)
        return pool.submit(_make, recipe, numbers, file)

    try:
        yield submit
    except loky.process_executor.TerminatedWorkerError:
        raise GantoolError(
            "the system killed a process that decoded images; most likely the memory was full.",
            "Free some memory and run the same command again; it goes on where it was.",
        ) from None
    except BaseException:
        if apart:
            pool.shutdown(kill_workers=True)  # type: ignore[call-arg]
        else:
            pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()
