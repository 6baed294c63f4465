"""The discriminator's answers at the end of a run, and how far they are from equilibrium."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gantool.report.series import LAST, Series


@dataclass(frozen=True, slots=True)
class LastAnswers:
    """The discriminator over the last tenth of the steps in which both of its answers are known.

    Attributes:
        d_real: mean of D(x).
        d_fake: mean of D(G(z)).
        distance: mean of |D(x) - 1/2| and |D(G(z)) - 1/2|, 0 at the optimum of the 2014 game; it
            means something for probabilities only.
    """

    d_real: float
    d_fake: float
    distance: float


def last_answers(series: Series) -> LastAnswers | None:
    """The answers at the end of a run; None where no step has both."""
    nothing = np.empty(0)
    real, fake = series.get("d_real", nothing), series.get("d_fake", nothing)
    if len(real) != len(fake):
        return None
    known = np.isfinite(real) & np.isfinite(fake)
    real, fake = real[known], fake[known]
    if not len(real):
        return None
    count = max(1, math.ceil(LAST * len(real)))
    real, fake = real[-count:], fake[-count:]
    distance = (np.abs(real - 0.5).mean() + np.abs(fake - 0.5).mean()) / 2
    return LastAnswers(
        d_real=float(real.mean()), d_fake=float(fake.mean()), distance=float(distance)
    )
