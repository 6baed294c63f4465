"""From a generator to its scores: draw, measure, and measure real images and noise the same way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from gantool._version import __version__
from gantool.config import TrainConfig, spell_size
from gantool.data.load import refuse_on_points
from gantool.data.prepared import Prepared
from gantool.data.preparing import data_folder
from gantool.display import Display, OnProgress
from gantool.errors import ConfigError, GantoolError, did_you_mean
from gantool.evaluation.cost import cost_of_drawing
from gantool.evaluation.elsewhere import Elsewhere, read_samples
from gantool.evaluation.extractors import Extractor, ExtractorMissingError, choose, usual_extractor
from gantool.evaluation.kept import References
from gantool.evaluation.metric import (
    Evaluation,
    ImageSet,
    Measured,
    NotApplicableError,
    NotComputedError,
    SampleSet,
    sample_set,
)
from gantool.evaluation.metrics.memorization import nearest
from gantool.gan.base import Model
from gantool.machine.device import choose_device
from gantool.plugins.registry import Registry
from gantool.plugins.spec import MetricSpec, load_implementation
from gantool.report.write import try_report
from gantool.runs.files import write_bytes
from gantool.runs.folder import RunFolder
from gantool.runs.records import DRAWING, RunRecord, Score
from gantool.sampling.generate import generate_samples
from gantool.sampling.grid import LARGEST
from gantool.sampling.latents import BLOCK
from gantool.sampling.pictures import lay_out, png
from gantool.sampling.trained import Step, open_data, open_trained

SAMPLE_SEED: int = DRAWING["sample_seed"]  # of the latents and labels of every evaluation
_PAIRS, _PAIR_COLUMNS = 40, 8
_Measure = Callable[[SampleSet, Evaluation], Mapping[str, Measured]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringSettings:
    """The choices of an evaluation.

    Attributes:
        samples: the number to draw.
        extractor: a name, or `auto`.
        weights: file of the extractor's weights, or None.
        metrics: names of the scores wanted; all but those on request where empty.
        data_dir: folder that holds data sets and caches, or None for the usual one.
    """

    samples: int = 10_000
    extractor: str = "auto"
    weights: Path | None = None
    metrics: tuple[str, ...] = ()
    data_dir: Path | None = None

    @classmethod
    def of(cls, config: TrainConfig) -> Self:
        """Those that a run's options ask for."""
        return cls(
            samples=config.evaluation_samples,
            extractor=config.extractor,
            weights=config.weights,
            data_dir=config.data_dir,
        )


def evaluate_run(
    path: Path,
    registry: Registry,
    *,
    display: Display,
    device: str = "auto",
    samples: int | None = None,
    extractor: str | None = None,
    weights: Path | None = None,
    data_dir: Path | None = None,
    metrics: Sequence[str] = (),
    at: Step | None = None,
) -> list[Score]:
    """Score a run that is on disk; what is None is as the run's own configuration says.

    With `at` it is the generator of an earlier step that is scored, or the best that was kept.
    Samples from elsewhere are read again from where they were.

    Raises:
        ConfigError: an unknown metric or extractor, data other than the run was trained on, no such
            generator, or samples from elsewhere that are other ones today.
        GantoolError: no run, no generator, no data, or the run is being trained.
    """
    folder = RunFolder.open(path)
    given: dict[str, Any] = {
        "data_dir": data_dir,
        "evaluation_samples": samples,
        "extractor": extractor,
        "weights": weights,
    }
    update = {key: value for key, value in given.items() if value is not None}
    with folder.locked():
        record = folder.read()
        if record.origin is not None:
            config = _updated(_config_of_samples(record), update)
            data = open_data(folder, config, registry, progress=display.preparing)
            found = _read_again(record, data, config=config, registry=registry, display=display)
            settings = replace(ScoringSettings.of(config), metrics=tuple(metrics))
            scores = evaluate_samples(
                found,
                data,
                folder=folder,
                registry=registry,
                settings=settings,
                device=choose_device(device),
                display=display,
            )
            try_report(folder, display.say)
            return scores
        trained = open_trained(folder, registry, device=choose_device(device), at=at)
        config = _updated(trained.model.config, update)
        data = open_data(folder, config, registry, progress=display.preparing)
        display.say(f"scoring {config.evaluation_samples:,} samples of {folder.path}")
        # As in training: to the last bit the samples are those that the run itself has scored.
        model = trained.model.to(memory_format=torch.channels_last)

        def keep(drawing: dict[str, Any]) -> None:
            folder.write(folder.read().model_copy(update={"drawing": drawing}))

        scores = evaluate(
            model,
            data,
            folder=folder,
            registry=registry,
            settings=replace(ScoringSettings.of(config), metrics=tuple(metrics)),
            step=trained.step,
            averaged=trained.averaged,
            display=display,
            drawn=keep,
        )
        try_report(folder, display.say)
        return scores


