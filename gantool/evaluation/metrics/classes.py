"""Scores from the classes that a classifier reads in the samples.

They are of the labels asked for, the balance of classes, and the modes of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from gantool.evaluation.metric import (
    Evaluation,
    ImageSet,
    Measured,
    NotApplicableError,
    PointSet,
    SampleSet,
    binomial_error,
)
from gantool.evaluation.metrics import plane
from gantool.evaluation.metrics.shares import covered_error, kl_divergence, kl_error, shares_of

MODES = 1000
_Ints = npt.NDArray[np.int64]


def label_fidelity(samples: SampleSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """Share of a conditional model's samples that are read as the label asked for.

    The detail has the share by class and the mean of these, in which a rare class counts as much
    as a frequent one.
    """
    if not evaluation.conditional or samples.labels is None:
        raise NotApplicableError
    read = _flat_classes(samples, evaluation)
    right = read == samples.labels
    names = evaluation.data.classes
    by_class = {
        names[label]: float(right[samples.labels == label].mean())
        for label in np.unique(samples.labels)
    }
    detail = {"by_class": by_class, "mean_over_classes": float(np.mean(list(by_class.values())))}
    share = float(right.mean())
    error = binomial_error(share, len(right))
    protocol = _protocol(samples, evaluation)
    return {"label-fidelity": Measured(share, error, detail=detail, protocol=protocol)}


def class_balance(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """KL divergence, in nats, of the classes read in samples from those of the training set.

    It is a score of unconditional models.
    """
    train = evaluation.data.train
    if evaluation.conditional or train.labels is None:
        raise NotApplicableError
    classes = len(evaluation.data.classes)
    shares = shares_of(_flat_classes(images, evaluation), classes)
    wanted = shares_of(train.labels, classes)
    detail = {"shares": dict(zip(evaluation.data.classes, shares.tolist(), strict=True))}
    value, error = kl_divergence(shares, wanted), kl_error(shares, wanted, len(images))
    protocol = _protocol(images, evaluation)
    return {"class-balance": Measured(value, error, detail=detail, protocol=protocol)}


def modes(samples: SampleSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """The number of the data's modes that samples have, and the KL divergence of their shares.

    The modes are the 1,000 of stacked digits, or the Gaussians of points in the plane. The
    divergence is from the data's modes: the reverse KL(samples || data), in nats, of PacGAN (Lin et
    al. 2018), section 4.
    """
    if isinstance(samples, PointSet):
        return plane.modes(samples, evaluation)
    return _stacked_modes(samples, evaluation)


def _stacked_modes(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    read = evaluation.classes_read(images)
    if read.ndim != 2:
        raise NotApplicableError
    labels = evaluation.data.train.labels
    if labels is None or len(evaluation.data.classes) != MODES:
        raise NotApplicableError
    n, shares, wanted = len(images), shares_of(modes_of(read), MODES), shares_of(labels, MODES)
    protocol = _protocol(images, evaluation)
    few = n < 10 * MODES
    warning = f"{n:,} samples for {MODES:,} modes; PacGAN counts on 26,000" if few else ""
    found = {
        "modes-covered": (float((shares > 0).sum()), covered_error(shares, n)),
        "modes-kl": (kl_divergence(shares, wanted), kl_error(shares, wanted, n)),
    }
    return {
        name: Measured(*value, protocol=protocol, warning=warning) for name, value in found.items()
    }


def modes_of(read: _Ints) -> _Ints:
    """Three digits, int64 [N, 3], as one three-digit number, int64 [N]."""
    number: _Ints = read @ np.array([100, 10, 1])
    return number


def _flat_classes(samples: SampleSet, evaluation: Evaluation) -> _Ints:
    read = evaluation.classes_read(samples)
    if read.ndim != 1:
        raise NotApplicableError
    return read


def _protocol(samples: SampleSet, evaluation: Evaluation) -> dict[str, Any]:
    read_by = {} if isinstance(samples, PointSet) else evaluation.extractor.protocol
    return {**read_by, "n_fake": len(samples)}
