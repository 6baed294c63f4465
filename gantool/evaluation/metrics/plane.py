"""Scores of points in the plane, whose truth is a formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gantool.data.points.mixture import WITHIN, Points
from gantool.evaluation.metric import (
    Evaluation,
    Measured,
    NotApplicableError,
    PointSet,
    binomial_error,
)
from gantool.evaluation.metrics.shares import covered_error, kl_divergence, kl_error, shares_of

_DIRECTIONS = 64
_GROUPS = 10  # of the jackknife


def modes(samples: PointSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """The number of modes found, and the divergence of the samples' modes from the truth's.

    A mode is found when a sample lies within 3 standard deviations of its center (Srivastava et al.
    2017, VEEGAN). For the divergence each sample counts at its nearest center; the detail has these
    shares.
    """
    truth = evaluation.truth
    if not truth.has_modes:
        raise NotApplicableError
    numbers, distance = truth.nearest(samples.points)
    n, modes_there = len(samples), len(truth.centers)
    close = numbers[distance <= WITHIN * truth.std]
    found = np.unique(close)
    shares = shares_of(numbers, modes_there)
    protocol = {**_protocol(samples), "modes": modes_there, "within_std": WITHIN}
    detail = {"found": found.tolist(), "shares": shares.tolist()}
    covered = float(len(found)), covered_error(np.bincount(close, minlength=modes_there) / n, n)
    divergence = kl_divergence(shares, truth.shares), kl_error(shares, truth.shares, n)
    return {
        "modes-covered": Measured(*covered, detail=detail, protocol=protocol),
        "modes-kl": Measured(*divergence, detail=detail, protocol=protocol),
    }


def high_quality(samples: PointSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """Share of samples within 3 standard deviations of the nearest center.

    Real points reach 1 - exp(-9 / 2) = 0.989 where the Gaussians lie apart.
    """
    truth = evaluation.truth
    _, distance = truth.nearest(samples.points)
    share = float((distance <= WITHIN * truth.std).mean())
    return {
        "high-quality": Measured(
            share,
            binomial_error(share, len(samples)),
            protocol={**_protocol(samples), "within_std": WITHIN},
        )
    }


def log_likelihood(samples: PointSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """Mean logarithm of the truth's density at the samples, exact, in nats.

    It rewards a collapse onto one mode, and is to be read beside the modes covered.
    """
    logs = evaluation.truth.log_density(samples.points)
    error = float(logs.std(ddof=1) / len(logs) ** 0.5) if len(logs) > 1 else None
    return {
        "log-likelihood": Measured(float(logs.mean()), error=error, protocol=_protocol(samples))
    }


def sliced_wasserstein(samples: PointSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """Mean over 64 fixed directions of the Wasserstein-1 distance of the projections.

    It is to as many test points as there are samples, in the data's own units.
    """
    real = evaluation.real("test", len(samples))
    value = sliced_distance(samples.points, real.points)
    error = _jackknife_error(samples.points, real.points)
    protocol = {
        **_protocol(samples),
        "split": "test",
        "n_real": len(real),
        "directions": _DIRECTIONS,
    }
    return {"sliced-wasserstein": Measured(value, error, protocol=protocol)}


def sliced_distance(a: Points, b: Points) -> float:
    """Mean Wasserstein-1 distance of points [N, 2] and [M, 2], projected on 64 directions.

    The directions are evenly spread over half a turn.
    """
    from scipy.stats import wasserstein_distance

    angles = np.pi * (np.arange(_DIRECTIONS) + 0.5) / _DIRECTIONS
    directions = np.stack([np.cos(angles), np.sin(angles)])
    pairs = zip((a @ directions).T, (b @ directions).T, strict=True)
    return float(np.mean([wasserstein_distance(p, q) for p, q in pairs]))


def _jackknife_error(a: Points, b: Points) -> float | None:
    """Standard error of the sliced distance, from leaving out a tenth of both sides in turn."""
    if min(len(a), len(b)) < 2 * _GROUPS:
        return None
    without = [
        sliced_distance(*(np.delete(points, np.s_[group::_GROUPS], axis=0) for points in (a, b)))
        for group in range(_GROUPS)
    ]
    return float(np.std(without) * (_GROUPS - 1) ** 0.5)


def _protocol(samples: PointSet) -> dict[str, Any]:
    return {"n_fake": len(samples)}
