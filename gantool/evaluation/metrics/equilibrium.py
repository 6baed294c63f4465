"""The distance of the discriminator from the 1/2 that equilibrium predicts."""

from __future__ import annotations

import math
from collections.abc import Mapping

from gantool.evaluation.metric import (
    Evaluation,
    Measured,
    NotApplicableError,
    NotComputedError,
    SampleSet,
)
from gantool.runs.files import read_json_lines

_LAST = 0.1  # of the steps


def equilibrium(samples: SampleSet, evaluation: Evaluation) -> Mapping[str, Measured]:
    """Mean of |D(x) - 1/2| and |D(G(z)) - 1/2| over the last tenth of the steps.

    It is 0 at the optimum of the 2014 game.
    """
    folder = evaluation.folder
    if folder.read().d_scale != "probability":
        raise NotApplicableError
    pairs = [
        (line.get("d_real"), line.get("d_fake")) for line in read_json_lines(folder.metrics_file)
    ]
    known = [(x, g) for x, g in pairs if isinstance(x, float) and isinstance(g, float)]
    last = known[-max(1, math.ceil(_LAST * len(known))) :]
    if not last:
        raise NotComputedError("no step has been recorded yet.")
    real = sum(x for x, _ in last) / len(last)
    fake = sum(g for _, g in last) / len(last)
    distance = sum(abs(x - 0.5) + abs(g - 0.5) for x, g in last) / (2 * len(last))
    detail = {"d_real": real, "d_fake": fake}
    return {
        "equilibrium": Measured(distance, detail=detail, protocol={"steps": f"last {_LAST:.0%}"})
    }
