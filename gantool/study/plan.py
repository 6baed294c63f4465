"""A study's file, and the runs that it stands for."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gantool.config import Resolved, options_of, resolve
from gantool.errors import ConfigError
from gantool.plugins import Registry
from gantool.study.search import draw

_OWN = frozenset({"seed", "data", "steps", "epochs", "evaluate"})  # options that a study says in words of its own


class Budget(BaseModel):
    """What every run may spend: one of generator updates, real images seen, or seconds of training."""

    model_config = ConfigDict(extra="forbid")

    steps: int | None = Field(None, ge=1)
    images: int | None = Field(None, ge=1)
    seconds: float | None = Field(None, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(value is not None for value in (self.steps, self.images, self.seconds)) != 1:
            raise ValueError("give one of steps, images and seconds")
        return self


class ModelChoice(BaseModel):
    """A model with a preset and options of its own."""

    model_config = ConfigDict(extra="forbid")

    model: str
    preset: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class Study(BaseModel):
    """A study's file.

    Attributes:
        models: names, or tables of model, preset and options.
        data: names of data sets, or folders.
        seeds: one run each.
        budget: equal for all runs.
        scores: names of the scores of each run; None for all, an empty list for none.
        options: of every run.
        grid: lists of values by option: every combination.
        variants: tables of options: one after the other.
        values: choices or ranges (`[low, high]`, `[low, high, "log"]`) by option, to draw `trials` settings from,
            with `search_seed`.
    """

    model_config = ConfigDict(extra="forbid")

    models: list[str | ModelChoice] = Field(min_length=1)
    data: list[str] = Field(["mnist5k"], min_length=1)
    seeds: list[int] = Field([0], min_length=1)
    budget: Budget
    scores: list[str] | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    grid: dict[str, list[Any]] = Field(default_factory=dict)
    variants: list[dict[str, Any]] = Field(default_factory=list)
    values: dict[str, list[Any]] = Field(default_factory=dict)
    trials: int | None = Field(None, ge=1, le=10_000)
    search_seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if sum(map(bool, (self.grid, self.variants, self.values))) > 1:
            raise ValueError("give one of grid, variants and values")
        if bool(self.values) != (self.trials is not None):
            raise ValueError("values and trials go together")
        if empty := [key for key, values in self.grid.items() if not values]:
            raise ValueError(f"grid: {empty[0]} has no values")
        for name in ("seeds", "data"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise ValueError(f"{name}: one is given twice")
        return self

    def settings(self) -> Iterator[dict[str, Any]]:
        """The options of each setting, `options` included."""
        if self.grid:
            found = [dict(zip(self.grid, chosen, strict=True)) for chosen in itertools.product(*self.grid.values())]
        elif self.values:
            assert self.trials is not None
            found = draw(self.values, self.trials, self.search_seed)
        else:
            found = self.variants or [{}]
        for setting in found:
            yield {**self.options, **setting}


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a study.

    Attributes:
        name: of its folder; equal settings have equal names.
        model, preset, data, seed, options: what is trained.
        steps: generator updates; None until the budget has been worked out.
        scores: as the study's.
        threads: of its process, unless the options say; not part of the name.
    """

    name: str
    model: str
    preset: str | None
    data: str
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: int | None = None
    scores: tuple[str, ...] | None = None
    threads: int | None = None

    @property
    def variant(self) -> str:
        """The name without the seed: equal for runs that differ in nothing else."""
        return self.name.rsplit("-s", 1)[0]

    def flags(self) -> dict[str, Any]:
        """The run's options, by key; its scores come after training, by a command of their own."""
        threads = {} if self.threads is None else {"threads": self.threads}
        return {
            **threads,
            **self.options,
            "data": self.data,
            "seed": self.seed,
            "steps": self.steps or 1,
            "evaluate": False,
        }


def read(file: Path) -> Study:
    """Read a study's file.

    Raises:
        ConfigError: it cannot be read, is no TOML, or does not say a study.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the study {file}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from None
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            place = ".".join(str(part) for part in problem["loc"] if part not in ("str", "ModelChoice"))
            lines.append(f"  {place or 'the study'}: {problem['msg'].removeprefix('Value error, ')}")
        listed = "\n".join(dict.fromkeys(lines))
        raise ConfigError(f"{file} is no study:\n{listed}", "docs/scaling.md has an example.") from None


def jobs(study: Study, registry: Registry) -> list[Job]:
    """The runs of a study, each with options that have been validated; the steps are still open.

    Raises:
        ConfigError: an unknown model, preset, option or score, or a value that an option cannot have.
    """
    for name in study.scores or ():
        if name not in registry.metrics:
            known = ", ".join(sorted(registry.metrics))
            raise ConfigError(f"scores: there is no score {name!r}.", f"There are {known}.")
    found = []
    for data, choice, setting in itertools.product(study.data, study.models, list(study.settings())):
        chosen = ModelChoice(model=choice) if isinstance(choice, str) else choice
        options = {**setting, **chosen.options}
        if own := sorted(_OWN & options.keys()):
            raise ConfigError(
                f"option {own[0]!r} is not for studies.", "`seeds`, `data`, `budget` and `scores` say it."
            )
        spec = registry.model(chosen.model)
        known_options = {option.key for option in options_of(spec.config, spec.name)}
        if unknown := sorted(options.keys() - known_options):
            raise ConfigError(
                f"option {unknown[0]!r} is not known to {spec.name}.",
                f"`gantool run {spec.name} --help` lists its options.",
            )
        for seed in study.seeds:
            job = _job(study, chosen, data, options, seed)
            if data not in registry.datasets:  # a folder, which a worker elsewhere must find too
                job = replace(job, data=str(Path(data).expanduser().resolve()))
            # As the configuration understood them: 64.0 may stand for 64 in the file, and not on a command line.
            config = resolved(job, registry).config
            understood = {key: getattr(config, key) for key in options}
            found.append(replace(job, options={key: value for key, value in understood.items() if value is not None}))
    name, times = Counter(job.name for job in found).most_common(1)[0]
    if times > 1:
        raise ConfigError(f"two runs of the study are the same: {name}.", "Take one of the equal settings out.")
    return found


def resolved(job: Job, registry: Registry) -> Resolved:
    """The options of a run, validated; the environment has no say in a study.

    Raises:
        ConfigError: a value that an option cannot have, or an unknown preset.
    """
    spec = registry.model(job.model)
    return resolve(
        spec.config, model=spec.name, presets=spec.presets, preset=job.preset, flags=job.flags(), environment={}
    )


def _job(study: Study, chosen: ModelChoice, data: str, options: dict[str, Any], seed: int) -> Job:
    said = [chosen.model, chosen.preset, data, options, study.budget.model_dump(), study.scores]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:8]
    words = [chosen.model, chosen.preset, re.sub(r"[^A-Za-z0-9]+", "-", Path(data).name).strip("-")[:40], digest]
    name = "-".join(word for word in words if word) + f"-s{seed}"
    scores = None if study.scores is None else tuple(study.scores)
    return Job(name, chosen.model, chosen.preset, data, seed, options, study.budget.steps, scores)


def steps_for_images(images: int, batch_size: int, discriminator_steps: int) -> int:
    """Generator updates after which the discriminator has seen at least so many real images."""
    return max(1, math.ceil(images / (batch_size * discriminator_steps)))
