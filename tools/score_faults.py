"""Find which score sees which fault: `python tools/score_faults.py`.

The images of mnist5k, whole and with faults at rising levels, play the samples, other images of it
the training, validation and test images. It prints the tables of docs/scores.md. All 5,000 are in
one pot: the classifier whose features are used has learned from 4,000 of them, on every side alike.
"""

from __future__ import annotations

import argparse
import statistics
import string
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from gantool.config import TrainConfig
from gantool.data.load import load
from gantool.data.prepared import ImageSplit, Prepared
from gantool.data.preparing import data_folder
from gantool.evaluation.extractors import Extractor, digits
from gantool.evaluation.metric import (
    Evaluation,
    ImageSet,
    Measured,
    NotApplicableError,
    NotComputedError,
)
from gantool.plugins.registry import load_registry
from gantool.plugins.spec import MetricSpec, load_implementation
from gantool.runs.folder import RunFolder

Pixels = npt.NDArray[np.uint8]
_VALIDATION, _POOL = 400, 2000  # images; half of the pool is there for five dropped classes
_SIDE = 28
_BEYOND = 2  # standard deviations of repeated real draws, from which on a score has moved


class Draw(NamedTuple):
    """Images of mnist5k, dealt at random.

    Attributes:
        data: what plays the training, validation and test images.
        pool: images that samples are made of, and their labels.
        n: the number of samples.
        rng: for the faults.
    """

    data: Prepared
    pool: ImageSplit
    n: int
    rng: np.random.Generator

    @property
    def whole(self) -> Pixels:
        """Samples without a fault."""
        return self.pool.images[: self.n]


@dataclass(frozen=True)
class Fault:
    """A fault, and how much of it there is.

    Attributes:
        title: with the unit of the levels.
        levels: rising.
        make: the samples of a draw at a level.
    """

    title: str
    levels: Sequence[float]
    make: Callable[[Draw, float], Pixels]


def noisy(draw: Draw, deviation: float) -> Pixels:
    """Gaussian noise on every pixel."""
    values = draw.whole + draw.rng.normal(0, deviation, draw.whole.shape)
    return values.round().clip(0, 255).astype(np.uint8)


def blurred(draw: Draw, sigma: float) -> Pixels:
    """A Gaussian blur."""
    blur = ImageFilter.GaussianBlur(sigma)
    done = [np.asarray(Image.fromarray(image[..., 0]).filter(blur)) for image in draw.whole]
    return np.stack(done)[..., None]


def without_classes(draw: Draw, classes: float) -> Pixels:
    """The first classes are missing; more of the others stand in."""
    assert draw.pool.labels is not None
    return draw.pool.images[draw.pool.labels >= classes][: draw.n]


def copied(draw: Draw, share: float) -> Pixels:
    """A share of the samples are training images."""
    return np.concatenate([draw.data.train.values[: _part(draw, share)], _rest(draw, share)])


def shifted(draw: Draw, share: float) -> Pixels:
    """A share of the samples are training images, moved by one pixel down and to the right."""
    copies = np.roll(draw.data.train.values[: _part(draw, share)], (1, 1), axis=(1, 2))
    return np.concatenate([copies, _rest(draw, share)])


def repeated(draw: Draw, share: float) -> Pixels:
    """A share of the samples are ten images, again and again."""
    few = draw.pool.images[draw.n : draw.n + 10]
    return np.concatenate([few[np.arange(_part(draw, share)) % 10], _rest(draw, share)])


def mixed(draw: Draw, share: float) -> Pixels:
    """A share of the samples are capital letters, turned a little."""
    return np.concatenate([letters(_part(draw, share), draw.rng), _rest(draw, share)])


def _part(draw: Draw, share: float) -> int:
    return round(share / 100 * draw.n)


def _rest(draw: Draw, share: float) -> Pixels:
    return draw.whole[_part(draw, share) :]


