"""The distances of the samples' features from real ones, and the overlap of the two clouds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch_fidelity import metric_fid

from gantool.evaluation.metric import (
    Evaluation,
    ImageSet,
    Measured,
    NotComputedError,
    binomial_error,
)
from gantool.evaluation.metrics import clouds

_MANIFOLD_NEIGHBORS = 3  # Kynkäänniemi et al. 2019
_DENSITY_NEIGHBORS = 5  # Naeem et al. 2020
_SUBSET = 1000  # images in each subset of the kernel distance
_SUBSETS = 100
_SEED = 2020
_CHUNK = 1000  # rows of a matrix of distances that are there at once
_KERNEL_CHUNK = 250  # the same of kernels, which are float64
# Images for each feature below which the Fréchet distance is too biased to be trusted.
_FEW_A_FEATURE = 10


def frechet(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """The Fréchet distance to the test images (Heusel et al. 2017).

    It is the FID where the extractor is InceptionV3.

    Raises:
        NotComputedError: there are fewer test images than features.
    """
    fake, real = clouds.both(images, evaluation)
    refuse_few(real)
    n, dimensions = min(len(fake), len(real)), real.shape[1]
    warning = ""
    if n < _FEW_A_FEATURE * dimensions:
        warning = (
            f"biased upwards by few images: {n} for {dimensions} features, "
            f"{_FEW_A_FEATURE * dimensions} would do; prefer the kernel distance"
        )
    measured = Measured(
        frechet_distance(fake, real),
        frechet_error(fake, real),
        protocol=_protocol(fake, real, evaluation=evaluation),
        warning=warning,
    )
    return {"frechet-distance": measured}


def kernel(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """The kernel distance to the test images (Binkowski et al. 2018).

    It is the KID where the extractor is InceptionV3.
    """
    fake, real = clouds.both(images, evaluation)
    size = min(_SUBSET, len(fake), len(real))
    mean, deviation = kernel_distance(fake, real, subset_size=size)
    protocol = {
        **_protocol(fake, real, evaluation=evaluation),
        "subsets": _SUBSETS,
        "subset_size": size,
    }
    detail = {"std_over_subsets": deviation}
    return {"kernel-distance": Measured(mean, kernel_error(fake, real), detail, protocol)}


def manifolds(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """Precision, recall, density and coverage, with as many samples as test images.

    Of the side that has more images, only the first ones count.
    """
    fake, real = clouds.both(images, evaluation)
    n = min(len(fake), len(real))
    if n <= _DENSITY_NEIGHBORS:
        raise NotComputedError(
            f"neighbourhoods need more than {_DENSITY_NEIGHBORS} images on both sides."
        )
    fake, real = fake[:n], real[:n]
    values, errors = overlap_and_errors(fake, real)
    neighbors = {"precision": _MANIFOLD_NEIGHBORS, "recall": _MANIFOLD_NEIGHBORS}
    protocol = _protocol(fake, real, evaluation=evaluation)
    warning = f"coarse: {n} images a side" if n < 100 else ""
    return {
        name: Measured(
            value,
            error,
            protocol={**protocol, "neighbours": neighbors.get(name, _DENSITY_NEIGHBORS)},
            warning=warning,
        )
        for name, value, error in zip(Overlap._fields, values, errors, strict=True)
    }


def refuse_few(real: Tensor) -> None:
    """Raise `NotComputedError` if there are fewer real features [M, D] than dimensions."""
    if len(real) < real.shape[1]:
        raise NotComputedError(
            f"{len(real):,} test images cannot say how {real.shape[1]:,} features vary together.",
            "Go by the kernel distance, which few images do not bias.",
        )


def frechet_distance(fake: Tensor, real: Tensor) -> float:
    """||m1 - m2||^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)).

    m1 and m2 are the means, C1 and C2 the covariances of features [N, D] and [M, D].

    Raises:
        NotComputedError: fewer than 2 images on a side.
    """
    _at_least_two(fake, real)
    statistics = [
        metric_fid.fid_features_to_statistics(features.double()) for features in (fake, real)
    ]
    value: float = metric_fid.fid_statistics_to_metric(*statistics, verbose=False)[
        metric_fid.KEY_METRIC_FID
    ]
    return max(0.0, value)  # rounding of equal statistics may fall below zero


def frechet_error(fake: Tensor, real: Tensor) -> float:
    """The standard error that the Fréchet distance has from which images there happened to be.

    From its derivatives (the delta method): a sample x moves it by 2 (m1 - m2).(x - m1) +
    (x - m1)' (I - T) (x - m1), where T maps the samples' Gaussian to the real images' (Dowson and
    Landau 1982), and a real image likewise. The error is that of the means of these.
    """
    sides = [fake.double(), real.double()]
    means = [side.mean(0) for side in sides]
    roots = [_root(torch.atleast_2d(side.T.cov())) for side in sides]
    variance = 0.0
    for own, other in ((0, 1), (1, 0)):
        between = _root(roots[own] @ roots[other] @ roots[other] @ roots[own])
        inverse = torch.linalg.pinv(roots[own], hermitian=True)
        centered = sides[own] - means[own]
        change = torch.eye(len(means[own]), dtype=torch.float64) - inverse @ between @ inverse
        influence = 2 * centered @ (means[own] - means[other])
        influence += ((centered @ change) * centered).sum(1)
        variance += float(influence.var()) / len(centered)
    return math.sqrt(variance)


def _root(matrix: Tensor) -> Tensor:
    """The symmetric square root of a symmetric, positive semidefinite matrix."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    root: Tensor = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    return root


