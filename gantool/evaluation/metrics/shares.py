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


def kl_error(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64], n: int) -> float:
    """Standard error of `kl_divergence(p, q)` where the shares p are those of n draws.

    By the delta method to the second order, since the first one vanishes at p = q: the variance of
    log(p / q) over the draws by n, less what the draws themselves add to it, and that of half a
    chi-squared variable by n.
    """
    there = p > 0
    with np.errstate(divide="ignore"):
        logs = np.log(p[there] / q[there])
    if not np.isfinite(logs).all():
        return float("inf")
    free = int(there.sum()) - 1
    spread = np.sum(p[there] * logs**2) - np.sum(p[there] * logs) ** 2 - free / n
    return float(np.sqrt(max(0.0, spread) / n + free / (2 * n**2)))


def covered_error(shares: npt.NDArray[np.float64], n: int) -> float:
    """Standard error of the number of outcomes that n draws have, float64 [K] their shares.

    It is the exact one of n draws from these shares; what they lack counts as never drawn, and what
    is left to 1 as none of the outcomes.
    """
    missed = (1 - shares) ** n
    both = np.clip(1 - shares[:, None] - shares[None, :], 0, None) ** n
    covariance = both - np.outer(missed, missed)
    np.fill_diagonal(covariance, missed * (1 - missed))
    return float(np.sqrt(max(0.0, covariance.sum())))
