"""The Fréchet distance without what the number of samples adds to it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from gantool.evaluation.metric import Evaluation, ImageSet, Measured, NotComputedError
from gantool.evaluation.metrics import clouds
from gantool.evaluation.metrics.distances import frechet_distance, refuse_few

_SIZES = 15  # from a tenth of the samples to all of them
_SEED = 2020


def frechet_infinity(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """The Fréchet distance of infinitely many samples to the test images (Chong and Forsyth 2020).

    Raises:
        NotComputedError: there are fewer test images than features, or too few samples.
    """
    fake, real = clouds.both(images, evaluation)
    refuse_few(real)
    least = max(len(fake) // 10, real.shape[1] + 1)
    if len(fake) < 2 * least:
        raise NotComputedError(
            f"{len(fake):,} samples are too few to tell what their number adds.",
            f"{2 * least:,} would do (--samples).",
        )
    sizes = np.linspace(least, len(fake), _SIZES).round().astype(int)
    value, error = extrapolate(fake, real, sizes=sizes)
    protocol = {
        **clouds.protocol(fake, real, evaluation=evaluation),
        "sizes": f"{_SIZES} from {least:,}",
    }
    return {"frechet-infinity": Measured(value, error, protocol=protocol)}


def extrapolate(fake: Tensor, real: Tensor, *, sizes: np.ndarray) -> tuple[float, float]:
    """The Fréchet distance at 1/N = 0, of a line through those of N samples.

    The samples of each N are drawn from all without repetition, always the same ones.

    Args:
        fake: features of samples, [N, D].
        real: features of real images, [M, D].
        sizes: each N, int [K], at least 3.

    Returns:
        The intercept, and its standard error, which is of the line alone: that all sizes share
        their samples is not in it.
    """
    from scipy.stats import linregress

    rng = np.random.default_rng(_SEED)
    chosen = [torch.from_numpy(rng.permutation(len(fake))[:n]) for n in sizes]
    distances = [frechet_distance(fake[rows], real) for rows in chosen]
    line = linregress(1 / sizes, distances)
    return float(line.intercept), float(line.intercept_stderr)
