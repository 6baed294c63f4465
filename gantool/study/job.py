"""The runs that a study's file stands for."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gantool.config import Resolved, options_of, refuse_fixed
from gantool.errors import ConfigError
from gantool.plugins.registry import Registry
from gantool.plugins.spec import ModelSpec
from gantool.runs.files import slug
from gantool.study.file import Budget, DataChoice, ModelChoice, Study, choice_of

# Options that a study says in words of its own.
_OWN = frozenset({"seed", "data", "steps", "epochs", "evaluate"})


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a study.

    Attributes:
        name: of its folder; equal settings have equal names.
        model: name of the model.
        preset: of the model, or None.
        data: name of the data set, or a folder.
        seed: of the run.
        options: values by option.
        budget: as the study's, or its data's.
        steps: generator updates; None until the budget has been worked out.
        scores: as the study's.
        threads: of its process, unless the options say; not part of the name.
    """

    name: str
    model: str
    preset: str | None
    data: str
    seed: int
    budget: Budget
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: int | None = None
    scores: tuple[str, ...] | None = None
    threads: int | None = None

    @property
    def variant(self) -> str:
        """The name without the seed: equal for runs that differ in nothing else."""
        return self.name.rsplit("-s", 1)[0]

    @property
    def threads_wanted(self) -> int | None:
        """The threads of each of its processes; None leaves them to PyTorch."""
        wanted: int | None = self.options.get("threads", self.threads)
        return wanted

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


def expand(study: Study, registry: Registry) -> list[Job]:
    """The runs of a study, each with options that have been validated; the steps are still open.

    A model is left out on data that it cannot be trained on; `left_out` has them.

    Raises:
        ConfigError: an unknown model, preset, option or score, a value that an option cannot
            have, or a model that can be trained on none of the data.
    """
    for name in study.scores or ():
        if name not in registry.metrics:
            known = ", ".join(sorted(registry.metrics))
            raise ConfigError(f"scores: there is no score {name!r}.", f"There are {known}.")
    found = []
    fitting = _fitting(study, registry)
    scores = {place.data: _scores_on(place.data, study, registry) for place, _ in fitting}
    for (place, chosen), setting in itertools.product(fitting, list(study.settings())):
        data = place.data
        options = {**setting, **chosen.options, **place.options}
        if own := sorted(_OWN & options.keys()):
            raise ConfigError(
                f"option {own[0]!r} is not for studies.",
                "`seeds`, `data`, `budget` and `scores` say it.",
            )
        spec = registry.model(chosen.model)
        known_options = {option.key for option in options_of(spec.config, spec.name)}
        if unknown := sorted(options.keys() - known_options):
            refuse_fixed(spec.config, unknown[0], model=spec.name)
            raise ConfigError(
                f"option {unknown[0]!r} is not known to {spec.name}.",
                f"`gantool run {spec.name} --help` lists its options.",
            )
        for seed in study.seeds:
            job = _job(
                study, chosen, place=place, options=options, seed=seed, scores=scores[place.data]
            )
            if data not in registry.datasets:  # a folder, which a worker elsewhere must find too
                job = replace(job, data=str(Path(data).expanduser().resolve()))
            # As the configuration understood them: 64.0 may stand for 64 in the file, and not on a
            # command line.
            config = resolved(job, registry).config
            understood = {key: getattr(config, key) for key in options}
            found.append(
                replace(
                    job,
                    options={key: value for key, value in understood.items() if value is not None},
                )
            )
    name, times = Counter(job.name for job in found).most_common(1)[0]
    if times > 1:
        raise ConfigError(
            f"two runs of the study are the same: {name}.", "Take one of the equal settings out."
        )
    return found


def kind_of(data: str, registry: Registry) -> str:
    """The kind of a data set; folders are of images."""
    return registry.datasets[data].kind if data in registry.datasets else "images"


def _scores_on(data: str, study: Study, registry: Registry) -> tuple[str, ...] | None:
    """The study's scores that data have; None for all.

    Raises:
        ConfigError: scores are named, and data have none of them.
    """
    if not study.scores:
        return None if study.scores is None else ()
    kind = kind_of(data, registry)
    fitting = tuple(name for name in study.scores if kind in registry.metrics[name].kinds)
    if not fitting:
        raise ConfigError(
            f"scores: {data} is of {kind}, and {', '.join(study.scores)} are of other data.",
            "`gantool list-metrics` says what each is a score of.",
        )
    return fitting


def resolved(job: Job, registry: Registry) -> Resolved:
    """The options of a run, validated; the environment has no say in a study.

    Raises:
        ConfigError: a value that an option cannot have, or an unknown preset.
    """
    spec = registry.model(job.model)
    return registry.resolve(spec, preset=job.preset, flags=job.flags(), environment={})


def left_out(study: Study, registry: Registry) -> list[str]:
    """A line for each data set of the study that some of its models cannot be trained on."""
    lines = []
    for place in _places(study):
        reasons: dict[str, list[str]] = {}
        for chosen in _choices(study):
            if reason := _unfit(registry.model(chosen.model), place.data, registry):
                reasons.setdefault(reason, []).append(chosen.model)
        for reason, models in reasons.items():
            lines.append(f"left out on {place.data}, {reason}: {', '.join(dict.fromkeys(models))}")
    return lines


def _choices(study: Study) -> list[ModelChoice]:
    return [choice_of(model) for model in study.models]


def _places(study: Study) -> list[DataChoice]:
    return [DataChoice(data=d) if isinstance(d, str) else d for d in study.data]


def _fitting(study: Study, registry: Registry) -> list[tuple[DataChoice, ModelChoice]]:
    fitting = [
        (place, chosen)
        for place, chosen in itertools.product(_places(study), _choices(study))
        if not _unfit(registry.model(chosen.model), place.data, registry)
    ]
    trained = {chosen.model for _, chosen in fitting}
    for chosen in _choices(study):
        if chosen.model not in trained:
            first = _places(study)[0].data
            reason = _unfit(registry.model(chosen.model), first, registry)
            raise ConfigError(
                f"{chosen.model} cannot be trained on any data of the study: {first} {reason}.",
                "Take it out, or add data that it takes.",
            )
    return fitting


def _unfit(spec: ModelSpec, data: str, registry: Registry) -> str:
    """Why a model cannot be trained on data, in words that follow the data's name; else empty."""
    known, kind = registry.datasets.get(data), kind_of(data, registry)
    if kind not in spec.kinds:
        return f"which is of {kind}"
    if known and spec.needs_labels and not known.classes:
        return "which has no labels"
    return ""


def _job(
    study: Study,
    chosen: ModelChoice,
    *,
    place: DataChoice,
    options: dict[str, Any],
    seed: int,
    scores: tuple[str, ...] | None,
) -> Job:
    budget = place.budget or study.budget
    said = [chosen.model, chosen.preset, place.data, options, budget.model_dump(), study.scores]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:8]
    parts = [chosen.model, chosen.preset, slug(Path(place.data).name), digest]
    name = "-".join(part for part in parts if part) + f"-s{seed}"
    return Job(
        name,
        chosen.model,
        preset=chosen.preset,
        data=place.data,
        seed=seed,
        budget=budget,
        options=options,
        steps=budget.steps,
        scores=scores,
    )
