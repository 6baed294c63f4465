"""Games that were seen to fail, in a word at the start of a run."""

from __future__ import annotations

from gantool.config import GANConfig, TrainConfig
from gantool.plugins.spec import MANY_IMAGES

_LONG_MEMORY = 0.999  # of Adam's second moments, its usual one


def caution(config: TrainConfig, images: int) -> str | None:
    """The change that heals a game which was seen to fail on little data; None for all others.

    docs/games.md has what was measured, by the study experiments/studies/games.toml.

    Args:
        config: of the run, settled.
        images: that it trains on.
    """
    if (
        isinstance(config, GANConfig)
        and images < MANY_IMAGES
        and config.loss == "least-squares"
        and config.penalty == "none"
        and not config.spectral_norm
        and config.optimizer == "adam"
        and config.beta2 >= _LONG_MEMORY
    ):
        return (
            f"least squares without a penalty failed on little data with --beta2 {config.beta2}: "
            "--beta2 0.99 or --penalty r1 heals it."
        )
    return None