def _updated(config: TrainConfig, update: Mapping[str, Any]) -> TrainConfig:
    """A run's configuration with other choices; a file of weights is one extractor's alone."""
    if update.get("extractor", config.extractor) != config.extractor:
        update = {"weights": None, **update}
    return config.model_copy(update=dict(update))


def _config_of_samples(record: RunRecord) -> TrainConfig:
    """The options of samples from elsewhere: those of data and of scores."""
    known = {key: value for key, value in record.config.items() if value is not None}
    try:
        return TrainConfig(**known)
    except ValueError as error:
        raise GantoolError(
            f"{record.name}: its run.json has options that gantool does not know: {error}"
        ) from None


def _read_again(
    record: RunRecord,
    data: Prepared,
    *,
    config: TrainConfig,
    registry: Registry,
    display: Display,
) -> Elsewhere:
    """The samples from elsewhere that a folder was made from.

    Raises:
        ConfigError: they are not there any more, or other ones are.
    """
    assert record.origin is not None
    found = read_samples(
        Path(record.origin.path),
        data,
        config=config,
        resize=bool(record.origin.resized),
        registry=registry,
        progress=display.preparing,
    )
    if found.origin.sha256 != record.origin.sha256:
        raise ConfigError(
            f"{record.origin.path} holds other samples today than {record.name} was made from.",
            "Bring them back as they were, or score those of today under another --name.",
        )
    return found


def evaluate_samples(
    elsewhere: Elsewhere,
    data: Prepared,
    *,
    folder: RunFolder,
    registry: Registry,
    settings: ScoringSettings,
    device: torch.device,
    display: Display,
) -> list[Score]:
    """Score samples from elsewhere as those of a run are, and keep the scores in their folder.

    The number of samples is that of those given; the way they were drawn is not known, and the
    protocol does not say it.

    Raises:
        ConfigError: an unknown metric or extractor, or weights that are none.
    """
    specs = wanted(registry, settings.metrics, data)
    labeled = elsewhere.labels is not None
    evaluation = Evaluation(
        data,
        extractor_for(data, registry, settings=settings, device=device),
        folder=folder,
        conditional=labeled,
        shares=data.shares if labeled else None,
        progress=display.scoring,
    )
    samples = sample_set(data.kind, "samples", elsewhere.values, elsewhere.labels)
    display.say(f"scoring {len(samples):,} samples of {folder.path}")
    common = {**_about(data), "gantool": __version__}
    return _score(specs, samples, evaluation=evaluation, step=0, common=common, display=display)


def evaluate(
    gan: Model[Any],
    data: Prepared,
    *,
    folder: RunFolder,
    registry: Registry,
    settings: ScoringSettings,
    step: int,
    averaged: bool,
    display: Display,
    stopped: Callable[[], bool] = lambda: False,
    drawn: Callable[[dict[str, Any]], None] = lambda drawing: None,
) -> list[Score]:
    """Score a generator, and keep the scores in the run folder with a picture of neighbours.

    Neither the networks nor any random state that training uses is changed. A metric that raises
    costs its own scores.

    Args:
        gan: the model, with the generator to draw from.
        data: the data that it was trained on.
        folder: the run's.
        registry: the metrics and data sets there are.
        settings: the choices.
        step: that the generator has been trained for.
        averaged: whether its weights are averaged ones.
        display: told of samples drawn, of images that the extractor has read, and of scores.
        stopped: asked between metrics whether to stop early.
        drawn: told of the cost of drawing, as run.json holds it.

    Raises:
        ConfigError: an unknown metric or extractor, or weights that are none.
    """
    specs = wanted(registry, settings.metrics, data)
    device = next(gan.parameters()).device
    extractor = extractor_for(data, registry, settings=settings, device=device)
    evaluation = Evaluation(
        data,
        extractor,
        folder=folder,
        conditional=gan.conditional,
        shares=gan.label_shares,
        mirrored=gan.config.flip,
        progress=display.scoring,
    )
    began = time.perf_counter()
    samples = draw_samples(gan, settings.samples, partial(display.measuring, "drawing samples"))
    seconds = time.perf_counter() - began
    one = partial(draw_samples, gan, 1)
    drawn(cost_of_drawing(one, gan, samples=len(samples), seconds=seconds, device=device))
    common = {**_about(data), **DRAWING, "averaged": averaged, "gantool": __version__}
    return _score(
        specs,
        samples,
        evaluation=evaluation,
        step=step,
        common=common,
        display=display,
        stopped=stopped,
    )


