"""Starting a run, and preparing pictures."""

from __future__ import annotations

import io
import itertools
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.measure import Result, of_ratios, ratio, seconds, short_run
from benchmarks.tutorial import write_jpegs
from gantool.data.preparing import prepare
from gantool.data.readers.folder import ImageFolder

_SIDE = 64


def start() -> Result:
    """Two steps of vanilla without scores, the whole command, over importing torch alone."""
    with tempfile.TemporaryDirectory() as folder:
        _two_steps(folder)
        median, every = ratio(
            lambda: _two_steps(folder),
            lambda: subprocess.run([sys.executable, "-c", "import torch"], check=True),
            rounds=5,
        )
    detail = f"ratios {min(every):.2f} to {max(every):.2f}"
    return Result(
        "start",
        median,
        unit="x import torch",
        target="at most 1.7",
        met=median <= 1.7,
        detail=detail,
    )


def warm_start(n: int) -> Result:
    """Two steps on a folder of n files that is prepared already, against mnist5k."""
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder, "pictures")
        _write_small(pictures, n)

        def on_folder() -> None:
            _two_steps(folder, "--data", str(pictures), "--image-size", "16", "--data-dir", folder)

        on_folder()
        _two_steps(folder)
        pairs = [(seconds(on_folder), seconds(lambda: _two_steps(folder))) for _ in range(3)]
    value = statistics.median(warm - plain for warm, plain in pairs)
    return Result(
        "warm-start",
        value,
        unit="s beyond mnist5k's",
        target="at most 1 s",
        met=value <= 1,
        detail=f"{n:,} files; mnist5k {statistics.median(plain for _, plain in pairs):.2f} s",
    )


def preparing_small(n: int) -> Result:
    """Preparing n JPEGs of CelebA's size against plain Pillow in two processes."""
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder, "pictures")
        write_jpegs(pictures, n, size=(178, 218))
        files = sorted(pictures.rglob("*.jpg"))
        with multiprocessing.get_context("spawn").Pool(2) as pool:

            def plain() -> None:
                for _ in pool.imap(_plainly, files, chunksize=64):
                    pass

            _, every = ratio(plain, _preparation(pictures, folder), rounds=3)
    return of_ratios(
        "preparing-small", every, least=0.75, unit="x plain Pillow", about=[f"{n:,} JPEGs"]
    )


def preparing_photos(n: int) -> Result:
    """Preparing n JPEGs of 12 megapixels against decoding each whole, on all cores by threads."""
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder, "pictures")
        write_jpegs(pictures, n, size=(4000, 3000))
        files = sorted(pictures.rglob("*.jpg"))

        def whole() -> None:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(_plainly, files))

        _, every = ratio(whole, _preparation(pictures, folder), rounds=3)
    return of_ratios(
        "preparing-photos", every, least=5, unit="x whole decoding", about=[f"{n} JPEGs"]
    )


def _two_steps(folder: str, *words: str) -> None:
    short_run(folder, "vanilla", "--steps", "2", *words)


def _preparation(pictures: Path, folder: str) -> Callable[[], object]:
    """A preparation that finds no earlier one, each time it is called."""
    numbers = itertools.count()
    return lambda: prepare(
        ImageFolder(pictures),
        f"p{next(numbers)}",
        size=(_SIDE, _SIDE),
        channels=3,
        cache=Path(folder),
    )


def _plainly(file: Path) -> bytes:
    """A file resized and cropped by Pillow alone, as the tutorial does it; nothing is written."""
    with Image.open(file) as image:
        width, height = image.size
        shorter = min(width, height)
        resized = image.convert("RGB").resize(
            (_SIDE * width // shorter, _SIDE * height // shorter), Image.Resampling.BILINEAR
        )
    left, top = (resized.width - _SIDE) // 2, (resized.height - _SIDE) // 2
    return resized.crop((left, top, left + _SIDE, top + _SIDE)).tobytes()


def _write_small(folder: Path, n: int) -> None:
    """Write n PNGs of 16 x 16, a hundred of them different."""
    rng = np.random.default_rng(0)
    contents = []
    for _ in range(100):
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, size=(16, 16), dtype=np.uint8)).save(buffer, "PNG")
        contents.append(buffer.getvalue())
    folder.mkdir()
    for i in range(n):
        (folder / f"{i:06d}.png").write_bytes(contents[i % 100])
