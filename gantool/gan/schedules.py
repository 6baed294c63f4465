"""Pure functions of progress, for `GAN.schedule`."""

from __future__ import annotations

import math


def decayed(initial: float, divisor: float, step: int, floor: float = 0.0) -> float:
    """`initial` divided by `divisor` once a step, but never below `floor`."""
    return max(initial * divisor**-step, floor)


def linear(start: float, end: float, position: float, begin: float, finish: float) -> float:
    """`start` until `begin`, `end` from `finish` on, and a straight line between."""
    share = (position - begin) / (finish - begin)
    return start + (end - start) * min(1.0, max(0.0, share))


def cosine(start: float, end: float, share: float) -> float:
    """From `start` at share 0 to `end` at share 1 along half a cosine."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, share))))


def ramped_up(decay: float, share: float, *, steps: int) -> float:
    """A decay whose half-life is at most this share of the steps done; 0 before the first."""
    return min(decay, 0.5 ** (1 / (share * steps))) if steps else 0.0
