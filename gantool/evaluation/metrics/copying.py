"""Authenticity: whether samples are copies of training images, by features."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from gantool.evaluation.metric import (
    Evaluation,
    ImageSet,
    Measured,
    NotComputedError,
    binomial_error,
)
from gantool.evaluation.metrics import clouds


def authenticity(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """Share of samples that are no nearer to a training image than training images are (Alaa 2022).

    Of large data sets 10,000 training images are looked at.
    """
    fake, train = evaluation.features(images), evaluation.features(evaluation.real("train"))
    if len(train) < 2:
        raise NotComputedError("whether samples are copies needs at least 2 training images.")
    apart = evaluation.once("authenticity", lambda: clouds.nearest(train)[0])
    share = authentic(fake, train, apart=apart)
    protocol = {**clouds.protocol(fake, train, evaluation=evaluation), "split": "train"}
    return {"authenticity": Measured(share, binomial_error(share, len(fake)), protocol=protocol)}


def authentic(fake: Tensor, train: Tensor, *, apart: Tensor) -> float:
    """Share of samples that lie further from the nearest training image than its nearest other one.

    Args:
        fake: features of samples, [N, D].
        train: features of training images, [M, D].
        apart: the distance of each training image to its nearest other one, [M].
    """
    distance, number = clouds.nearest(fake, train)
    return float((distance > apart[number]).double().mean())
