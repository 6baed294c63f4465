"""Best of a budget."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from gantool.study.curves import best_of


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_the_best_of_k_is_what_all_subsets_say(better: Any) -> None:
    values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6]
    curve = best_of(values, better)
    pick = min if better == "lower" else max
    for k in range(1, len(values) + 1):
        best = sorted(pick(subset) for subset in itertools.combinations(values, k))
        assert curve.expected[k - 1] == pytest.approx(np.mean(best))
        low, high = np.quantile(best, [0.05, 0.95], method="inverted_cdf")
        if better == "lower":
            assert (curve.low[k - 1], curve.high[k - 1]) == (low, high)
        assert low <= curve.expected[k - 1] <= high
