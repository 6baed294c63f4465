"""Measure the scores of damaged pictures: `python tools/measure_photos.py PICTURES`.

Half of the pictures play the test images; the other half, whole and damaged, the samples. The table
that it prints stands in docs/scores.md. PICTURES may be a font of colored bitmaps: NotoColorEmoji.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageFilter

from gantool.config import TrainConfig
from gantool.data.load import load
from gantool.data.prepared import Prepared
from gantool.data.preparing import prepare
from gantool.data.readers.folder import ImageFolder
from gantool.evaluation.extractors import choose
from gantool.evaluation.metrics import distances
from gantool.plugins.registry import load_registry

Pixels = npt.NDArray[np.uint8]
_SIDE = 64
_FEW = 40
_COLUMNS = ("Fréchet", "kernel", "precision", "recall", "density", "coverage")


def main() -> None:
    """Print a table for each extractor, and how fast it reads."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python tools/measure_photos.py")
    parser.add_argument("pictures", type=Path, help="a folder, or NotoColorEmoji.ttf")
    parser.add_argument("--extractor", action="append", help="photos and photos-128 unless given")
    parser.add_argument("--most", type=int, help="pictures a side; half of all unless given")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = chosen.pictures
        if folder.is_file():
            folder = Path(work) / "emoji"
            unpack(chosen.pictures, folder)
        pictures = prepared(folder, Path(work))
        robots = load(
            TrainConfig(data="robots", image_size=_SIDE, data_dir=Path(work)), load_registry()
        )
        for name in chosen.extractor or ["photos", "photos-128"]:
            measure(name, pictures, other=robots.splits["test"].values, most=chosen.most)


def unpack(font: Path, folder: Path) -> None:
    """Write the PNG of each glyph that a font has as a colored bitmap."""
    from fontTools.ttLib import TTFont

    folder.mkdir()
    for strike in TTFont(font)["CBDT"].strikeData:
        for name, glyph in strike.items():
            (folder / f"{name}.png").write_bytes(glyph.imageData)


def prepared(folder: Path, work: Path) -> Prepared:
    """The pictures of a folder as training sees them."""
    return prepare(ImageFolder(folder), folder.name, size=(_SIDE, _SIDE), channels=3, cache=work)


def everything(data: Prepared) -> Pixels:
    """Each picture once, in random order."""
    unique = np.unique(np.concatenate([split.values for split in data.splits.values()]), axis=0)
    return np.random.default_rng(0).permutation(unique)


def measure(name: str, data: Prepared, *, other: Pixels, most: int | None) -> None:
    """Print the scores of whole and damaged pictures under one extractor."""
    extractor = choose(
        name,
        data,
        registry=load_registry(),
        usual=name,
        weights=None,
        cache=Path(),
        device=torch.device("cpu"),
    )
    images = everything(data)
    half = min(len(images) // 2, most or len(images))
    test, samples = images[:half], images[half : 2 * half]
    began = time.perf_counter()
    real, _ = extractor.read(test)
    speed = half / (time.perf_counter() - began)
    print(f"\n{name}: {half:,} against {half:,} pictures, {speed:.0f} a second\n")
    print(f"| samples | {' | '.join(_COLUMNS)} |\n|{'---|' * (1 + len(_COLUMNS))}")
    for words, damaged in damages(samples, other=other).items():
        features, _ = extractor.read(damaged)
        n = min(len(features), half)
        enough = half >= real.shape[1]
        values = (
            distances.frechet_distance(features, real) if enough else float("nan"),
            distances.kernel_distance(features, real, subset_size=min(1000, n))[0],
            *distances.overlap(features[:n], real[:n]),
        )
        cells = ("-" if np.isnan(value) else f"{value:.3g}" for value in values)
        print(f"| {words} | {' | '.join(cells)} |", flush=True)


def damages(samples: Pixels, *, other: Pixels) -> dict[str, Pixels]:
    """The pictures, damaged in ways that a score should see, from none to noise alone."""
    rng = np.random.default_rng(0)
    middle = _SIDE // 2
    exchanged = samples.copy()
    exchanged[:, :, :middle] = np.roll(samples, 1, axis=0)[:, :, :middle]
    return {
        "real": samples,
        "blurred 3 x 3": each(samples, lambda image: image.filter(ImageFilter.BoxBlur(1))),
        "blurred 5 x 5": each(samples, lambda image: image.filter(ImageFilter.BoxBlur(2))),
        "noise of 10 of 255": noisy(samples, 10, rng=rng),
        "noise of 30 of 255": noisy(samples, 30, rng=rng),
        "JPEG, quality 30": each(samples, as_jpeg),
        f"{_FEW} pictures, repeated": samples[np.arange(len(samples)) % _FEW],
        "left halves exchanged": exchanged,
        "another folder": other[: len(samples)],
        "noise alone": rng.integers(0, 256, samples.shape, dtype=np.uint8),
    }


def each(images: Pixels, change: Callable[[Image.Image], Image.Image]) -> Pixels:
    """The same change made to every picture."""
    return np.stack([np.asarray(change(Image.fromarray(image))) for image in images])


def noisy(images: Pixels, deviation: float, *, rng: np.random.Generator) -> Pixels:
    """The pictures with Gaussian noise of a standard deviation."""
    noise = rng.normal(0, deviation, images.shape)
    return np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)


def as_jpeg(image: Image.Image) -> Image.Image:
    """The picture, saved and read again."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=30)
    return Image.open(buffer)


if __name__ == "__main__":
    main()
