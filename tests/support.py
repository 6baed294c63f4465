"""Helpers of the tests: the command line in a process of its own, and pictures of noise."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from preloaded import run_module

from gantool.config import Fit
from gantool.data.pixels import decode, open_image
from gantool.data.prepared import Prepared
from gantool.data.preparing import prepare
from gantool.data.readers.folder import ImageFolder

CHROMIUM = next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (found := shutil.which(name))
    ),
    None,
)

SMALL = ["--ngf", "8", "--ndf", "8", "--nz", "16", "--threads", "1"]
# Training is tested without waiting for scores; --evaluate asks for them.
_QUICK = {"GANTOOL_OPT_EVALUATE": "false"}


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Outcome]


def run_cli(
    *arguments: str | Path, cwd: Path, env: dict[str, str] | None = None, timeout: float = 120
) -> Outcome:
    """Run the command line in a process of its own."""
    done = run_module(
        [str(argument) for argument in arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "120", **_QUICK, **(env or {})},
        timeout=timeout,
    )
    return Outcome(done.returncode, out=done.stdout, err=done.stderr)


@contextlib.contextmanager
def served(command: str, run: Path, env: dict[str, str] | None = None) -> Iterator[str]:
    """The address of a page that a command serves for a run, while it does."""
    server = subprocess.Popen(
        [sys.executable, "-m", "gantool", command, str(run), "--port", "0", "--no-browser"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().split()[0]
    finally:
        server.terminate()
        server.wait()


def picture(
    path: Path, size: tuple[int, int] = (20, 16), mode: str = "RGB", seed: int = 0, **save: Any
) -> Path:
    """Write a picture of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = len(Image.new(mode, (1, 1)).getbands())
    shape = (size[1], size[0], bands) if bands > 1 else (size[1], size[0])
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels if mode != "1" else pixels > 127, None if mode == "1" else mode).save(
        path, **save
    )
    return path


def read_image(path: Path) -> Image.Image:
    """Open and decode a picture."""
    with open_image(path) as image:
        return decode(image)


def prepare_slowly(folder: str, cache: str, queue: Any) -> None:
    """Prepare a folder, 20 ms an image, in a process of its own.

    Puts the fingerprint and how many it decoded.
    """

    class Slow(ImageFolder):
        decoded = 0

        def image(self, number: int) -> Image.Image:
            Slow.decoded += 1
            time.sleep(0.02)
            return super().image(number)

    data = prepare(Slow(Path(folder)), "x", size=(16, 16), channels=3, cache=Path(cache))
    queue.put((data.fingerprint, Slow.decoded))


def distribution(place: Path, name: str, module: str, *, requires: str = "gantool>=0.1") -> None:
    """Lay an installed distribution with one plugin into a folder."""
    package = f"plugin_{name.replace('-', '_')}"
    (place / f"{package}.py").write_text(module)
    info = place / f"gantool_{name.replace('-', '_')}-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: gantool-{name}\nVersion: 1.5\nRequires-Dist: {requires}\n"
    )
    (info / "entry_points.txt").write_text(f"[gantool]\n{name} = {package}\n")


def prepared_folder(
    folder: Path,
    cache: Path,
    size: tuple[int, int] = (16, 16),
    channels: int | None = None,
    fit: Fit = "crop",
) -> Prepared:
    """Prepare a folder of pictures."""
    return prepare(
        ImageFolder(folder), folder.name, size=size, channels=channels, fit=fit, cache=cache
    )