def kernel_error(fake: Tensor, real: Tensor) -> float:
    """The standard error that the squared MMD has from which images there happened to be.

    From its derivatives: a sample x moves it by 2 (E k(x, x') - E k(x, y)), a real image likewise.
    The expectations are means over the first 1,000 images of a side.
    """
    sides = [side[:_SUBSET].double() for side in (fake, real)]
    across = _kernels(*sides)
    variance = 0.0
    for side, each, count in ((sides[0], across, len(fake)), (sides[1], across.T, len(real))):
        within = (_kernels(side, side).sum(1) - _kernels_with_itself(side)) / (len(side) - 1)
        variance += float((2 * (within - each.mean(1))).var()) / count
    return math.sqrt(variance)


def kernel_distance(fake: Tensor, real: Tensor, subset_size: int) -> tuple[float, float]:
    """Mean and standard deviation, over 100 random subsets, of the unbiased squared MMD.

    The kernel is (x.y / D + 1)^3. The subsets are those that torch-fidelity draws; a kernel that
    several of them have in common is computed once.

    Raises:
        NotComputedError: fewer than 2 images on a side.
    """
    _at_least_two(fake, real)
    rng = np.random.RandomState(_SEED)
    drawn = [
        [rng.choice(len(side), subset_size, replace=False) for side in (fake, real)]
        for _ in range(_SUBSETS)
    ]
    chosen = [torch.from_numpy(np.stack(rows)) for rows in zip(*drawn, strict=True)]
    sides = [fake.double(), real.double()]
    within = sum(
        _kernel_sums(side, side, rows, rows) - _kernels_with_itself(side)[rows].sum(1)
        for side, rows in zip(sides, chosen, strict=True)
    )
    across = _kernel_sums(*sides, *chosen)
    distances = within / (subset_size * (subset_size - 1)) - 2 * across / subset_size**2
    return float(distances.mean()), float(distances.std(unbiased=False))


def _kernel_sums(x: Tensor, y: Tensor, rows_x: Tensor, rows_y: Tensor) -> Tensor:
    """The sum of the kernels between a subset of x and one of y, for each pair of subsets.

    Args:
        x: float64 [N, D].
        y: float64 [M, D]; where it is x, half of the kernels are computed.
        rows_x: of each subset, int64 [S, m].
        rows_y: the same.

    Returns:
        float64 [S].
    """
    if len(x) * len(y) > rows_x.numel() * rows_y.shape[1]:  # the subsets alone are less work
        pairs = zip(rows_x, rows_y, strict=True)
        return torch.stack([_kernels(x[i], y[j]).sum() for i, j in pairs])
    in_x, in_y = (
        torch.zeros(len(rows), n, dtype=x.dtype).scatter_(1, rows, 1)
        for rows, n in ((rows_x, len(x)), (rows_y, len(y)))
    )
    total = x.new_zeros(len(rows_x))
    for start in range(0, len(x), _KERNEL_CHUNK):
        block = slice(start, start + _KERNEL_CHUNK)
        begin = start if y is x else 0
        kernels = _kernels(x[block], y[begin:])
        if y is x:
            kernels[:, _KERNEL_CHUNK:] *= 2  # for the half below the diagonal
        total += (kernels @ in_y[:, begin:].T * in_x[:, block].T).sum(0)
    return total


