"""The Parzen-window log-likelihood of the 2014 paper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from gantool.evaluation.metric import Evaluation, ImageSet, Measured, NotApplicableError

SIGMAS = tuple(np.logspace(-1, 0, 10).tolist())
VALIDATION = 1000
_MOST_VALUES = 3 * 32 * 32  # an image with more has no likelihood worth the minutes
_PAPER = 10_000
_CHUNK = 100


def parzen(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """Mean log-likelihood in nats of the test images, as Goodfellow et al. 2014, Table 1.

    The given images are the centres; sigma is the best of 10 on up to 1,000 validation images.
    """
    if images.pixels[0].size > _MOST_VALUES:
        raise NotApplicableError
    centers = images.flat()
    validation = evaluation.real("validation", VALIDATION)
    test = evaluation.real("test")
    by_sigma = log_likelihood(validation.flat(), centers, sigmas=SIGMAS).mean(1)
    sigma = SIGMAS[int(by_sigma.argmax())]
    found = log_likelihood(test.flat(), centers, sigmas=[sigma])[0]
    warning = ""
    if len(images) < _PAPER and images.origin == "samples":
        warning = (
            f"{len(images):,} centres; the paper has {_PAPER:,}, "
            "and more centres give a higher value"
        )
    protocol = {
        "split": "test",
        "n_real": len(test),
        "n_fake": len(images),
        "sigma_chosen_on": "validation",
        "n_validation": len(validation),
        "pixels": "8 bits, scaled to [0, 1]",
    }
    error = float(found.std(unbiased=True) / math.sqrt(len(found))) if len(found) > 1 else None
    detail = {"sigma": sigma, "validation": float(by_sigma.max())}
    return {
        "parzen": Measured(
            float(found.mean()), error, detail=detail, protocol=protocol, warning=warning
        )
    }


def log_likelihood(points: Tensor, centers: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Log p(x) = logmeanexp_i(-||x - mu_i||^2 / (2 sigma^2)) - d log(sigma sqrt(2 pi)), in nats.

    Args:
        points: x, float64 [N, d].
        centers: mu, float64 [M, d].
        sigmas: widths of the Gaussians.

    Returns:
        float64 [len(sigmas), N].
    """
    width = torch.tensor(sigmas, dtype=torch.float64).view(-1, 1)
    sizes, parts = centers.square().sum(1), []
    for chunk in points.split(_CHUNK):
        lengths = chunk.square().sum(1, keepdim=True) + sizes
        squared = torch.addmm(lengths, chunk, centers.T, alpha=-2).clamp_(min=0)
        least = squared.amin(1, keepdim=True)
        beyond = squared.sub_(least)  # so that the greatest term of each sum is 1
        sums = [beyond.mul(-0.5 / float(w) ** 2).exp_().sum(1).log() for w in width]
        parts.append(torch.stack(sums) - least.T / (2 * width**2))
    normalizer = points.shape[1] * torch.log(width * math.sqrt(2 * math.pi)) + math.log(
        len(centers)
    )
    return torch.cat(parts, dim=1) - normalizer
