"""The Monge Inception Distance: a distance of clouds of features by their projections on lines."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gantool.evaluation.metric import Evaluation, ImageSet, Measured, NotComputedError
from gantool.evaluation.metrics import clouds

_DIRECTIONS = 1000
_SEED = 2026  # of the directions, which are the same for every evaluation
_BLOCK = 100  # directions at a time
_SCALE = 3  # for each dimension, as the authors have it


def mind(images: ImageSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """The Monge Inception Distance to the test images (Berthet et al. 2026).

    It is theirs where the extractor is InceptionV3.
    """
    fake, real = clouds.both(images, evaluation)
    if len(fake) < 2:
        raise NotComputedError("a distance between distributions needs at least 2 images.")
    protocol = {
        **clouds.protocol(fake, real, evaluation=evaluation),
        "directions": _DIRECTIONS,
        "direction_seed": _SEED,
    }
    value = sliced_distance(fake, real, directions=directions(real.shape[1]))
    return {"mind": Measured(value, protocol=protocol)}


def directions(dimensions: int) -> Tensor:
    """1,000 unit vectors, float64 [1000, D], uniform on the sphere and always the same."""
    rng = torch.Generator().manual_seed(_SEED)
    drawn = torch.randn(_DIRECTIONS, dimensions, generator=rng, dtype=torch.float64)
    return torch.nn.functional.normalize(drawn, dim=1)


def sliced_distance(fake: Tensor, real: Tensor, *, directions: Tensor) -> float:
    """3 D times the mean over directions u of W2(u.x, u.y)^2, of features [N, D] and [M, D].

    W2 is the Wasserstein-2 distance on a line: the root of the mean square difference of the two
    quantile functions. They are steps, so that clouds of unequal size are compared exactly.

    Args:
        fake: features of samples.
        real: features of real images.
        directions: unit vectors, float64 [L, D].
    """
    n, m = len(fake), len(real)
    # Both quantile functions are constant between these multiples of 1 / (n m).
    steps = torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]).unique()
    widths = steps.diff(prepend=steps.new_zeros(1)).double() / (n * m)
    of_fake, of_real = (steps - 1) // m, (steps - 1) // n
    total = 0.0
    for chosen in directions.split(_BLOCK):
        x, y = ((chosen @ side.double().T).sort(dim=1).values for side in (fake, real))
        total += float((x[:, of_fake] - y[:, of_real]).square_().matmul(widths).sum())
    return _SCALE * fake.shape[1] * total / len(directions)
