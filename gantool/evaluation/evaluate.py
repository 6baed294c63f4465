"""From a generator to its scores: draw, measure, and measure real images and noise the same way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gantool._version import __version__
from gantool.data.prepared import Prepared, data_folder
from gantool.errors import ConfigError, did_you_mean
from gantool.evaluation.extractors import Extractor, ExtractorMissingError, choose
from gantool.evaluation.metric import Evaluation, ImageSet, Measured, NotApplicableError, NotComputedError
from gantool.evaluation.neighbours import nearest
from gantool.gan import GAN
from gantool.plugins import Registry
from gantool.runs import JsonLines, RunFolder, Score, write_bytes
from gantool.sampling import draw, grid, png
from gantool.spec import MetricSpec, load_implementation

SAMPLE_SEED = 10_000  # of the latents and labels of every evaluation
_PAIRS, _PAIR_COLUMNS = 40, 8
_Measure = Callable[[ImageSet, Evaluation], Mapping[str, Measured]]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to score.

    Attributes:
        samples: how many to draw.
        extractor: a name, or `auto`.
        inception_weights: file of InceptionV3's weights, or None.
        metrics: names of the scores wanted; all where empty.
        data_dir: folder that holds data sets and caches, or None for the usual one.
    """

    samples: int = 10_000
    extractor: str = "auto"
    inception_weights: Path | None = None
    metrics: tuple[str, ...] = ()
    data_dir: Path | None = None


def evaluate(
    gan: GAN,
    data: Prepared,
    folder: RunFolder,
    registry: Registry,
    settings: Settings,
    *,
    step: int,
    averaged: bool,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Score]:
    """Score a generator, and keep the scores in the run's folder with a picture of nearest training images.

    Neither the networks nor any random state that training uses is changed. A metric that raises costs its own scores.

    Args:
        gan: the model, with the generator to draw from.
        data: what it was trained on.
        folder: the run's.
        registry: where metrics and data sets are registered.
        settings: how to score.
        step: that the generator has been trained for.
        averaged: whether its weights are averaged ones.
        stopped: asked between metrics whether to stop early.

    Raises:
        ConfigError: an unknown metric or extractor, or weights that are none.
    """
    specs = _wanted(registry, settings.metrics)
    device = next(gan.parameters()).device
    evaluation = Evaluation(data, _extractor(data, registry, settings, device), folder, conditional=gan.conditional)
    samples = draw_samples(gan, settings.samples)
    common = {
        "data": data.name,
        "fingerprint": data.fingerprint,
        "image_size": data.image_size,
        "sample_seed": SAMPLE_SEED,
        "truncation": "none",
        "batchnorm": "running statistics",
        "averaged": averaged,
        "gantool": __version__,
    }
    scores: list[Score] = []
    for group in _groups(specs):
        if stopped():
            break
        scores += _measure(group, samples, evaluation, step, common)
    with_neighbours = any(score.metric == "memorised" and score.value is not None for score in scores)
    if with_neighbours:
        write_bytes(folder.neighbours_figure, _picture(samples, evaluation))
    lines = JsonLines(folder.scores_file)
    for score in scores:
        lines.append(score.model_dump(mode="json"))
    lines.flush(to_disk=True)
    lines.close()
    return scores


def draw_samples(gan: GAN, n: int) -> ImageSet:
    """N images of the generator, from latents (and labels) that are the same at every evaluation."""
    rng = torch.Generator().manual_seed(SAMPLE_SEED)
    z = gan.sample_latent(n, rng)
    y = gan.sample_labels(n, rng)
    return ImageSet("samples", draw(gan, z, y), None if y is None else y.numpy())


def _wanted(registry: Registry, names: Sequence[str]) -> list[MetricSpec]:
    for name in names:
        if name not in registry.metrics:
            registry.explain_missing("metric", name)
            raise ConfigError(
                f"no metric {name!r}.{did_you_mean(name, registry.metrics)}",
                f"Metrics: {', '.join(registry.metrics)}. `gantool list-metrics` says more.",
            )
    return [spec for name, spec in registry.metrics.items() if not names or name in names]


def _groups(specs: Sequence[MetricSpec]) -> Iterator[list[MetricSpec]]:
    """Those that one function makes together."""
    for measure in dict.fromkeys(spec.measure for spec in specs):
        yield [spec for spec in specs if spec.measure == measure]


def _extractor(
    data: Prepared, registry: Registry, settings: Settings, device: torch.device
) -> Extractor | NotComputedError:
    spec = registry.datasets.get(data.name)
    usual = spec.extractor if spec else "inception"
    try:
        cache = data_folder(settings.data_dir)
        return choose(settings.extractor, data, usual, settings.inception_weights, cache, device)
    except ExtractorMissingError as error:
        return NotComputedError(str(error))


def _measure(
    group: Sequence[MetricSpec], samples: ImageSet, evaluation: Evaluation, step: int, common: Mapping[str, Any]
) -> list[Score]:
    """The scores that one function makes, each beside what real images and noise reach."""
    specs = {spec.name: spec for spec in group}
    try:
        measure: _Measure = load_implementation(group[0].measure)
        found = measure(samples, evaluation)
        missing = [name for name in specs if name not in found]
        if missing:
            raise NotComputedError(f"{group[0].measure} returned no {missing[0]}.")
    except NotApplicableError:
        return []
    except Exception as error:  # a plugin's metric may raise anything
        reason = str(error) if isinstance(error, NotComputedError) else f"{type(error).__name__}: {error}"
        return [
            Score(step=step, metric=name, better=spec.better, unit=spec.unit, reason=reason)
            for name, spec in specs.items()
        ]
    real = _baseline(measure, group[0].real, len(samples), evaluation)
    noise = _baseline(measure, "noise" if group[0].real else None, len(samples), evaluation)
    return [
        Score(
            step=step,
            metric=name,
            value=_finite(found[name].value),
            better=spec.better,
            unit=spec.unit,
            error=found[name].error,
            real=real.get(name),
            noise=noise.get(name),
            warning=found[name].warning,
            reason="" if math.isfinite(found[name].value) else f"the figure is {found[name].value}",
            detail=dict(found[name].detail),
            protocol={**common, **found[name].protocol},
        )
        for name, spec in specs.items()
    ]


def _baseline(measure: _Measure, origin: str | None, n: int, evaluation: Evaluation) -> dict[str, float | None]:
    """What other images than samples reach; nothing where they cannot be measured."""
    if origin is None:
        return {}
    try:
        images = evaluation.noise(n) if origin == "noise" else evaluation.real(origin, n)
        return {name: _finite(measured.value) for name, measured in measure(images, evaluation).items()}
    except Exception:
        return {}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _picture(samples: ImageSet, evaluation: Evaluation) -> bytes:
    """Samples, each with the nearest training image to its right (Goodfellow et al. 2014, figure 2)."""
    few = ImageSet("samples", samples.pixels[:_PAIRS])
    _, which = nearest(few, evaluation)
    pairs = np.stack([few.pixels, evaluation.data.train.images[which]], axis=1)
    glued = np.concatenate([pairs[:, 0], pairs[:, 1]], axis=2)
    return png(grid(glued, _PAIR_COLUMNS))
