"""gantool: train, compare and understand GAN variants.

The public names are resolved when they are first used, so that importing gantool imports neither
torch nor matplotlib.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gantool._version import __version__

if TYPE_CHECKING:
    from pydantic import Field

    from gantool.api import Comparison, Run, compare, evaluate_samples, train
    from gantool.api import open_run as open
    from gantool.config import GANConfig, LabelOptions, TrainConfig
    from gantool.data.points.mixture import Mixture
    from gantool.data.readers.pictures import OwnImages, Pictures
    from gantool.data.source import Source
    from gantool.errors import ConfigError, GantoolError
    from gantool.evaluation.metric import (
        Evaluation,
        Finding,
        ImageSet,
        Measured,
        NotApplicableError,
        NotComputedError,
        PointSet,
    )
    from gantool.gan.base import GAN, Model
    from gantool.gan.game import Batch, Losses, Progress, Settings, Turn
    from gantool.gan.latent import Latent
    from gantool.gan.objectives import Objective
    from gantool.gan.shapes import Shapes
    from gantool.plugins.hookspecs import hookimpl
    from gantool.plugins.spec import (
        AugmentationSpec,
        DatasetSpec,
        ExtractorSpec,
        MetricSpec,
        ModelSpec,
        ObjectiveSpec,
        PenaltySpec,
        PretrainedSpec,
        ReaderSpec,
    )
    from gantool.plugins.tracking import TrackedRun, Tracker

__all__ = [
    "GAN",
    "AugmentationSpec",
    "Batch",
    "Comparison",
    "ConfigError",
    "DatasetSpec",
    "Evaluation",
    "ExtractorSpec",
    "Field",
    "Finding",
    "GANConfig",
    "GantoolError",
    "ImageSet",
    "LabelOptions",
    "Latent",
    "Losses",
    "Measured",
    "MetricSpec",
    "Mixture",
    "Model",
    "ModelSpec",
    "NotApplicableError",
    "NotComputedError",
    "Objective",
    "ObjectiveSpec",
    "OwnImages",
    "PenaltySpec",
    "Pictures",
    "PointSet",
    "PretrainedSpec",
    "Progress",
    "ReaderSpec",
    "Run",
    "Settings",
    "Shapes",
    "Source",
    "TrackedRun",
    "Tracker",
    "TrainConfig",
    "Turn",
    "__version__",
    "compare",
    "evaluate_samples",
    "hookimpl",
    "open",
    "train",
]

_HOMES = {
    "Batch": "gantool.gan.game",
    "Latent": "gantool.gan.latent",
    "Losses": "gantool.gan.game",
    "Progress": "gantool.gan.game",
    "Settings": "gantool.gan.game",
    "Shapes": "gantool.gan.shapes",
    "Turn": "gantool.gan.game",
    "Comparison": "gantool.api",
    "Run": "gantool.api",
    "compare": "gantool.api",
    "evaluate_samples": "gantool.api",
    "open": "gantool.api",
    "train": "gantool.api",
    "Field": "pydantic",
    "Evaluation": "gantool.evaluation.metric",
    "Finding": "gantool.evaluation.metric",
    "ImageSet": "gantool.evaluation.metric",
    "Measured": "gantool.evaluation.metric",
    "NotApplicableError": "gantool.evaluation.metric",
    "NotComputedError": "gantool.evaluation.metric",
    "PointSet": "gantool.evaluation.metric",
    "Mixture": "gantool.data.points.mixture",
    "TrainConfig": "gantool.config",
    "GANConfig": "gantool.config",
    "LabelOptions": "gantool.config",
    "OwnImages": "gantool.data.readers.pictures",
    "Pictures": "gantool.data.readers.pictures",
    "Source": "gantool.data.source",
    "ConfigError": "gantool.errors",
    "GantoolError": "gantool.errors",
    "hookimpl": "gantool.plugins.hookspecs",
    "DatasetSpec": "gantool.plugins.spec",
    "MetricSpec": "gantool.plugins.spec",
    "AugmentationSpec": "gantool.plugins.spec",
    "ExtractorSpec": "gantool.plugins.spec",
    "ObjectiveSpec": "gantool.plugins.spec",
    "PenaltySpec": "gantool.plugins.spec",
    "PretrainedSpec": "gantool.plugins.spec",
    "ReaderSpec": "gantool.plugins.spec",
    "Objective": "gantool.gan.objectives",
    "ModelSpec": "gantool.plugins.spec",
    "TrackedRun": "gantool.plugins.tracking",
    "Tracker": "gantool.plugins.tracking",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'gantool' has no attribute {name!r}")
    module = importlib.import_module(_HOMES.get(name, "gantool.gan.base"))
    return getattr(module, "open_run" if name == "open" else name)


def __dir__() -> list[str]:
    return sorted(__all__)
