"""The records of a run: run.json and a line of scores.jsonl.

Reading them needs neither torch nor numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from gantool.config import with_names_of_today

FORMAT = 1
Status = Literal["running", "finished", "interrupted", "diverged", "failed"]
ARROWS = {"lower": "↓", "higher": "↑"}  # the direction that is better
# The way in which runs draw the samples that they are scored by, as protocols say it. Of samples
# from elsewhere it is not known, and their protocols say nothing of it.
DRAWING: dict[str, Any] = {
    "sample_seed": 10_000,
    "truncation": "none",
    "batchnorm": "running statistics",
}
# Of training, and therefore not known of samples from elsewhere.
_OF_TRAINING = frozenset(
    {"total_steps", "steps", "epochs", "images", "seconds", "images_per_second", "networks"}
)


def own_objective(model: str) -> str:
    """The name of the game of a model for which `loss` is no option."""
    return f"{model}'s own"


class Origin(BaseModel):
    """Samples from elsewhere, drawn by another program, of which nothing else is known.

    Attributes:
        path: of the folder or file that they were read from.
        sha256: of their values as they were prepared, and of their labels: equal for equal samples,
            however they are kept.
        samples: the number there.
        scored: the number of those that are scored, chosen at random.
        labels: whether it is known which class each was asked for.
        resized: the sizes, as 256x256, of those that were resized.
        unreadable: files there that could not be decoded.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    path: str
    sha256: str
    samples: int
    scored: int
    labels: bool = False
    resized: list[str] = Field(default_factory=list)
    unreadable: int = 0


