"""The shares of outcomes, and the divergence of one set of shares from another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_Ints = npt.NDArray[np.int64]


def shares_of(labels: _Ints, classes: int) -> npt.NDArray[np.float64]:
    """The share of each label, float64 [classes]."""
    return np.bincount(labels, minlength=classes)[:classes] / len(labels)


def kl_divergence(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> float:
    """Sum p log(p / q), in nats, over the outcomes that p has.

    It is infinite where q lacks one of them.
    """
    there = p > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(p[there] * np.log(p[there] / q[there])))
