"""The distances of the samples' features from real ones, and the overlap of the two clouds."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor
from torch_fidelity import metric_fid, metric_kid, metric_prc

from gantool.evaluation.metric import Evaluation, ImageSet, Measured, NotComputedError

_MANIFOLD_NEIGHBORS = 3  # Kynkäänniemi et al. 2019
_DENSITY_NEIGHBORS = 5  # Naeem et al. 2020
_SUBSET = 1000  # images in each subset of the kernel distance
_SUBSETS = 100
_SEED = 2020
_CHUNK = 1000
# Images for each feature below which the Fréchet distance is too biased to be trusted.
_FEW_A_FEATURE = 10


def frechet(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """The Fréchet distance to the test images (Heusel et al. 2017).

    It is the FID where the extractor is InceptionV3.

    Raises:
        NotComputedError: there are fewer test images than features.
    """
    fake, real = _features(images, evaluation)
    n, dimensions = min(len(fake), len(real)), real.shape[1]
    if len(real) < dimensions:
        raise NotComputedError(
            f"{len(real):,} test images cannot say how {dimensions:,} features vary together.",
            "Go by the kernel distance, which few images do not bias.",
        )
    warning = ""
    if n < _FEW_A_FEATURE * dimensions:
        warning = (
            f"biased upwards by few images: {n} for {dimensions} features, "
            f"{_FEW_A_FEATURE * dimensions} would do; prefer the kernel distance"
        )
    measured = Measured(
        frechet_distance(fake, real),
        protocol=_protocol(fake, real, evaluation=evaluation),
        warning=warning,
    )
    return {"frechet-distance": measured}


def kernel(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """The kernel distance to the test images (Binkowski et al. 2018).

    It is the KID where the extractor is InceptionV3.
    """
    fake, real = _features(images, evaluation)
    size = min(_SUBSET, len(fake), len(real))
    mean, deviation = kernel_distance(fake, real, subset_size=size)
    protocol = {
        **_protocol(fake, real, evaluation=evaluation),
        "subsets": _SUBSETS,
        "subset_size": size,
    }
    return {
        "kernel-distance": Measured(mean, detail={"std_over_subsets": deviation}, protocol=protocol)
    }


def manifolds(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """Precision, recall, density and coverage, with as many samples as test images.

    Of the side that has more images, only the first ones count.
    """
    fake, real = _features(images, evaluation)
    n = min(len(fake), len(real))
    if n <= _DENSITY_NEIGHBORS:
        raise NotComputedError(
            f"neighbourhoods need more than {_DENSITY_NEIGHBORS} images on both sides."
        )
    fake, real = fake[:n], real[:n]
    precision, recall = precision_recall(fake, real)
    density, coverage = density_coverage(fake, real)
    values = {"precision": precision, "recall": recall, "density": density, "coverage": coverage}
    neighbors = {"precision": _MANIFOLD_NEIGHBORS, "recall": _MANIFOLD_NEIGHBORS}
    protocol = _protocol(fake, real, evaluation=evaluation)
    warning = f"coarse: {n} images a side" if n < 100 else ""
    return {
        name: Measured(
            value,
            protocol={**protocol, "neighbours": neighbors.get(name, _DENSITY_NEIGHBORS)},
            warning=warning,
        )
        for name, value in values.items()
    }


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


def kernel_distance(fake: Tensor, real: Tensor, subset_size: int) -> tuple[float, float]:
    """Mean and standard deviation, over 100 random subsets, of the unbiased squared MMD.

    The kernel is (x.y / D + 1)^3.

    Raises:
        NotComputedError: fewer than 2 images on a side.
    """
    _at_least_two(fake, real)
    found = metric_kid.kid_features_to_metric(
        fake.double(),
        real.double(),
        kid_subsets=_SUBSETS,
        kid_subset_size=subset_size,
        rng_seed=_SEED,
        verbose=False,
    )
    return found[metric_kid.KEY_METRIC_KID_MEAN], found[metric_kid.KEY_METRIC_KID_STD]


def precision_recall(fake: Tensor, real: Tensor) -> tuple[float, float]:
    """Share of samples within the real images' neighbourhoods, and the other way round.

    Kynkäänniemi et al. 2019, with k = 3.
    """
    found = metric_prc.prc_features_to_metric(
        fake,
        real,
        prc_neighborhood=_MANIFOLD_NEIGHBORS,
        prc_batch_size=_CHUNK,
        save_cpu_ram=True,
        verbose=False,
    )
    return found[metric_prc.KEY_METRIC_PRECISION], found[metric_prc.KEY_METRIC_RECALL]


def density_coverage(fake: Tensor, real: Tensor) -> tuple[float, float]:
    """Mean number of real neighbourhoods around a sample, over k; share of those with a sample in.

    Naeem et al. 2020: a real image's neighbourhood reaches to its k-th nearest real image, k = 5.
    Features are [N, D] and [M, D].
    """
    k = _DENSITY_NEIGHBORS
    inside, covered = 0, 0
    for chunk in real.split(_CHUNK):
        # The nearest of all is the image itself.
        radius = torch.cdist(chunk, real).kthvalue(k + 1, dim=1).values
        within = torch.cdist(chunk, fake) <= radius[:, None]
        inside += int(within.sum())
        covered += int(within.any(1).sum())
    return inside / (k * len(fake)), covered / len(real)


def _features(images: ImageSet, evaluation: Evaluation) -> tuple[Tensor, Tensor]:
    return evaluation.features(images), evaluation.features(evaluation.real("test"))


def _at_least_two(fake: Tensor, real: Tensor) -> None:
    if min(len(fake), len(real)) < 2:
        raise NotComputedError(
            "a distance between distributions needs at least 2 images on both sides."
        )


def _protocol(fake: Tensor, real: Tensor, evaluation: Evaluation) -> dict[str, Any]:
    return {
        **evaluation.extractor.protocol,
        "split": "test",
        "n_real": len(real),
        "n_fake": len(fake),
        "library": f"torch-fidelity {version('torch-fidelity')}",
    }
