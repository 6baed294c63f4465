"""Feature likelihood divergence: how well samples explain unseen images; copies explain none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gantool.evaluation.metric import Evaluation, ImageSet, Measured, NotComputedError

_CENTERS = 2000  # samples, each with a bandwidth of its own
_PASSES = 50
_ENOUGH = 1e-3  # nats for each dimension that a pass brings, below which passes end
_LEAST = 1e-6  # of a variance, where a training image has 1 in each dimension
_SHORTENED = 0.81  # of squared distances to the mean, as the authors have it
_PERCENT = 100
_SEED = 2023
_BLOCK = 500


class Fit(NamedTuple):
    """Negative log-likelihoods of features, in nats for each dimension.

    Attributes:
        train: mean over the training images that bandwidths were fitted on.
        test: of each test image, float64 [N].
    """

    train: float
    test: Tensor


def divergence(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """FLD and the gap of training images to test images (Jiralerspong et al. 2023).

    Up to 2,000 samples are centers of Gaussians. Of large data sets 10,000 training images are
    looked at.
    """
    train, test = (
        evaluation.features(evaluation.real(each)).double() for each in ("train", "test")
    )
    fake = evaluation.features(images)[:_CENTERS].double()
    if min(len(fake), len(train) // 2) < 1:
        raise NotComputedError("a likelihood needs a sample and 2 training images.")
    mean, deviation = train.mean(0), train.std(0)
    deviation[deviation == 0] = 1  # a feature that no training image has
    fake, train, test = ((each - mean) / deviation for each in (fake, train, test))
    n = min(len(fake), len(train) // 2)
    usual = evaluation.once(f"usual fit of {n}", lambda: _usual(train, test, n=n))
    found = fit(fake, train, test)
    protocol = {
        **evaluation.extractor.protocol,
        "split": "test",
        "n_real": len(test),
        "n_train": len(train),
        "n_fake": len(fake),
    }
    return {
        "fld": Measured(
            _PERCENT * (float(found.test.mean()) - usual),
            _PERCENT * float(found.test.std() / math.sqrt(len(test))) if len(test) > 1 else None,
            detail={"train": found.train, "test": float(found.test.mean()), "usual": usual},
            protocol=protocol,
        ),
        "fld-gap": Measured(_PERCENT * (found.train - float(found.test.mean())), protocol=protocol),
    }


def fit(centers: Tensor, train: Tensor, test: Tensor) -> Fit:
    """The likelihood of images under Gaussians around centers, as wide as training images ask for.

    The density is mean_j N(x; c_j, s_j I), with the variances s_j of `fitted`.

    Args:
        centers: float64 [M, D].
        train: float64 [N, D], on a scale on which `_LEAST` is small.
        test: float64 [L, D].
    """
    dimensions = train.shape[1]
    squared = _squared(train, centers)
    far = (train - train.mean(0)).square().sum(1) * _SHORTENED
    variances, _ = fitted(squared, far, dimensions=dimensions)
    of_train, of_test = (
        -_log_mixture(each, variances, dimensions).logsumexp(1).double() / dimensions
        for each in (squared, _squared(test, centers))
    )
    return Fit(float(of_train.mean()), of_test)


def fitted(
    squared: Tensor, far: Tensor, *, dimensions: int, enough: float = _ENOUGH, passes: int = _PASSES
) -> tuple[Tensor, Tensor]:
    """The variances that make images likeliest, by expectation and maximization.

    The likelihood is mean_j N(x; c_j, s_j I) + N(x; m, w I): the one wide Gaussian explains what no
    center resembles, so that this stretches none of them.

    Args:
        squared: distances of the images to the centers c, float32 [N, M].
        far: to the mean m of the images, float64 [N].
        dimensions: D.
        enough: nats for each dimension that a pass must bring, lest it is the last.
        passes: the most.

    Returns:
        s, float64 [M], and w, float64.
    """
    variances = (squared.amin(0).double() / dimensions).clamp_(min=1e-3 / dimensions)
    wide = torch.ones((), dtype=torch.float64)
    before = -math.inf
    for _ in range(passes):
        weights, weighted = torch.zeros_like(variances), torch.zeros_like(variances)
        of_wide, total = torch.zeros_like(far), 0.0
        background = _log_gaussian(far, wide, dimensions)
        for start in range(0, len(squared), _BLOCK):
            rows = slice(start, start + _BLOCK)
            logs = _log_mixture(squared[rows], variances, dimensions)
            whole = torch.logaddexp(logs.logsumexp(1), background[rows].float())
            shares = logs.sub_(whole[:, None]).exp_()
            weights += shares.sum(0)
            weighted += (shares * squared[rows]).sum(0)
            of_wide[rows] = (background[rows] - whole).exp()
            total += float(whole.double().sum())
        likelihood = total / len(squared) / dimensions
        if likelihood - before < enough:
            break
        before = likelihood
        variances = _refitted(variances, weighted / dimensions, weights)
        wide = _refitted(wide, (of_wide * far).sum() / dimensions, of_wide.sum())
    return variances, wide


def _refitted(variances: Tensor, weighted: Tensor, weights: Tensor) -> Tensor:
    """The mean square of what a Gaussian explains; where that is nothing it stays as it is."""
    found = (weighted / weights).clamp(min=_LEAST)
    return torch.where(weights > torch.finfo(torch.float32).tiny, found, variances)


def _usual(train: Tensor, test: Tensor, n: int) -> float:
    """The same of test images where n training images are the centers, fitted on the others."""
    order = torch.from_numpy(np.random.default_rng(_SEED).permutation(len(train)))
    return float(fit(train[order[:n]], train[order[n:]], test).test.mean())


def _squared(points: Tensor, centers: Tensor) -> Tensor:
    """Squared distances, float32 [N, M]; they are computed in float64."""
    lengths = centers.square().sum(1)
    parts = [
        torch.addmm(part.square().sum(1, keepdim=True) + lengths, part, centers.T, alpha=-2)
        .clamp_(min=0)
        .float()
        for part in points.split(_BLOCK)
    ]
    return torch.cat(parts)


def _log_gaussian(squared: Tensor, variance: Tensor, dimensions: int) -> Tensor:
    return -0.5 * (squared / variance + dimensions * torch.log(2 * math.pi * variance))


def _log_mixture(squared: Tensor, variances: Tensor, dimensions: int) -> Tensor:
    """Log of each center's share of the density, float32 [N, M]."""
    logs = squared * (-0.5 / variances).float()
    constant = -0.5 * dimensions * torch.log(2 * math.pi * variances) - math.log(len(variances))
    return logs.add_(constant.float())
