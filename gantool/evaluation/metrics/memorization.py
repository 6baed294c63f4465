"""A score of the generator's repeating its training images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gantool.evaluation.kept import References
from gantool.evaluation.metric import (
    Evaluation,
    ImageSet,
    Measured,
    binomial_error,
    sample_set,
)

_LOOKED_AT = 1000  # samples; each is compared with every training image
_TRAIN_CHUNK = 1000
_APART_CHUNK = 100
_MIDDLE = 127.5  # of the values of a pixel


def memorized(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """Share of samples nearer to a training image than any held-out image is.

    The distance is Euclidean, between pixels; the held-out images are of the validation split.
    Where a run mirrors its training images, the mirrored ones count as well.
    """
    held_out = evaluation.real("validation", _LOOKED_AT)
    threshold, median = _held_out(held_out, evaluation)
    distance, _ = nearest(images, evaluation)
    share = float((distance < threshold).mean())
    return {
        "memorised": Measured(
            share,
            error=binomial_error(share, len(distance)),
            detail={
                "threshold": threshold,
                "median_distance": float(np.median(distance)),
                "median_distance_held_out": median,
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


def _held_out(images: ImageSet, evaluation: Evaluation) -> tuple[float, float]:
    """The least distance and the median."""

    def find() -> References:
        distance, _ = nearest(images, evaluation)
        return {"held out": {"least": float(distance.min()), "median": float(np.median(distance))}}

    found = evaluation.recall("held-out", find, measure=nearest, about={"n": len(images)})
    least, median = (float(found["held out"][name] or 0) for name in ("least", "median"))
    return least, median


def nearest(images: ImageSet, evaluation: Evaluation) -> tuple[npt.NDArray[np.float64], ImageSet]:
    """Distance, float64 [n], to the nearest training image, and these images.

    They are those of the first 1,000 images. Where the run mirrors its training images, one of them
    may be mirrored here. They are looked for once for each evaluation and origin.
    """
    name = f"nearest to {images.origin}, {len(images)}, {evaluation.mirrored}"
    return evaluation.once(name, lambda: _nearest(images, evaluation))


def _nearest(images: ImageSet, evaluation: Evaluation) -> tuple[npt.NDArray[np.float64], ImageSet]:
    few = images.pixels[:_LOOKED_AT]
    # The images are mirrored rather than all that they are compared with.
    ways = {way: _centered(few[:, :, ::way]) for way in ((1, -1) if evaluation.mirrored else (1,))}
    best = torch.full((len(few),), torch.inf)
    winners = np.empty_like(few)
    train = evaluation.data.train.values
    for start in range(0, len(train), _TRAIN_CHUNK):
        seen = sample_set("images", "train", np.asarray(train[start : start + _TRAIN_CHUNK]))
        others = _centered(seen.pixels)
        lengths = others.square().sum(1)
        for way, wanted in ways.items():
            # The square of the distance, but for what is the same for all training images.
            distance, number = torch.addmm(lengths, wanted, others.T, alpha=-2).min(1)
            closer = distance < best
            best[closer] = distance[closer]
            winners[closer.numpy()] = seen.pixels[number[closer].numpy()][:, :, ::way]
    # That is off by rounding: measure the winners again.
    found = ImageSet("train", winners)
    return _apart(images, found), found


def _centered(pixels: npt.NDArray[np.uint8]) -> Tensor:
    """Images as vectors, float32 [n, H * W * C] in [-127.5, 127.5], which loses the least."""
    return torch.from_numpy(pixels.reshape(len(pixels), -1).astype(np.float32)).sub_(_MIDDLE)


def _apart(images: ImageSet, others: ImageSet) -> npt.NDArray[np.float64]:
    """Distances, float64 [n], between the first n images and n others, pixels in [0, 1]."""
    parts = []
    for start in range(0, len(others), _APART_CHUNK):
        pair = (
            ImageSet(
                each.origin, each.pixels[start : min(start + _APART_CHUNK, len(others))]
            ).flat()
            for each in (images, others)
        )
        parts.append(torch.sub(*pair).norm(dim=1))
    return torch.cat(parts).numpy()
