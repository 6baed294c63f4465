"""A score of the generator's repeating its training images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from gantool.evaluation.metric import Evaluation, ImageSet, Measured, binomial_error

_LOOKED_AT = 1000  # samples; each is compared with every training image
_TRAIN_CHUNK = 5000


def memorized(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """Share of samples nearer to a training image than any held-out image is.

    The distance is Euclidean, between pixels; the held-out images are of the validation split.
    """
    held_out, _ = nearest(evaluation.real("validation", _LOOKED_AT), evaluation)
    distance, _ = nearest(images, evaluation)
    threshold = float(held_out.min())
    share = float((distance < threshold).mean())
    return {
        "memorised": Measured(
            share,
            error=binomial_error(share, len(distance)),
            detail={
                "threshold": threshold,
                "median_distance": float(np.median(distance)),
                "median_distance_held_out": float(np.median(held_out)),
            },
            protocol={
                "split": "train",
                "n_real": len(evaluation.data.train),
                "n_fake": len(distance),
                "threshold_from": "validation",
                "n_validation": len(held_out),
            },
        )
    }


def nearest(
    images: ImageSet, evaluation: Evaluation
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Distance, float64 [n], to the nearest training image, and its number, int64 [n].

    They are those of the first 1,000 images.
    """
    wanted = images.flat(_LOOKED_AT).float()
    best = torch.full((len(wanted),), torch.inf)
    which = torch.zeros(len(wanted), dtype=torch.int64)
    train = evaluation.data.train.values
    for start in range(0, len(train), _TRAIN_CHUNK):
        chunk = ImageSet("train", np.asarray(train[start : start + _TRAIN_CHUNK])).flat().float()
        distance, number = torch.cdist(wanted, chunk).min(1)
        closer = distance < best
        best[closer] = distance[closer]
        which[closer] = number[closer] + start
    # The fast distance is off by rounding near zero, where memorised images are: measure the
    # winners again.
    winners = ImageSet("train", train[which.numpy()]).flat()
    exact = (images.flat(_LOOKED_AT) - winners).norm(dim=1)
    return exact.numpy(), which.numpy()
