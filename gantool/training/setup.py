"""From a request to everything before the first step, with nothing on disk yet."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gantool.config import Resolved, TrainConfig, incidental_of, spell_size, tracker_names
from gantool.data.batches import Batches, batch_size_for
from gantool.data.load import load, refuse_on_points
from gantool.data.prepared import Prepared
from gantool.display import Display
from gantool.errors import ConfigError, GantoolError
from gantool.evaluation.choice import Chooser
from gantool.evaluation.evaluate import ScoringSettings
from gantool.evaluation.extractors import check_choice
from gantool.gan.base import Model
from gantool.gan.shapes import Shapes
from gantool.machine import distributed
from gantool.machine.device import choose_device, make_deterministic
from gantool.machine.randomness import derived_seed, kept
from gantool.plugins.registry import Registry
from gantool.plugins.spec import ModelSpec, load_implementation
from gantool.runs.files import slug
from gantool.runs.folder import RunFolder, check_name
from gantool.runs.records import RunRecord, timestamp
from gantool.sampling.trained import Weights
from gantool.training import provenance, transfer
from gantool.training.arithmetic import advice
from gantool.training.cautions import caution
from gantool.training.draws import steps_in
from gantool.training.trainer import Trainer


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A run as the user asked for it.

    Attributes:
        model: the model's name.
        resolved: the validated options and their sources.
        preset: the overlay that was used.
        name: of the run; made up if None.
        experiments_dir: the folder that its run folder goes into.
        argv: the command line, for the record.
        profile: whether to trace some steps and show the use of time.
    """

    model: str
    resolved: Resolved
    preset: str | None = None
    name: str | None = None
    experiments_dir: Path = Path("experiments")
    argv: tuple[str, ...] = ()
    profile: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything before the first step.

    Attributes:
        folder: the run's; not there yet where the run is new.
        spec: the model's description.
        registry: the models, data sets and metrics there are.
        record: the content of the first run.json.
        data: the data, all splits.
        trainer: networks, batches and optimizers, ready to step.
        profile: whether to trace some steps.
    """

    folder: RunFolder
    spec: ModelSpec
    registry: Registry
    record: RunRecord
    data: Prepared
    trainer: Trainer
    profile: bool = False

    def chooser(self, model: Model[Any], display: Display) -> Chooser:
        """The judge of the generators among which the best is kept; `model` has the one of now.

        Raises:
            ConfigError: there is none.
        """
        config = self.trainer.config
        assert config.keep_best is not None
        return Chooser(
            config.keep_best,
            model,
            data=self.data,
            folder=self.folder,
            registry=self.registry,
            settings=ScoringSettings.of(config),
            display=display,
        )


def set_up(request: Request, registry: Registry, display: Display) -> Setup:
    """Prepare the data, seed, and build the networks of a new run.

    Raises:
        GantoolError: anything that keeps the run from starting.
    """
    if request.name is not None and distributed.world().rank == 0:
        check_name(request.name, request.experiments_dir)
    spec = registry.model(request.model)
    config, sources = request.resolved.config, dict(request.resolved.sources)
    device = distributed.on_this_process(choose_device(config.device))
    data = load(config, registry, progress=display.preparing)
    for note in data.notes:
        display.say(note)
    _check_data(config, data, spec=spec, sources=sources)
    check_choice(config.extractor, config.weights, registry=registry, data=data)
    rule: Mapping[str, Any] = {}
    if data.kind == "images" and request.preset is None:
        rule = spec.defaults_on_images(len(data.train), config)
    config = _settle(config, data, sources=sources, registry=registry, rule=rule)
    weights = None
    if config.from_run is not None:
        weights = transfer.open_weights(config.from_run, model=spec.name)
    trainer = build(config, data, spec=spec, device=device, weights=weights)
    said = [
        caution(config, len(data.train)) if data.kind == "images" else None,
        advice(trainer.model, device, batch_size=trainer.batches.batch_size, sources=sources),
    ]
    for word in filter(None, said):
        display.say(word)
    begun_from = None if weights is None else transfer.describe(trainer.model, weights)
    if begun_from is not None:
        for line in transfer.in_words(begun_from):
            display.say(line)
    name = request.name or _make_name(spec.name, data.name, seed=config.seed)
    record = RunRecord(
        name=name,
        model=spec.name,
        status="running",
        argv=list(request.argv),
        preset=request.preset,
        config=config.model_dump(mode="json"),
        sources=sources,
        incidental=incidental_of(spec.config),
        process=this_process(),
        started=timestamp(),
        total_steps=trainer.total_steps,
        trackers=tracker_names(config.track),
        begun_from=begun_from,
        **provenance.describe(trainer.model, data, registry=registry, spec=spec, device=device),
    )
    setup = Setup(
        folder=RunFolder(request.experiments_dir / name),
        spec=spec,
        registry=registry,
        record=record,
        data=data,
        trainer=trainer,
        profile=request.profile,
    )
    if config.keep_best is not None:
        _check_choice(setup, display)
    return setup


def build(
    config: TrainConfig,
    data: Prepared,
    *,
    spec: ModelSpec,
    device: torch.device,
    shapes: Shapes | None = None,
    weights: Weights | None = None,
) -> Trainer:
    """Seed everything and make model and trainer.

    The shapes are the data's unless given; the first weights new ones, or where they fit those
    given.
    """
    shapes = shapes or Shapes.of(data)
    if config.threads:
        torch.set_num_threads(config.threads)
    make_deterministic(config.deterministic)
    torch.manual_seed(config.seed)
    implementation = load_implementation(spec.implementation)
    if not (isinstance(implementation, type) and issubclass(implementation, Model)):
        raise GantoolError(
            f"{spec.implementation} is not a subclass of gantool.Model.", "Mend the plugin."
        )
    model: Model[Any] = implementation.create(config, shapes, train_data=data.train)
    if weights is not None:
        transfer.take_over(model, weights)
    model = model.to(device).to(memory_format=torch.channels_last)
    distributed.synchronize_batch_norm(model, device)
    if config.compile:
        for network in model.children():
            network.compile()
    assert config.batch_size is not None
    world = distributed.world()
    if config.batch_size % world.size:
        raise ConfigError(
            f"a batch of {config.batch_size} cannot be divided among {world.size} processes.",
            f"Give a --batch-size that is a multiple of {world.size}.",
        )
    if world.rank:  # the networks are alike in all processes; dropout and mixtures must not be
        torch.manual_seed(derived_seed(config.seed, f"process {world.rank}"))
    batches = Batches(
        data.train,
        batch_size=config.batch_size,
        seed=config.seed,
        device=device,
        world=world,
        per_label=model.samples_per_label,
        flip=config.flip,
    )
    rng = torch.Generator().manual_seed(derived_seed(config.seed, "latents"))
    steps = config.steps or steps_in(
        model,
        batch_size=config.batch_size,
        batches_per_epoch=batches.per_epoch,
        epochs=config.epochs,
    )
    return Trainer(model, batches, total_steps=steps, rng=rng)


def this_process() -> dict[str, Any]:
    """The process as run.json names it, for whoever finds the run locked."""
    return {"pid": os.getpid(), "host": socket.gethostname()}


def _check_data(
    config: TrainConfig, data: Prepared, *, spec: ModelSpec, sources: Mapping[str, str]
) -> None:
    """Refuse data that the model or the options cannot be trained on."""
    if data.kind not in spec.kinds:
        raise ConfigError(
            f"{spec.name} is a model of {' and '.join(spec.kinds)}; {data.name} is of {data.kind}.",
            f"Choose other data or another model; `gantool list-datasets` and `list-models` say "
            f"which are of {data.kind}.",
        )
    if data.kind == "points":
        refuse_on_points(
            data.name,
            {
                "--extractor": config.extractor != "auto",
                "--weights": config.weights is not None,
            },
        )
    if spec.needs_labels and not data.classes:
        raise ConfigError(
            f"{spec.name} needs labels, and {data.name} has none.",
            "Use a folder with one sub-folder a class, or a labelled data set "
            "(`gantool list-datasets`).",
        )
    if len(data.train) < 2:
        raise ConfigError(
            f"{data.name} has {len(data.train)} training image; at least 2 are needed.",
            "Add images.",
        )
    chosen = sources.get("batch_size") != "default"  # a model's own default yields to little data
    if chosen and config.batch_size is not None and config.batch_size > len(data.train):
        raise ConfigError(
            f"--batch-size {config.batch_size} is larger than the {len(data.train)} training "
            f"{data.kind} of {data.name}.",
            "Give a smaller one.",
        )


def _check_choice(setup: Setup, display: Display) -> None:
    """Refuse to keep the best where there is nothing to choose among, or by."""
    trainer = setup.trainer
    every, name = trainer.config.evaluate_every, trainer.config.keep_best
    if every is not None and every >= trainer.total_steps:
        raise ConfigError(
            f"--keep-best {name}: --evaluate-every {every} scores the generator of the last step "
            f"alone, of {trainer.total_steps}: there is nothing to choose among.",
            f"Give a smaller one, as --evaluate-every {max(1, trainer.total_steps // 10)}.",
        )
    with kept(trainer.device):
        setup.chooser(trainer.model, display).check()


def _settle(
    config: TrainConfig,
    data: Prepared,
    *,
    sources: dict[str, str],
    registry: Registry,
    rule: Mapping[str, Any],
) -> TrainConfig:
    """Fill in the options that depend on the data, so that the record is complete.

    Those of `rule` are taken where nothing but the model's own default says otherwise.
    """
    settled: dict[str, Any] = {"image_size": spell_size(data.size), "channels": data.channels}
    if data.kind == "points":
        settled = {"points": len(data.train)}
    settled |= {key: value for key, value in rule.items() if sources[key] == "default"}
    if config.batch_size is None or config.batch_size > len(data.train):
        settled["batch_size"] = batch_size_for(len(data.train))
    for key, value in settled.items():
        if getattr(config, key) != value:
            sources[key] = "data"
    settled["data"] = data_place(config.data, registry)
    for key in ("data_dir", "weights"):
        if getattr(config, key) is not None:
            settled[key] = getattr(config, key).expanduser().resolve()
    return config.model_copy(update=settled)


def data_place(data: str, registry: Registry) -> str:
    """The name of a data set, or the whole path of what is none."""
    return data if data in registry.datasets else str(Path(data).expanduser().resolve())


def _make_name(model: str, data: str, *, seed: int) -> str:
    return f"{model}-{slug(data) or 'data'}-s{seed}-{secrets.token_hex(3)}"
