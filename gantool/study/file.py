"""A study's file: models x data x seeds x settings, with an equal budget for all."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gantool.errors import ConfigError
from gantool.study.search import draw_settings


class Budget(BaseModel):
    """The budget of every run.

    It is one of generator updates, real images seen, or seconds of training.
    """

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


def choice_of(model: str | ModelChoice) -> ModelChoice:
    """A model as a study names it: a name alone is one without preset and options."""
    return ModelChoice(model=model) if isinstance(model, str) else model


class DataChoice(BaseModel):
    """Data with options and a budget of its own, for all models alike."""

    model_config = ConfigDict(extra="forbid")

    data: str
    options: dict[str, Any] = Field(default_factory=dict)
    budget: Budget | None = None


class Claim(BaseModel):
    """An ordering that somebody claims, for the study to test.

    Attributes:
        better: the model that is claimed to be better; a table names its preset or options too.
        than: the model that it is claimed to be better than.
        score: the name of the score.
        data: the data set, where the study has several.
        paper: where it is claimed.
    """

    model_config = ConfigDict(extra="forbid")

    better: str | ModelChoice
    than: str | ModelChoice
    score: str
    data: str | None = None
    paper: str = ""


class Study(BaseModel):
    """A study's file.

    Attributes:
        models: names, or tables of model, preset and options.
        data: names of data sets, or folders; or tables of data, options and budget.
        seeds: one run each.
        budget: equal for all runs on the same data.
        scores: names of the scores of each run; None for all, an empty list for none.
        options: of every run.
        grid: lists of values by option: every combination.
        variants: tables of options: one after the other.
        values: choices or ranges (`[low, high]`, `[low, high, "log"]`) by option, to draw `trials`
            settings from, with `search_seed`.
        claims: orderings that the study is to test.
    """

    model_config = ConfigDict(extra="forbid")

    models: list[str | ModelChoice] = Field(min_length=1)
    data: list[str | DataChoice] = Field(["mnist5k"], min_length=1)
    seeds: list[int] = Field([0], min_length=1)
    budget: Budget
    scores: list[str] | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    grid: dict[str, list[Any]] = Field(default_factory=dict)
    variants: list[dict[str, Any]] = Field(default_factory=list)
    values: dict[str, list[Any]] = Field(default_factory=dict)
    trials: int | None = Field(None, ge=1, le=10_000)
    search_seed: int = Field(0, ge=0)
    claims: list[Claim] = Field(default_factory=list)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if sum(map(bool, (self.grid, self.variants, self.values))) > 1:
            raise ValueError("give one of grid, variants and values")
        if bool(self.values) != (self.trials is not None):
            raise ValueError("values and trials go together")
        if empty := [key for key, values in self.grid.items() if not values]:
            raise ValueError(f"grid: {empty[0]} has no values")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds: one is given twice")
        if any(self.data.count(chosen) > 1 for chosen in self.data):
            raise ValueError("data: one is given twice")
        return self

    def settings(self) -> Iterator[dict[str, Any]]:
        """The options of each setting, `options` included."""
        if self.grid:
            found = [
                dict(zip(self.grid, chosen, strict=True))
                for chosen in itertools.product(*self.grid.values())
            ]
        elif self.values:
            assert self.trials is not None
            found = draw_settings(self.values, self.trials, seed=self.search_seed)
        else:
            found = self.variants or [{}]
        for setting in found:
            yield {**self.options, **setting}


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
            place = ".".join(
                str(part)
                for part in problem["loc"]
                if part not in ("str", "ModelChoice", "DataChoice")
            )
            lines.append(
                f"  {place or 'the study'}: {problem['msg'].removeprefix('Value error, ')}"
            )
        listed = "\n".join(dict.fromkeys(lines))
        raise ConfigError(
            f"{file} is no study:\n{listed}", "docs/scaling.md has an example."
        ) from None
