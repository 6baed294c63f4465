"""The choice of a run's best generator, by a score on the validation split."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from gantool._version import __version__
from gantool.data.prepared import Prepared
from gantool.display import Display
from gantool.errors import ConfigError
from gantool.evaluation.evaluate import ScoringSettings, draw_samples, extractor_for
from gantool.evaluation.metric import (
    Evaluation,
    Measured,
    NotApplicableError,
    NotComputedError,
    SampleSet,
)
from gantool.gan.base import Model
from gantool.plugins.registry import Registry
from gantool.plugins.spec import MetricSpec, load_implementation
from gantool.runs.folder import RunFolder
from gantool.runs.records import Score

SPLIT = "validation"
# Of latents and labels; other ones than those of reported scores, so that luck with the latents,
# which a choice among many prefers, is not reported.
CHOICE_SEED = 20_000
_TRIED = 100  # training images


class Chooser:
    """Scores generators of a run on the validation split, so that the best can be kept.

    Args:
        name: of the score.
        gan: the model.
        data: that it is trained on.
        folder: the run's.
        registry: the scores and extractors there are.
        settings: the run's; their metrics do not count.
        display: told of samples drawn, and of images that the extractor has read.

    Raises:
        ConfigError: no such score, or the extractor cannot be used.
    """

    def __init__(
        self,
        name: str,
        gan: Model[Any],
        *,
        data: Prepared,
        folder: RunFolder,
        registry: Registry,
        settings: ScoringSettings,
        display: Display,
    ) -> None:
        self._gan = gan
        self._data = data
        self._settings = settings
        self._display = display
        self._spec: MetricSpec = registry.piece("metric", name)
        device = next(gan.parameters()).device
        self._evaluation = Evaluation(
            data,
            extractor_for(data, registry, settings=settings, device=device),
            folder=folder,
            conditional=gan.conditional,
            shares=gan.label_shares,
            mirrored=gan.config.flip,
            judge=SPLIT,
            progress=display.scoring,
        )

    def check(self) -> None:
        """Try the score on some training images in place of samples.

        Raises:
            ConfigError: no generator of this run can be chosen by it; the message says why.
        """
        name, data = self._spec.name, self._data
        if data.kind not in self._spec.kinds:
            raise ConfigError(
                f"--keep-best {name}: that is a score of {' and '.join(self._spec.kinds)}; "
                f"{data.name} is of {data.kind}.",
                "`gantool list-metrics` says which are of what.",
            )
        if not len(data.splits[SPLIT]):
            raise ConfigError(
                f"--keep-best {name}: {data.name} has no {SPLIT} {data.kind} to choose on.",
                f"More {data.kind} fill that split; or leave it out.",
            )
        try:
            self._measure(self._evaluation.real("train", _TRIED))
        except NotApplicableError:
            raise ConfigError(
                f"--keep-best {name}: that score says nothing of this model on {data.name}.",
                "Choose another (`gantool list-metrics`).",
            ) from None
        except NotComputedError as error:
            raise ConfigError(
                f"--keep-best {name} cannot be computed: {error}",
                "Choose another score (`gantool list-metrics`).",
            ) from None

    def score(self, *, step: int, averaged: bool) -> Score:
        """The score of the generator of now.

        Args:
            step: that it was trained for.
            averaged: whether its weights are averaged ones.

        Raises:
            NotComputedError: it cannot be had, and why.
        """
        told = partial(self._display.measuring, "drawing samples")
        samples = draw_samples(self._gan, self._settings.samples, told, seed=CHOICE_SEED)
        found = self._measure(samples)
        if not math.isfinite(found.value):
            raise NotComputedError(f"the value is {found.value}.")
        protocol = {
            "data": self._data.name,
            "fingerprint": self._data.fingerprint,
            "sample_seed": CHOICE_SEED,
            "averaged": averaged,
            "gantool": __version__,
            **found.protocol,
            **({"split": SPLIT} if found.protocol.get("split") == "test" else {}),
            "chooses": True,
        }
        return Score(
            step=step,
            metric=self._spec.name,
            value=found.value,
            better=self._spec.better,
            unit=self._spec.unit,
            error=found.error,
            protocol=protocol,
            group=self._spec.group,
            ratio=self._spec.ratio,
        )

    def _measure(self, samples: SampleSet) -> Measured:
        measured: Measured = load_implementation(self._spec.measure)(samples, self._evaluation)[
            self._spec.name
        ]
        return measured