def letters(n: int, rng: np.random.Generator) -> Pixels:
    """Capital letters of Pillow's own font, white on black as digits are, [n, 28, 28, 1]."""
    drawn = np.empty((n, _SIDE, _SIDE, 1), np.uint8)
    for i in range(n):
        picture = Image.new("L", (_SIDE, _SIDE))
        font = ImageFont.load_default(size=int(rng.integers(18, 25)))
        letter = string.ascii_uppercase[rng.integers(26)]
        middle = (_SIDE // 2, _SIDE // 2)
        ImageDraw.Draw(picture).text(middle, letter, fill=255, font=font, anchor="mm")
        turned = picture.rotate(rng.uniform(-15, 15), Image.Resampling.BILINEAR)
        drawn[i, ..., 0] = np.asarray(turned)
    return drawn


FAULTS = (
    Fault("noise (deviation, of 255)", (2, 5, 10, 20, 40, 80), noisy),
    Fault("blur (radius, pixels)", (0.3, 0.5, 0.7, 1, 1.5, 2), blurred),
    Fault("classes dropped", (1, 2, 3, 4, 5), without_classes),
    Fault("copies of training images (%)", (5, 10, 20, 40, 70, 100), copied),
    Fault("copies, one pixel aside (%)", (5, 10, 20, 40, 70, 100), shifted),
    Fault("ten images, repeated (%)", (2, 5, 10, 20, 40, 80), repeated),
    Fault("letters mixed in (%)", (1, 2, 5, 10, 20, 50), mixed),
)


class Score(NamedTuple):
    """A score of samples without a fault, over draws.

    Attributes:
        mean: of it.
        deviation: its standard deviation.
        sign: 1 where more is worse, else -1.
    """

    mean: float
    deviation: float
    sign: int

    def worse(self, value: float) -> float:
        """By how many standard deviations a value is worse."""
        return self.sign * (value - self.mean) / max(self.deviation, 1e-12)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python tools/score_faults.py")
    parser.add_argument("--samples", type=int, default=900, help="and as many test images")
    parser.add_argument("--draws", type=int, default=8, help="of real images, without a fault")
    parser.add_argument("--repeats", type=int, default=2, help="of each fault at each level")
    parser.add_argument("--fewer", type=int, nargs="*", default=[250, 500], help="test images")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    data = load(TrainConfig(data="mnist5k"), load_registry())
    extractor = digits(data, weights=None, cache=data_folder(None), device=torch.device("cpu"))
    specs = measured_specs()
    whole: dict[int, dict[str, list[float]]] = {}
    for n in (*chosen.fewer, chosen.samples):
        whole[n] = gathered(
            measure(judge(draw, extractor), draw.whole, "whole", specs=specs)
            for draw in (deal(data, n, seed) for seed in range(chosen.draws))
        )
    scores = {
        name: Score(
            statistics.mean(values),
            statistics.stdev(values),
            1 if specs[name].better == "lower" else -1,
        )
        for name, values in whole[chosen.samples].items()
    }
    found = {
        fault.title: levels_of(fault, data, extractor, specs=specs, chosen=chosen)
        for fault in FAULTS
    }
    print_summary(scores, found)
    for fault in FAULTS:
        print_levels(fault, scores, found[fault.title])
    print_spread(whole)


def measured_specs() -> dict[str, MetricSpec]:
    """The scores of images that look at images alone, those on request too."""
    return {
        spec.name: spec
        for spec in load_registry().metrics.values()
        if "images" in spec.kinds and spec.real and spec.measure.startswith("gantool.")
    }


def deal(data: Prepared, n: int, seed: int) -> Draw:
    """All images of a data set, dealt anew, with n test images and as many samples."""
    splits = [data.splits[name] for name in ("train", "validation", "test")]
    images = np.concatenate([split.values for split in splits])
    labels = np.concatenate([split.labels for split in splits if split.labels is not None])
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(images))
    ends = np.cumsum([n, _VALIDATION, _POOL])
    test, validation, pool, train = (
        ImageSplit(images[rows], labels[rows]) for rows in np.split(order, ends)
    )
    dealt = replace(
        data,
        splits={"train": train, "validation": validation, "test": test},
        folder=None,  # so that nothing is kept on disk
    )
    return Draw(dealt, pool, n, rng)


def judge(draw: Draw, extractor: Extractor) -> Evaluation:
    """The scores against the images of a draw."""
    return Evaluation(draw.data, extractor, folder=RunFolder(Path("none")), conditional=False)


