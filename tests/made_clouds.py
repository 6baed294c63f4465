"""Clouds of features, and images that are noise, for tests of scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gantool.data.prepared import ImageSplit, Prepared
from gantool.evaluation.extractors import choose
from gantool.evaluation.metric import Evaluation, ImageSet
from gantool.plugins.registry import load_registry
from gantool.runs.folder import RunFolder


def cloud(n: int, d: int, seed: int = 0) -> Tensor:
    """Points of a standard normal distribution."""
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def standardised(n: int, d: int, seed: int) -> Tensor:
    """Points whose sample mean is exactly 0 and whose sample covariance is exactly the identity."""
    points = cloud(n, d, seed)
    points = points - points.mean(0)
    return points @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(points.T))).T


def pictures(n: int, seed: int = 0, side: int = 28, channels: int = 1) -> ImageSet:
    """Uniform noise with labels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (n, side, side, channels), dtype=np.uint8)
    return ImageSet("samples", pixels, labels=np.arange(n) % 10)


def prepared(
    train: int = 40, held_out: int = 20, side: int = 28, channels: int = 1, classes: int = 10
) -> Prepared:
    """Noise as prepared data."""

    def split(n: int, seed: int) -> ImageSplit:
        return ImageSplit(pictures(n, seed, side, channels).pixels, np.arange(n) % classes)

    splits = {
        "train": split(train, 1),
        "validation": split(held_out, 2),
        "test": split(held_out, 3),
    }
    return Prepared(
        "random",
        "0" * 64,
        size=(side, side),
        channels=channels,
        classes=tuple(map(str, range(classes))),
        unreadable=0,
        splits=splits,
    )


def evaluation(
    data: Prepared, extractor: str = "digits", *, conditional: bool = False
) -> Evaluation:
    """Scores of such data by an extractor."""
    found = choose(
        extractor,
        data,
        registry=load_registry(),
        usual="digits",
        weights=None,
        cache=Path("nowhere"),
        device=torch.device("cpu"),
    )
    return Evaluation(data, found, folder=RunFolder(Path("nowhere")), conditional=conditional)
