"""Words on games that were seen to fail."""

from __future__ import annotations

from typing import Any

import pytest
from support import Cli

from gantool import TrainConfig
from gantool.config import GANConfig
from gantool.plugins.spec import MANY_IMAGES
from gantool.training.cautions import caution


def config(**options: Any) -> GANConfig:
    return GANConfig(**{"loss": "least-squares", **options})


def test_least_squares_alone_has_a_word_on_little_data() -> None:
    word = caution(config(), 4000)
    assert word is not None and "--beta2 0.99" in word and "--penalty r1" in word


@pytest.mark.parametrize(
    "options",
    [{"loss": "hinge"}, {"penalty": "r1"}, {"spectral_norm": True}, {"beta2": 0.99}],
)
def test_others_have_none(options: dict[str, Any]) -> None:
    assert caution(config(**options), 4000) is None


def test_much_data_and_models_without_a_game_have_none() -> None:
    assert caution(config(), MANY_IMAGES) is None
    assert caution(TrainConfig(), 4000) is None


def test_the_word_is_said_before_the_run(cli: Cli) -> None:
    shown = cli("run", "dcgan", "--loss", "least-squares", "--dry-run")
    assert "least squares without a penalty failed" in shown.out + shown.err
