"""Any number of samples to disk, a block at a time."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from gantool.display import OnProgress
from gantool.errors import ConfigError
from gantool.gan.shapes import Shapes
from gantool.runs.files import appearing, write_bytes
from gantool.sampling import latents, pictures
from gantool.sampling.codes import Code
from gantool.sampling.generate import Samples
from gantool.sampling.sampler import Sampler


@dataclass(frozen=True, slots=True)
class Wanted:
    """The samples that are asked for.

    Attributes:
        n: how many.
        seed: of the random generator.
        label: that all get; None draws labels as in training.
        codes: parts of the latent that all get.
    """

    n: int
    seed: int = 0
    label: int | None = None
    codes: Sequence[Code] = ()


def blocks(sampler: Sampler, wanted: Wanted) -> Iterator[tuple[Samples, Any, Any]]:
    """Samples, latents and labels (or None), a block at a time."""
    for z, y in latents.stream(
        sampler.model, wanted.n, seed=wanted.seed, label=wanted.label, codes=wanted.codes
    ):
        yield sampler.draw(z, y), z.numpy(), None if y is None else y.numpy()


def to_files(sampler: Sampler, wanted: Wanted, *, folder: Path, progress: OnProgress) -> Path:
    """Write one PNG a sample, 00000000.png and on, into a folder that is new or empty.

    Raises:
        ConfigError: the folder holds something already, or the samples are points.
    """
    if sampler.model.shapes.kind == "points":
        raise ConfigError(
            f"{sampler.record.name} is a run on points in the plane: one by itself is no picture.",
            "Leave --separate out, or take --format npz.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty.", "Name a new folder with --output.")
    number = 0
    for images, _, _ in blocks(sampler, wanted):
        for image in images:
            (folder / f"{number:08d}.png").write_bytes(pictures.png(pictures.single(image)))
            number += 1
        progress(number, wanted.n)
    return folder


def to_npz(sampler: Sampler, wanted: Wanted, *, file: Path, progress: OnProgress) -> Path:
    """Write one .npz with `images`, `latents` and, for a conditional model, `labels`.

    Images are uint8 [N, H, W, C], latents float32 [N, dimension], labels int64 [N]; a run on points
    has `points` in the place of images, float32 [N, 2] in the data's own units. They are written a
    block at a time, so that memory does not grow with N; the file appears whole or not at all.
    """
    n = wanted.n
    member_of, shape, dtype = _array_of(sampler.model.shapes)
    file.parent.mkdir(parents=True, exist_ok=True)
    later: list[tuple[str, tuple[int, ...], type[np.generic]]] = [
        ("latents", (n, sampler.model.latent.dimension), np.float32)
    ]
    if sampler.model.conditional:
        later.append(("labels", (n,), np.int64))
    with (
        appearing(file) as whole,
        zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive,
        tempfile.TemporaryFile(dir=file.parent) as spare,
    ):
        # An archive takes one member at a time: blocks of later members wait in a spare file.
        with archive.open(f"{member_of}.npy", "w", force_zip64=True) as member:
            _header(member, (n, *shape), kind=dtype)
            done = 0
            for block in blocks(sampler, wanted):
                member.write(block[0].tobytes())
                spare.write(block[1].astype(np.float32).tobytes())
                if block[2] is not None:
                    spare.write(block[2].tobytes())
                done += len(block[0])
                progress(done, n)
        for position, (name, shape, kind) in enumerate(later):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                _header(member, shape, kind=kind)
                for part in _parts(spare, sampler, n=n):
                    member.write(part[position])
    return file


def _array_of(shapes: Shapes) -> tuple[str, tuple[int, ...], type[np.generic]]:
    """The name of the samples' array, the shape of one, and their type."""
    if shapes.kind == "points":
        return "points", (2,), np.float32
    return "images", (*shapes.size, shapes.channels), np.uint8


def _header(member: IO[bytes], shape: tuple[int, ...], kind: type[np.generic]) -> None:
    description = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(kind)),
        "fortran_order": False,
        "shape": shape,
    }
    np.lib.format.write_array_header_1_0(member, description)


def _parts(spare: IO[bytes], sampler: Sampler, n: int) -> Iterator[tuple[bytes, bytes]]:
    """The blocks of latents and labels that wait in the spare file, from its beginning."""
    spare.seek(0)
    left = n
    while left:
        take = min(latents.BLOCK, left)
        z = spare.read(take * sampler.model.latent.dimension * 4)
        yield z, spare.read(take * 8) if sampler.model.conditional else b""
        left -= take


def to_picture(file: Path, content: bytes) -> Path:
    """Write a picture's file, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(file, content)
    return file
