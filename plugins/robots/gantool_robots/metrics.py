"""Scores that compare samples with the truth: the robots that they would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from gantool import (
    Evaluation,
    Finding,
    ImageSet,
    Measured,
    NotApplicableError,
    NotComputedError,
)
from gantool.data.prepared import ImageSplit
from gantool.data.source import Indices
from gantool.evaluation.metric import binomial_error
from gantool.evaluation.metrics.classes import kl_divergence, shares_of
from gantool_robots.network import NONE
from gantool_robots.picture import missing_parts
from gantool_robots.truth import (
    ROBOTS,
    Layer,
    Pixels,
    compose,
    load_layers,
    numbers_of,
    pairs_in,
)

MISSED = 0.1  # of the data's share: what is drawn more seldom is missed
_VALIDATION = 200  # robots that the threshold is chosen on
_CHUNK = 250
_Floats = npt.NDArray[np.float64]
_Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Reading:
    """Images, and the robots that they would be.

    Attributes:
        factors: int64 [N, 6], for each factor the likeliest of its values.
        seen: bool [N, 6], whether a value is likelier than none.
        distances: float64 [N], root mean square distance of an image to the robot of its factors,
            over pixels in [0, 1].
        valid: bool [N], whether an image is that robot: all its factors are seen, and the distance
            is below the threshold.
    """

    factors: Indices
    seen: _Bools
    distances: _Floats
    valid: _Bools


class Truth:
    """The drawings for one evaluation, the threshold, and the images that have been read.

    Attributes:
        threshold: the largest distance of a robot from the truth.
    """

    def __init__(self, validation: ImageSplit, *, image_size: int) -> None:
        self._layers = load_layers(ROBOTS, image_size)
        self._read: dict[tuple[str, int], Reading] = {}
        self.threshold = threshold(validation, self._layers, image_size=image_size)

    def reading(self, images: ImageSet, evaluation: Evaluation) -> Reading:
        """The robots that images would be, read once for each set."""
        key = (images.origin, len(images))
        if key not in self._read:
            logits = evaluation.logits(images)
            factors = logits[..., :NONE].argmax(-1).numpy()
            seen = (logits.argmax(-1) != NONE).numpy()
            distances = distances_to(self._layers, images.pixels, factors=factors)
            valid = seen.all(axis=1) & (distances < self.threshold)
            self._read[key] = Reading(factors, seen, distances=distances, valid=valid)
        return self._read[key]


def threshold(validation: ImageSplit, layers: Sequence[Layer], *, image_size: int) -> float:
    """The distance from the truth beyond which an image is no robot.

    It is halfway between the mean distances of two changes of up to 200 validation images: robots
    that are right but blurred (a Gaussian with a sigma of 1/64 of the side), and robots with one
    wrong part, each part in turn.
    """
    images, factors = validation.images[:_VALIDATION], validation.factors
    if factors is None:
        raise NotApplicableError
    factors = factors[:_VALIDATION]
    blur = ImageFilter.GaussianBlur(image_size / 64)
    blurred = np.stack([np.asarray(Image.fromarray(image).filter(blur)) for image in images])
    right = distances_to(layers, blurred, factors=factors)
    others = factors.copy()
    robot = np.arange(len(factors))
    part = 1 + robot % len(ROBOTS.parts)
    counts = np.array(list(ROBOTS.values.values()))[part]
    others[robot, part] = (others[robot, part] + 1 + robot % (counts - 1)) % counts
    wrong = distances_to(layers, images, factors=others)
    return float(right.mean() + wrong.mean()) / 2


def distances_to(layers: Sequence[Layer], pixels: Pixels, *, factors: Indices) -> _Floats:
    """Root mean square distance of images, uint8 [N, H, W, 3], to the robots of some factors.

    The result is float64 [N], over pixels in [0, 1].
    """
    found = []
    for start in range(0, len(pixels), _CHUNK):
        few = pixels[start : start + _CHUNK].astype(np.float32)
        robots = compose(layers, factors[start : start + _CHUNK], image_size=few.shape[1])
        found.append(np.square(few - robots).mean(axis=(1, 2, 3), dtype=np.float64))
    distances: _Floats = np.sqrt(np.concatenate(found)) / 255
    return distances


def likeness(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """The share of images that are a robot, and the mean distance to the robots they would be."""
    truth, protocol = _truth_of(evaluation)
    reading = truth.reading(images, evaluation)
    share = float(reading.valid.mean())
    n = len(images)
    detail = {
        "complete": float(reading.seen.all(axis=1).mean()),
        "median_distance": float(np.median(reading.distances)),
    }
    return {
        "valid": Measured(
            share,
            binomial_error(share, n),
            detail=detail,
            protocol={**protocol, "n_fake": n, "threshold": round(truth.threshold, 6)},
        ),
        "distance-to-truth": Measured(
            float(reading.distances.mean()),
            float(reading.distances.std() / np.sqrt(n)),
            protocol={**protocol, "n_fake": n},
        ),
    }


def factors_kl(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """The mean over the factors of KL(samples || training images), in nats.

    The detail has the divergence of each factor, the share of images that show none of it, and the
    values that are missed: those that a factor is read to have less than a tenth as often as in
    the data.
    """
    truth, protocol = _truth_of(evaluation)
    reading = truth.reading(images, evaluation)
    real = evaluation.data.train.factors
    assert real is not None
    by_factor, none, missed = {}, {}, {}
    for column, (factor, count) in enumerate(ROBOTS.values.items()):
        read, seen = reading.factors[:, column], reading.seen[:, column]
        wanted = shares_of(real[:, column], count)
        by_factor[factor] = kl_divergence(shares_of(read, count), wanted)
        none[factor] = float((~seen).mean())
        drawn = np.bincount(read[seen], minlength=count) / len(read)
        missed[factor] = np.flatnonzero(drawn < MISSED * wanted).tolist()
    names = {
        factor: [ROBOTS.numbered(factor, value) for value in values]
        for factor, values in missed.items()
    }
    found = Finding(
        name="missing-parts.png",
        caption=_in_words(names, complete=float(reading.seen.all(axis=1).mean())),
        png=missing_parts(ROBOTS, missed),
    )
    return {
        "factors-kl": Measured(
            float(np.mean(list(by_factor.values()))),
            detail={"by_factor": by_factor, "none": none, "missed": names},
            protocol={**protocol, "n_fake": len(images)},
            pictures=[found],
        )
    }


def _in_words(missed: Mapping[str, Sequence[str]], *, complete: float) -> str:
    count = sum(map(len, missed.values()))
    if not count:
        return "Every color and every part is drawn."
    every = sum(ROBOTS.values.values())
    return (
        f"Missed: {count} of the {every} colors and parts are drawn less than a tenth as often as "
        f"in the data. All six factors are seen in {complete:.0%} of the samples."
    )


def combinations(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """The shares of valid images whose combination of factors no training image has, or one has.

    The detail of the second has what chance gives: the share of training combinations among
    combinations whose factors are drawn one by one, in the shares that the valid images have.
    """
    truth, protocol = _truth_of(evaluation)
    reading = truth.reading(images, evaluation)
    valid = reading.factors[reading.valid]
    if not len(valid):
        raise NotComputedError(f"none of the {len(images):,} images is a robot.")
    real = evaluation.data.train.factors
    assert real is not None
    share = float(np.isin(numbers_of(ROBOTS, valid), numbers_of(ROBOTS, real)).mean())
    chance = np.ones(len(real))
    for column, count in enumerate(ROBOTS.values.values()):
        chance *= shares_of(valid[:, column], count)[real[:, column]]
    protocol = {**protocol, "n_fake": len(images), "threshold": round(truth.threshold, 6)}
    detail = {"valid": len(valid)}
    error = binomial_error(share, len(valid))
    return {
        "new-combinations": Measured(1 - share, error, detail=detail, protocol=protocol),
        "copies": Measured(
            share, error, detail={**detail, "chance": float(chance.sum())}, protocol=protocol
        ),
    }


def unseen_pairs(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """The share of the held-out pairs that valid images have; the detail counts each one."""
    truth, protocol = _truth_of(evaluation)
    reading = truth.reading(images, evaluation)
    counts = pairs_in(ROBOTS, reading.factors[reading.valid]).sum(axis=0)
    pairs = [f"{a} {i} with {b} {j}" for (a, i), (b, j) in ROBOTS.held_out]
    return {
        "unseen-pairs": Measured(
            float((counts > 0).mean()),
            detail={"images": dict(zip(pairs, counts.tolist(), strict=True))},
            protocol={
                **protocol,
                "n_fake": len(images),
                "threshold": round(truth.threshold, 6),
            },
        )
    }


_truths: WeakKeyDictionary[Evaluation, Truth] = WeakKeyDictionary()


def _truth_of(evaluation: Evaluation) -> tuple[Truth, Mapping[str, object]]:
    """The truth of an evaluation's data, and the protocol of reading it.

    Raises:
        NotApplicableError: the data is not made of robots in color.
        NotComputedError: the extractor is one that does not read them.
    """
    data = evaluation.data
    if data.factor_values != ROBOTS.values or data.channels != 3:
        raise NotApplicableError
    extractor = evaluation.extractor
    if extractor.name != "robots":
        raise NotComputedError(
            f"robots are read by the extractor robots, not by {extractor.name}.",
            "Leave --extractor at auto.",
        )
    if evaluation not in _truths:
        _truths[evaluation] = Truth(data.splits["validation"], image_size=data.image_size)
    return _truths[evaluation], extractor.protocol