def measure(
    evaluation: Evaluation, pixels: Pixels, name: str, *, specs: Mapping[str, MetricSpec]
) -> dict[str, float]:
    """All scores of samples; a name is given once for each evaluation."""
    order = np.random.default_rng(0).permutation(len(pixels))
    samples = ImageSet(name, pixels[order])
    found: dict[str, float] = {}
    for path in dict.fromkeys(spec.measure for spec in specs.values()):
        function: Callable[[ImageSet, Evaluation], Mapping[str, Measured]]
        function = load_implementation(path)
        try:
            found |= {key: each.value for key, each in function(samples, evaluation).items()}
        except (NotApplicableError, NotComputedError):
            continue
    return {key: value for key, value in found.items() if key in specs}


def gathered(found: Iterable[Mapping[str, float]]) -> dict[str, list[float]]:
    """The values of each score."""
    by_name: dict[str, list[float]] = defaultdict(list)
    for each in found:
        for name, value in each.items():
            by_name[name].append(value)
    return dict(by_name)


def levels_of(
    fault: Fault,
    data: Prepared,
    extractor: Extractor,
    *,
    specs: Mapping[str, MetricSpec],
    chosen: argparse.Namespace,
) -> dict[str, list[float]]:
    """The mean of each score at each level of a fault."""
    means: dict[str, list[float]] = defaultdict(list)
    draws = [deal(data, chosen.samples, seed) for seed in range(chosen.repeats)]
    judges = [judge(draw, extractor) for draw in draws]
    for level in fault.levels:
        print(f"{fault.title}: {level:g}", file=sys.stderr, flush=True)
        values = gathered(
            measure(evaluation, fault.make(draw, level), f"{level:g}", specs=specs)
            for draw, evaluation in zip(draws, judges, strict=True)
        )
        for name, each in values.items():
            means[name].append(statistics.mean(each))
    return dict(means)


def verdict(fault: Fault, score: Score, values: Sequence[float]) -> str:
    """From which level on a score is worse than repeated real draws are, and whether it rises."""
    worse = [score.worse(value) for value in values]
    if worse[-1] < -_BEYOND:
        return "wrong way"
    seen = [all(each > _BEYOND for each in worse[i:]) for i in range(len(worse))]
    if not any(seen):
        return "-"
    falls = any(after < before - 1 for before, after in zip([0, *worse], worse, strict=False))
    return f"{fault.levels[seen.index(True)]:g}" + (", not monotone" if falls else "")


def print_summary(
    scores: Mapping[str, Score], found: Mapping[str, Mapping[str, Sequence[float]]]
) -> None:
    """The level from which on each score sees each fault."""
    print_row("score", *found)
    print_row(*["---"] * (1 + len(FAULTS)))
    for name, score in scores.items():
        cells = [verdict(fault, score, found[fault.title][name]) for fault in FAULTS]
        print_row(f"`{name}`", *cells)


def print_levels(
    fault: Fault, scores: Mapping[str, Score], found: Mapping[str, Sequence[float]]
) -> None:
    """The value of each score at each level; in bold beyond the noise of real draws."""
    print()
    print_row(fault.title, "none", *(f"{level:g}" for level in fault.levels), "seen from")
    print_row(*["---"] * (3 + len(fault.levels)))
    for name, score in scores.items():
        cells = [
            f"**{value:.3g}**" if abs(score.worse(value)) > _BEYOND else f"{value:.3g}"
            for value in found[name]
        ]
        whole = f"{score.mean:.3g} ± {score.deviation:.1g}"
        print_row(f"`{name}`", whole, *cells, verdict(fault, score, found[name]))


def print_spread(whole: Mapping[int, Mapping[str, Sequence[float]]]) -> None:
    """The mean and spread of each score, by the number of samples and test images."""
    print()
    print_row("without a fault", *(f"{n} and {n}" for n in whole))
    print_row(*["---"] * (1 + len(whole)))
    for name in list(whole.values())[-1]:
        cells = [
            f"{statistics.mean(values[name]):.3g} ± {statistics.stdev(values[name]):.1g}"
            for values in whole.values()
        ]
        print_row(f"`{name}`", *cells)


def print_row(*cells: str) -> None:
    """One row of a Markdown table."""
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
