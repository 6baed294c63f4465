"""The two clouds of features that scores compare, and nearest neighbors in them, in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from gantool.evaluation.metric import Evaluation, ImageSet

_BLOCK = 500  # rows of a matrix of distances that are there at once


def both(images: ImageSet, evaluation: Evaluation) -> tuple[Tensor, Tensor]:
    """Features of images and of the test images, float32 [N, D] and [M, D]."""
    return evaluation.features(images), evaluation.features(evaluation.real("test"))


def protocol(fake: Tensor, real: Tensor, evaluation: Evaluation) -> dict[str, Any]:
    """The way of measuring that scores of such features against test images share."""
    return {
        **evaluation.extractor.protocol,
        "split": "test",
        "n_real": len(real),
        "n_fake": len(fake),
    }


def blocks(points: Tensor, others: Tensor | None = None) -> Iterator[tuple[slice, Tensor]]:
    """The distances of points [N, D] to others [M, D], some rows at a time, and which these are.

    They are float64: of features far from 0 that lie close together float32 would keep nothing.
    Where no others are given, they are the points, each at an infinite distance from itself.
    """
    points = points.double()
    targets = points if others is None else others.double()
    for start in range(0, len(points), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(points)))
        distances = torch.cdist(points[rows], targets)
        if others is None:
            distances.diagonal(start).fill_(torch.inf)
        yield rows, distances


def nearest(points: Tensor, others: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Distance [N] of each point to its nearest of the others, and the number of that, int64.

    Where no others are given, they are the other points.
    """
    found = [distances.min(1) for _, distances in blocks(points, others)]
    return torch.cat([each.values for each in found]), torch.cat([each.indices for each in found])


def reach(points: Tensor, neighbors: int) -> Tensor:
    """The distance [N] of each point to its k-th nearest other one."""
    return torch.cat(
        [
            distances.topk(neighbors, dim=1, largest=False).values[:, -1]
            for _, distances in blocks(points)
        ]
    )
