"""A score of the generator's repeating its training images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from gantool.evaluation.metric import (
    Evaluation,
    ImageSet,
    Measured,
    binomial_error,
    sample_set,
)

_LOOKED_AT = 1000  # samples; each is compared with every training image
_TRAIN_CHUNK = 5000


def memorized(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """Share of samples nearer to a training image than any held-out image is.

    The distance is Euclidean, between pixels; the held-out images are of the validation split.
    Where a run mirrors its training images, the mirrored ones count as well.
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
                **({"mirrored": True} if evaluation.mirrored else {}),
            },
        )
    }


def nearest(images: ImageSet, evaluation: Evaluation) -> tuple[npt.NDArray[np.float64], ImageSet]:
    """Distance, float64 [n], to the nearest training image, and these images.

    They are those of the first 1,000 images. Where the run mirrors its training images, one of them
    may be mirrored here.
    """
    few = images.pixels[:_LOOKED_AT]
    best = torch.full((len(few),), torch.inf)
    winners = np.empty_like(few)
    train = evaluation.data.train.values
    for start in range(0, len(train), _TRAIN_CHUNK):
        seen = sample_set("images", "train", np.asarray(train[start : start + _TRAIN_CHUNK]))
        for way in (1, -1) if evaluation.mirrored else (1,):
            # The images are mirrored rather than all that they are compared with.
            wanted = ImageSet("mirrored", few[:, :, ::way]).flat().float()
            distance, number = torch.cdist(wanted, seen.flat().float()).min(1)
            closer = distance < best
            best[closer] = distance[closer]
            winners[closer.numpy()] = seen.pixels[number[closer].numpy()][:, :, ::way]
    # The fast distance is off by rounding near zero, where memorised images are: measure the
    # winners again.
    found = ImageSet("train", winners)
    return (images.flat(_LOOKED_AT) - found.flat()).norm(dim=1).numpy(), found
