"""Clipped density and clipped coverage: the share of good samples, without what outliers add."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from gantool.evaluation.metric import Evaluation, ImageSet, Measured, NotComputedError
from gantool.evaluation.metrics import clouds

_NEIGHBORS = 5


def clipped(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """Clipped density of all samples, and clipped coverage by as many as there are test images.

    Salvy, Talbot and Thirion 2025, k = 5.
    """
    fake, real = clouds.both(images, evaluation)
    n = min(len(fake), len(real))
    if n <= _NEIGHBORS:
        raise NotComputedError(f"neighbourhoods need more than {_NEIGHBORS} images on both sides.")
    few = fake[:n]
    density, error = clipped_density(fake, real)
    return {
        "clipped-density": Measured(
            density,
            error,
            protocol={
                **clouds.protocol(fake, real, evaluation=evaluation),
                "neighbours": _NEIGHBORS,
            },
        ),
        "clipped-coverage": Measured(
            clipped_coverage(few, real[:n]),
            protocol={
                **clouds.protocol(few, real[:n], evaluation=evaluation),
                "neighbours": _NEIGHBORS,
            },
        ),
    }


def clipped_density(fake: Tensor, real: Tensor) -> tuple[float, float | None]:
    """The mean of min(1, balls around a sample / k), over the same mean of real images.

    Around each real image lies a ball that reaches to its k-th nearest other one, but no further
    than the median of these. The value is 1 at most.

    Args:
        fake: features of samples, [N, D].
        real: features of real images, [M, D].

    Returns:
        The value, and its standard error over samples.

    Raises:
        NotComputedError: no real image lies in another one's ball.
    """
    radius = clouds.reach(real, _NEIGHBORS)
    radius = radius.minimum(radius.median())
    contributions = []
    for points, n in ((fake, len(fake)), (None, len(real))):
        within = torch.zeros(n, dtype=torch.int64)
        for rows, distances in clouds.blocks(real, points):
            within += (distances <= radius[rows, None]).sum(0)
        contributions.append(within.double().div_(_NEIGHBORS).clamp_(max=1))
    of_fake, of_real = contributions
    usual = float(of_real.mean())
    if not usual:
        raise NotComputedError("no real image lies near another one.")
    error = float(of_fake.std() / math.sqrt(len(fake))) / usual
    return min(1.0, float(of_fake.mean()) / usual), error or None


def clipped_coverage(fake: Tensor, real: Tensor) -> float:
    """The mean of min(1, samples in a real image's ball / k), as the share of good samples.

    A ball reaches to the k-th nearest other real image. See `share_of_good` for what turns the mean
    into a share.

    Args:
        fake: features of samples, [N, D].
        real: features of real images, [M, D].
    """
    radius = clouds.reach(real, _NEIGHBORS)
    covered = torch.cat(
        [
            (distances <= radius[rows, None]).sum(1).clamp_(max=_NEIGHBORS)
            for rows, distances in clouds.blocks(real, fake)
        ]
    )
    return share_of_good(float(covered.double().mean()) / _NEIGHBORS, len(fake), n_real=len(real))


def share_of_good(covered: float, n_fake: int, *, n_real: int) -> float:
    """The share of samples that, drawn as real images are, would cover as much; 0 to 1.

    The mass of a ball that reaches to the k-th of n_real - 1 others has the distribution
    Beta(k, n_real - k), whatever the data's. So the number of m good samples in it is
    beta-binomial, and the mean of min(1, number / k) rises with m.
    """
    from scipy.stats import betabinom

    good = np.arange(n_fake + 1)
    missing = sum(
        (_NEIGHBORS - j) * betabinom.pmf(j, good, _NEIGHBORS, n_real - _NEIGHBORS)
        for j in range(_NEIGHBORS)
    )
    return float(np.interp(covered, 1 - missing / _NEIGHBORS, good / n_fake))