class RunRecord(BaseModel):
    """run.json, format 1. Readers accept keys they do not know.

    Of samples from elsewhere it leaves out all that is of training, which is not known.

    Attributes:
        config: every option's value.
        sources: the source of each value.
        incidental: names of options that do not make a variant.
        data: name, fingerprint, split sizes, image size, channels, classes.
        latent: prior and dimension.
        networks: parameters of each network.
        plugin: distribution and version that brought the model.
        environment: versions, device, threads.
        d_scale: "probability" where d_real and d_fake are probabilities, else "raw";
            None where there are none.
        objective: name, formula and source of the game; None where the model has one of its own
            and does not say which.
        total_steps: steps that the run is to have.
        steps: steps that it has had.
        epochs: passes over the training images so far.
        images: real images that the discriminator has seen.
        seconds: of training, all sessions together.
        trackers: names of the trackers that follow it.
        begun_from: the run whose weights this one began with (name, step, hash, how much of them,
            and all that stayed as new); None where all were new.
        origin: of samples from elsewhere; `model` is then the name that they were given. None where
            this is a run.
        drawing: the cost of drawing samples, as the last scoring found it: multiply_adds of one,
            samples_per_second, and the machine; None before there was one.
    """

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    format: int = FORMAT
    name: str
    model: str
    status: Status
    argv: list[str] = Field(default_factory=list)
    preset: str | None = None
    incidental: list[str] = Field(default_factory=list)
    config: dict[str, Any] = Field(default_factory=dict)
    sources: dict[str, str] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)
    latent: dict[str, Any] = Field(default_factory=dict)
    networks: dict[str, Any] = Field(default_factory=dict)
    plugin: dict[str, str] = Field(default_factory=dict)
    environment: dict[str, Any] = Field(default_factory=dict)
    process: dict[str, Any] = Field(default_factory=dict)
    d_scale: Literal["probability", "raw"] | None = "probability"
    objective: dict[str, str] | None = None
    started: str = ""
    ended: str | None = None
    total_steps: int = 0
    steps: int = 0
    epochs: float = 0.0
    images: int = 0
    seconds: float = 0.0
    images_per_second: float | None = None
    trackers: list[str] = Field(default_factory=list)
    begun_from: dict[str, Any] | None = None
    drawing: dict[str, Any] | None = None
    origin: Origin | None = None

    @model_serializer(mode="wrap")
    def _without_unknown(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        if self.origin is None:
            content.pop("origin", None)
            return content
        return {key: value for key, value in content.items() if key not in _OF_TRAINING}

    @field_validator("config", "sources")
    @classmethod
    def _with_names_of_today(cls, options: dict[str, Any]) -> dict[str, Any]:
        return with_names_of_today(options)

    @property
    def noun(self) -> str:
        """The word for the samples of its data: images, or points."""
        return "points" if self.data.get("kind") == "points" else "images"

    @property
    def has_discriminator(self) -> bool:
        """Whether one network judges the samples of another."""
        return self.d_scale is not None or "discriminator" in self.networks


# The groups of scores, in the order of a page, with their headings there.
SCORE_GROUPS: Mapping[str, str] = {
    "fidelity": "Fidelity",
    "diversity": "Diversity",
    "copying": "Copying",
    "2014": "The figures of 2014",
    "": "Further scores",
}
# Those of scores that were recorded before a score told its own.
_GROUPS_BEFORE = {
    **dict.fromkeys(("frechet-distance", "kernel-distance", "precision", "density"), "fidelity"),
    **dict.fromkeys(
        ("label-fidelity", "high-quality", "sliced-wasserstein", "log-likelihood"), "fidelity"
    ),
    **dict.fromkeys(("recall", "coverage", "class-balance"), "diversity"),
    **dict.fromkeys(("modes-covered", "modes-kl"), "diversity"),
    "memorised": "copying",
    **dict.fromkeys(("parzen", "equilibrium"), "2014"),
}


_RATIOS_BEFORE = ("frechet-distance", "frechet-infinity", "sliced-wasserstein")


class Score(BaseModel):
    """One line of scores.jsonl.

    Attributes:
        step: that the generator was trained for.
        metric: name of the score.
        value: None where it was not computed, and `reason` says why.
        better: the direction that is better.
        error: the value's standard error, where there is one.
        real: the value that real images reach by the same measure.
        noise: the value that noise reaches.
        warning: a caution for readers, before they trust it.
        detail: further findings.
        protocol: the way of measuring.
        group: the scores that it is shown among, of `SCORE_GROUPS`.
        ratio: whether variants are compared in it by ratios.
    """

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    step: int
    metric: str
    value: float | None = None
    better: Literal["lower", "higher"] = "lower"
    unit: str = ""
    error: float | None = None
    real: float | None = None
    noise: float | None = None
    warning: str = ""
    reason: str = ""
    detail: dict[str, Any] = Field(default_factory=dict)
    protocol: dict[str, Any] = Field(default_factory=dict)
    group: str = ""
    ratio: bool = False

    @model_validator(mode="after")
    def _of_before(self) -> Score:
        """Fill in what lines of before did not say."""
        self.group = self.group or _GROUPS_BEFORE.get(self.metric, "")
        self.ratio = self.ratio or self.metric in _RATIOS_BEFORE
        return self

    @property
    def chooses(self) -> bool:
        """Whether it is there to choose the best generator, and is not to be reported."""
        return self.protocol.get("chooses") is True


BEST = " (best)"  # behind the name of a score that is of the generator which was chosen


@dataclass(frozen=True, slots=True)
class Scores:
    """The content of a scores.jsonl: the last line for each step, metric and protocol.

    Attributes:
        scores: in the order of their first appearance.
        choices: those by which the best generator is chosen, which are not among the others.
        damaged: the number of lines that hold no score.
    """

    scores: list[Score]
    choices: list[Score]
    damaged: int


@dataclass(frozen=True, slots=True)
class Best:
    """The best generator of a run by a score on the validation split, which the run keeps.

    Attributes:
        score: of the generator, as it was chosen by it.
        candidates: the number of generators that it was chosen among.
    """

    score: Score
    candidates: int

    @classmethod
    def of(cls, choices: Sequence[Score]) -> Best | None:
        """The best of the scores that choose, the first of equal ones; None where there is none."""
        found: Best | None = None
        for score in choices:
            if found is None or found.is_beaten_by(score):
                found = cls(score, len(choices))
        return found

    @property
    def step(self) -> int:
        """The step that the generator was trained for."""
        return self.score.step

    @property
    def metric(self) -> str:
        """The name of the score."""
        return self.score.metric

    def reported(self, scores: Sequence[Score]) -> list[Score]:
        """The scores of the generator, under names of their own, of all scores of the run.

        What has no value for real samples or noise is a score of the run, not of the generator.
        """
        named = {"chosen_by": f"{self.metric} on validation"}
        return [
            score.model_copy(
                update={
                    "metric": f"{score.metric}{BEST}",
                    "protocol": {**score.protocol, **named},
                    "detail": {},
                }
            )
            for score in scores
            if score.step == self.step
            and score.value is not None
            and not score.real is score.noise is None
        ]

    def is_beaten_by(self, other: Score) -> bool:
        """Whether another score of the same kind is better."""
        mine, others = self.score.value, other.value
        if mine is None or others is None:
            return mine is None and others is not None
        return others < mine if other.better == "lower" else others > mine


def timestamp() -> str:
    """The time now, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
