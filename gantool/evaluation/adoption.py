"""A run folder of samples from elsewhere, to stand beside runs in a comparison."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gantool.config import (
    DataOptions,
    EvaluationOptions,
    TrainConfig,
    incidental_of,
    resolve,
    spell_size,
)
from gantool.data.load import load
from gantool.data.prepared import Prepared
from gantool.display import Display
from gantool.errors import ConfigError, GantoolError, did_you_mean
from gantool.evaluation.elsewhere import Elsewhere, read_samples
from gantool.evaluation.evaluate import ScoringSettings, evaluate_samples, wanted
from gantool.evaluation.extractors import check_choice
from gantool.gan.shapes import Shapes
from gantool.machine.device import choose_device
from gantool.plugins.registry import Registry
from gantool.plugins.spec import USUAL
from gantool.report.figures import plot_samples
from gantool.report.write import try_report
from gantool.runs.files import write_bytes, write_json
from gantool.runs.folder import RunFolder, check_name
from gantool.runs.records import RunRecord, timestamp
from gantool.sampling.grid import arrange, real_cells
from gantool.sampling.pictures import png
from gantool.sampling.views import view_of

# Options of a run that say nothing of samples that are there already.
_OTHERS = frozenset({"flip", "batch_size", "evaluate", "evaluate_every"})
OPTIONS = tuple(
    key
    for key in (*DataOptions.model_fields, *EvaluationOptions.model_fields)
    if key not in _OTHERS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """Samples from elsewhere as the user asked for their scores.

    Attributes:
        samples: folder or file of them.
        name: of their program; the run folder's too, with the seed behind it where there is one.
        seed: that tells this repetition from others of the name; None where there is but one.
        options: those of `OPTIONS` that are given.
        resize: whether images of another size come to that of the data.
        metrics: names of the scores wanted; all where empty.
        experiments_dir: the folder that the run folder goes into.
        device: auto, cpu, cuda or mps.
    """

    samples: Path
    name: str
    seed: int | None = None
    options: dict[str, Any]
    resize: bool = False
    metrics: tuple[str, ...] = ()
    experiments_dir: Path = Path("experiments")
    device: str = "auto"


def adopt(wish: Adoption, registry: Registry, *, display: Display) -> RunFolder:
    """Read samples, score them, and make a run folder of the scores and a sample grid.

    The folder vanishes if anything of that fails.

    Raises:
        ConfigError: the name is taken, an option is unknown, or the samples do not fit the data.
        GantoolError: the data cannot be had, or the folder not be written.
    """
    name = wish.name if wish.seed is None else f"{wish.name}-s{wish.seed}"
    check_name(name, wish.experiments_dir)
    config = _config(wish, registry)
    device = choose_device(wish.device)
    data = load(config, registry, progress=display.preparing)
    check_choice(config.extractor, config.weights, registry=registry, data=data)
    for note in data.notes:
        display.say(note)
    wanted(registry, wish.metrics, data)
    config = _settle(config, data, registry=registry)
    found = read_samples(
        wish.samples,
        data,
        config=config,
        resize=wish.resize,
        registry=registry,
        progress=display.preparing,
    )
    for note in _words(found, data, config=config):
        display.say(note)
    record = _record(name, wish, config=config, data=data, found=found)
    folder = RunFolder.create(wish.experiments_dir / name, record)
    try:
        with folder.locked():
            _draw(folder, found, data)
            evaluate_samples(
                found,
                data,
                folder=folder,
                registry=registry,
                settings=replace(ScoringSettings.of(config), metrics=wish.metrics),
                device=device,
                display=display,
            )
            record = record.model_copy(update={"status": "finished", "ended": timestamp()})
            folder.write(record)
            try_report(folder, display.say)
    except OSError as error:
        folder.remove()
        raise GantoolError(
            f"cannot write {folder.path}: {error.strerror or error}",
            "Make room, or name another place with --experiments-dir.",
        ) from error
    except BaseException:
        folder.remove()
        raise
    return folder


def _config(wish: Adoption, registry: Registry) -> TrainConfig:
    """The options, validated as those of a run are."""
    for key in wish.options:
        if key not in OPTIONS:
            raise ConfigError(
                f"{key} is no option of samples from elsewhere.{did_you_mean(key, OPTIONS)}",
                f"Options: {', '.join(OPTIONS)}.",
            )

    def usual(name: str) -> dict[str, Any]:
        spec = registry.datasets.get(name)
        defaults = {} if spec is None else USUAL[spec.kind]
        return {key: value for key, value in defaults.items() if key in OPTIONS}

    return resolve(
        TrainConfig, model=wish.name, defaults=usual, environment={}, flags=wish.options
    ).config


def _settle(config: TrainConfig, data: Prepared, *, registry: Registry) -> TrainConfig:
    """Fill in what depends on the data, so that the samples can be scored again anywhere."""
    settled: dict[str, Any] = {"image_size": spell_size(data.size), "channels": data.channels}
    if data.kind == "points":
        settled = {"points": len(data.train)}
    if config.data not in registry.datasets:
        settled["data"] = str(Path(config.data).expanduser().resolve())
    for key in ("data_dir", "weights"):
        if (place := getattr(config, key)) is not None:
            settled[key] = place.expanduser().resolve()
    return config.model_copy(update=settled)


def _words(found: Elsewhere, data: Prepared, *, config: TrainConfig) -> list[str]:
    """The sentences on the samples that the user should be told."""
    words = list(found.notes)
    there, asked = found.origin.samples, config.evaluation_samples
    if there > asked:
        words.append(f"of {there:,} {data.kind}, {asked:,} chosen at random are scored.")
    if there < asked:
        words.append(
            f"there are {there:,} {data.kind}, fewer than {asked:,}: protocols say so, and such "
            "scores are ranked with those of as many samples only."
        )
    return words


def _record(
    name: str, wish: Adoption, *, config: TrainConfig, data: Prepared, found: Elsewhere
) -> RunRecord:
    options = config.model_dump(mode="json", include=set(OPTIONS))
    return RunRecord(
        name=name,
        model=wish.name,
        status="running",
        argv=list(sys.argv),
        config={**options, "seed": wish.seed},
        sources=dict.fromkeys(wish.options, "command line"),
        incidental=incidental_of(TrainConfig),
        data=data.describe(),
        d_scale=None,
        started=timestamp(),
        origin=found.origin,
    )


def _draw(folder: RunFolder, found: Elsewhere, data: Prepared) -> None:
    """Write a grid of the samples, real ones like it, and both in one picture."""
    grid, chosen = arrange(data, len(found.values), found.labels)
    cells = real_cells(data, grid)
    real = data.train.values[cells]
    view = view_of(
        Shapes.of(data), real, None if data.train.labels is None else data.train.labels[cells]
    )
    labels = None if found.labels is None else found.labels[chosen]
    picture = view.picture(found.values[chosen], columns=grid.columns, labels=labels)
    write_bytes(folder.real_file, png(view.real(real, columns=grid.columns)))
    sheet = {**grid.describe(), "seed": None, "latents": None, **view.describe()}
    write_json(folder.sheet_file, sheet)
    write_bytes(folder.sample_grid(0), png(picture))
    plot_samples(folder)