def _kernels(x: Tensor, y: Tensor) -> Tensor:
    inner = (x @ y.T).div_(x.shape[1]).add_(1)
    return inner.square().mul_(inner)


def _kernels_with_itself(x: Tensor) -> Tensor:
    inner = x.square().sum(1).div_(x.shape[1]).add_(1)
    return inner.pow(3)


class Overlap(NamedTuple):
    """The overlap of samples and real images, 0 to 1 each but density, which may be more.

    Precision and recall are those of Kynkäänniemi et al. 2019 (k = 3), density and coverage of
    Naeem et al. 2020 (k = 5).
    """

    precision: float
    recall: float
    density: float
    coverage: float


def overlap(fake: Tensor, real: Tensor) -> Overlap:
    """The overlap of the clouds of features [N, D] and [M, D].

    A feature's neighborhood reaches to its k-th nearest of its own cloud. Precision is the share of
    samples within the real images' neighborhoods, recall the other way round. Density is the mean
    number of real neighborhoods around a sample, over k, and coverage the share of those with a
    sample in them.
    """
    return overlap_and_errors(fake, real)[0]


def overlap_and_errors(
    fake: Tensor, real: Tensor
) -> tuple[Overlap, tuple[float | None, float | None, float | None, float | None]]:
    """The overlap, and its standard errors over the points whose share or mean each is.

    The neighborhoods are taken as they are: that they would be others for other images is left out.
    An error is None for a share of 0 or 1.
    """
    reach_fake = _reach(fake, _MANIFOLD_NEIGHBORS)[0]
    reaches_real = _reach(real, _MANIFOLD_NEIGHBORS, _DENSITY_NEIGHBORS)
    precise = torch.zeros(len(fake), dtype=torch.bool)
    inside = torch.zeros(len(fake), dtype=torch.int64)
    recalled, covered = 0, 0
    for chunk, narrow, wide in zip(
        *(each.split(_CHUNK) for each in (real, *reaches_real)), strict=True
    ):
        distances = torch.cdist(chunk, fake)
        precise |= (distances <= narrow[:, None]).any(0)
        recalled += int((distances <= reach_fake).any(1).sum())
        within = distances <= wide[:, None]
        inside += within.sum(0)
        covered += int(within.any(1).sum())
    density = inside.double() / _DENSITY_NEIGHBORS
    found = Overlap(
        precision=int(precise.sum()) / len(fake),
        recall=recalled / len(real),
        density=float(density.mean()),
        coverage=covered / len(real),
    )
    return found, (
        binomial_error(found.precision, len(fake)),
        binomial_error(found.recall, len(real)),
        float(density.std()) / len(fake) ** 0.5 if len(fake) > 1 else None,
        binomial_error(found.coverage, len(real)),
    )


def _reach(features: Tensor, *neighbors: int) -> list[Tensor]:
    """The distance of each feature to its k-th nearest other one, for each k."""
    parts = []
    for chunk in features.split(_CHUNK):
        # The nearest of all is the feature itself.
        nearest = torch.cdist(chunk, features).topk(max(neighbors) + 1, dim=1, largest=False).values
        parts.append(nearest)
    return [torch.cat(parts)[:, k] for k in neighbors]


def _at_least_two(fake: Tensor, real: Tensor) -> None:
    if min(len(fake), len(real)) < 2:
        raise NotComputedError(
            "a distance between distributions needs at least 2 images on both sides."
        )


def _protocol(fake: Tensor, real: Tensor, evaluation: Evaluation) -> dict[str, Any]:
    return {
        **clouds.protocol(fake, real, evaluation=evaluation),
        "library": f"torch-fidelity {version('torch-fidelity')}",
    }
