"""The Vendi score: the number of samples that are unlike each other, in effect."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gantool.evaluation.metric import Evaluation, ImageSet, Measured


def vendi(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """The Vendi score of the samples' features (Friedman and Dieng 2022); no real image is asked.

    The similarity of two is the cosine between their features.
    """
    features = evaluation.features(images)
    protocol = {
        **evaluation.extractor.protocol,
        "n_fake": len(features),
        "similarity": "cosine",
    }
    return {"vendi": Measured(vendi_score(features), protocol=protocol)}


def vendi_score(features: Tensor) -> float:
    """exp(-sum l log l) over the eigenvalues l of K / N, K_ij the cosine between features i and j.

    It is 1 where all features [N, D] point one way, and min(N, D) at most.
    """
    rows = torch.nn.functional.normalize(features.double(), dim=1)
    # K / N has the eigenvalues of this, which is D x D, and else zeros; of N < D the other way.
    narrow = rows.T @ rows if len(rows) > rows.shape[1] else rows @ rows.T
    values = torch.linalg.eigvalsh(narrow / len(rows)).clamp_(min=0)
    return float(torch.special.entr(values).sum().exp())