def _about(data: Prepared) -> dict[str, Any]:
    """The data, as protocols name it."""
    measures: dict[str, Any] = {"kind": data.kind}
    if data.kind == "images":
        measures = {"image_size": spell_size(data.size)}
    return {"data": data.name, "fingerprint": data.fingerprint, **measures}


def _score(
    specs: Sequence[MetricSpec],
    samples: SampleSet,
    *,
    evaluation: Evaluation,
    step: int,
    common: Mapping[str, Any],
    display: Display,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Score]:
    """Measure samples, and keep the scores in the run folder with a picture of neighbours."""
    folder = evaluation.folder
    scores: list[Score] = []
    groups = list(_groups(specs))
    for done, group in enumerate(groups):
        if stopped():
            break
        display.measuring(group[0].name, done, len(groups))
        scores += _measure(group, samples, evaluation=evaluation, step=step, common=common)
    display.measuring("done", len(groups), len(groups))
    if any(score.metric == "memorised" and score.value is not None for score in scores):
        write_bytes(folder.neighbors_figure, _picture(samples, evaluation))
    folder.add_scores(scores)
    return scores


def draw_samples(
    gan: Model[Any],
    n: int,
    progress: OnProgress = lambda done, total: None,
    *,
    seed: int = SAMPLE_SEED,
) -> SampleSet:
    """Draw n samples from the generator, an ImageSet or a PointSet.

    Their latents (and labels) are the same at every evaluation, for one seed. `progress` is told of
    those drawn.
    """
    rng = torch.Generator().manual_seed(seed)
    # Latents as large as images are drawn a block at a time: memory does not grow with them.
    block = n if gan.latent.dimension <= LARGEST else BLOCK
    drawn, asked = [], []
    for start in range(0, n, block):
        z = gan.sample_latent(min(block, n - start), rng)
        y = gan.sample_labels(len(z), rng)

        def told(done: int, _: int, start: int = start) -> None:
            progress(start + done, n)

        drawn.append(generate_samples(gan, z, y=y, progress=told))
        if y is not None:
            asked.append(y.numpy())
    labels = np.concatenate(asked) if asked else None
    return sample_set(gan.shapes.kind, "samples", np.concatenate(drawn), labels)


def wanted(registry: Registry, names: Sequence[str], data: Prepared) -> list[MetricSpec]:
    """The scores of such data that are asked for, or all that need not be.

    Raises:
        ConfigError: there is no such score, or it is none of such data.
    """
    for name in names:
        if name not in registry.metrics:
            registry.explain_missing("metric", name)
            raise ConfigError(
                f"no metric {name!r}.{did_you_mean(name, registry.metrics)}",
                f"Metrics: {', '.join(registry.metrics)}. `gantool list-metrics` says more.",
            )
        if data.kind not in registry.metrics[name].kinds:
            raise ConfigError(
                f"{name} is a score of {' and '.join(registry.metrics[name].kinds)}; "
                f"{data.name} is of {data.kind}.",
                "`gantool list-metrics` says which are of what.",
            )
    return [
        spec
        for name, spec in registry.metrics.items()
        if data.kind in spec.kinds and (name in names or not (names or spec.on_request))
    ]


