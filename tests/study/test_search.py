"""Random search."""

from __future__ import annotations

import numpy as np
import pytest

from gantool.errors import ConfigError
from gantool.study.search import draw_settings


def test_draws_keep_to_their_ranges_and_to_their_seed() -> None:
    values = {
        "lr": [1e-5, 1e-3, "log"],
        "ema": [0.5, 0.9],
        "nz": [10, 20, "int"],
        "loss": ["minimax", "wasserstein"],
    }
    found = draw_settings(values, 400, 7)
    assert found[:5] == draw_settings(values, 5, 7) != draw_settings(values, 5, 8)
    rates = np.array([setting["lr"] for setting in found])
    assert 1e-5 <= rates.min() < rates.max() <= 1e-3
    assert (
        abs(np.log10(rates).mean() + 4) < 0.1
    )  # log-uniform: the mean of the logarithms is in the middle
    assert {setting["nz"] for setting in found} == set(range(10, 21))
    assert {setting["loss"] for setting in found} == {"minimax", "wasserstein"}
    assert abs(np.mean([setting["ema"] for setting in found]) - 0.7) < 0.03


def test_draws_do_not_repeat_each_other() -> None:
    found = draw_settings({"loss": ["minimax", "hinge"], "nz": [1, 3, "int"]}, 6, 0)
    assert len({(setting["loss"], setting["nz"]) for setting in found}) == 6
    assert draw_settings({"beta1": [0, 0.9]}, 1, 0)[0]["beta1"] not in (0, 0.9)
    with pytest.raises(ConfigError, match="hardly more than 6 different"):
        draw_settings({"loss": ["minimax", "hinge"], "nz": [1, 3, "int"]}, 7, 0)
