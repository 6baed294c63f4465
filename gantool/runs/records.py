"""The records of a run: run.json and a line of scores.jsonl.

Reading them needs neither torch nor numpy.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gantool.config import with_names_of_today

FORMAT = 1
Status = Literal["running", "finished", "interrupted", "diverged", "failed"]
ARROWS = {"lower": "↓", "higher": "↑"}  # the direction that is better


def own_objective(model: str) -> str:
    """The name of the game of a model for which `loss` is no option."""
    return f"{model}'s own"


class RunRecord(BaseModel):
    """run.json, format 1. Readers accept keys they do not know.

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


def timestamp() -> str:
    """The time now, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