def _groups(specs: Sequence[MetricSpec]) -> Iterator[list[MetricSpec]]:
    """Those that one function makes together."""
    for measure in dict.fromkeys(spec.measure for spec in specs):
        yield [spec for spec in specs if spec.measure == measure]


def extractor_for(
    data: Prepared, registry: Registry, *, settings: ScoringSettings, device: torch.device
) -> Extractor | NotComputedError:
    """The network whose features distances use, or the reason why there is none.

    Raises:
        ConfigError: an unknown extractor, or weights that are none.
    """
    if data.kind == "points":
        refuse_on_points(data.name, {"--extractor": settings.extractor != "auto"})
        return NotComputedError("points have no features beside themselves.")
    spec = registry.datasets.get(data.name)
    try:
        return choose(
            settings.extractor,
            data,
            registry=registry,
            usual=(spec and spec.extractor) or usual_extractor(data, settings.weights),
            weights=settings.weights,
            cache=data_folder(settings.data_dir),
            device=device,
        )
    except ExtractorMissingError as error:
        return NotComputedError(str(error))


def _measure(
    group: Sequence[MetricSpec],
    samples: SampleSet,
    *,
    evaluation: Evaluation,
    step: int,
    common: Mapping[str, Any],
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
        known = isinstance(error, NotComputedError)
        reason = str(error) if known else f"{type(error).__name__}: {error}"
        return [
            Score(
                step=step,
                metric=name,
                better=spec.better,
                unit=spec.unit,
                reason=reason,
                group=spec.group,
                ratio=spec.ratio,
            )
            for name, spec in specs.items()
        ]
    references = _references(group, len(samples), evaluation=evaluation)
    return [
        Score(
            step=step,
            metric=name,
            value=_finite(found[name].value),
            better=spec.better,
            unit=spec.unit,
            error=_finite(found[name].error),
            real=references["real"].get(name),
            noise=references["noise"].get(name),
            warning=found[name].warning,
            reason=_reason(found[name].value),
            detail=_detail(found[name], evaluation.folder),
            protocol={**common, **found[name].protocol},
            group=spec.group,
            ratio=spec.ratio,
        )
        for name, spec in specs.items()
    ]


def _references(group: Sequence[MetricSpec], n: int, *, evaluation: Evaluation) -> References:
    """The scores that n real images and n of noise reach, of a group that one function makes."""
    split = group[0].real
    if split is None:
        return {"real": {}, "noise": {}}
    measure: _Measure = load_implementation(group[0].measure)

    def made() -> References:
        return {
            "real": _baseline(measure, lambda: evaluation.real(split, n), evaluation=evaluation),
            "noise": _baseline(measure, lambda: evaluation.noise(n), evaluation=evaluation),
        }

    if not all(spec.kept for spec in group):
        return made()
    about = {"measure": group[0].measure, "split": split, "n": n}
    return evaluation.recall(group[0].name, made, measure=measure, about=about)


def _baseline(
    measure: _Measure, given: Callable[[], SampleSet], *, evaluation: Evaluation
) -> dict[str, float | None]:
    """The values that other sets than samples reach; nothing where they cannot be measured."""
    try:
        found = measure(given(), evaluation)
        return {name: _finite(measured.value) for name, measured in found.items()}
    except Exception:
        return {}


def _detail(measured: Measured, folder: RunFolder) -> dict[str, Any]:
    """A score's detail; its pictures are in the run folder by then, and named in it."""
    for picture in measured.pictures:
        folder.pictures.mkdir(exist_ok=True)
        write_bytes(folder.finding(picture.name), picture.png)
    captions = {picture.name: picture.caption for picture in measured.pictures}
    return {**measured.detail, "pictures": captions} if captions else dict(measured.detail)


def _reason(value: float) -> str:
    return "" if math.isfinite(value) else f"the value is {value}"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _picture(samples: ImageSet, evaluation: Evaluation) -> bytes:
    """Samples, each with the nearest training image to its right.

    Goodfellow et al. 2014, figure 2, show them so.
    """
    _, found = nearest(samples, evaluation)
    pairs = [each.pixels[:_PAIRS] for each in (samples, found)]
    return png(lay_out(np.concatenate(pairs, axis=2), _PAIR_COLUMNS))
