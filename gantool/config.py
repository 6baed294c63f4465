"""The typed configuration of a run, its sources and their precedence.

An option is one field here, or in a model's subclass of `TrainConfig`. From the field come the
command-line flag, the key in a file, the environment variable, the validation message and the page
of the reference.
"""

from __future__ import annotations

import copy
import inspect
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from gantool.errors import ConfigError, did_you_mean

ENVIRONMENT_PREFIX = "GANTOOL_OPT_"
PRETRAINED = "pretrained:"  # before a name that stands for a run folder

# By option, the names that plugins have registered for its values, with a summary each; filled when
# plugins are loaded. Where there are none yet, any name is taken and looked up later.
CHOICES: dict[str, dict[str, str]] = {}
# By an option's name in older runs and files: its name today.
RENAMED = {"inception_weights": "weights"}
_ALSO = {"penalty": ("none",), "augment": ("none",), "extractor": ("auto",)}

Fit = Literal["crop", "pad", "stretch"]
_SIZE = re.compile(r"(\d{1,9})(?:x(\d{1,9}))?")
_SMALLEST, _LARGEST = 8, 1024  # pixels a side


def parse_size(value: int | str) -> tuple[int, int]:
    """The (height, width) in pixels that `64` or `48x64` stands for.

    Raises:
        ValueError: it is neither.
    """
    found = _SIZE.fullmatch(str(value))
    if found is None:
        raise ValueError("a side in pixels is expected, as 64, or height x width, as 48x64")
    return int(found[1]), int(found[2] or found[1])


def spell_size(size: tuple[int, int]) -> int | str:
    """A (height, width) as a user writes it: the side of a square, else as `48x64`."""
    height, width = size
    return height if height == width else f"{height}x{width}"


_INTERVAL = re.compile(r"([1-9][0-9]{0,8})(min)?")


_PENALTY = re.compile(r"([a-z0-9][a-z0-9-]*)(?::([0-9.]+(?:e-?[0-9]+)?))?")


def penalty_terms(text: str) -> list[tuple[str, float | None]]:
    """The names in a value of `penalty` with the weights that they come with, as `gp:10+r1:0.1`.

    Raises:
        ValueError: it is none, or names one twice.
    """
    if text == "none":
        return []
    terms: list[tuple[str, float | None]] = []
    for part in text.split("+"):
        found = _PENALTY.fullmatch(part)
        if found is None or found[1] == "none":
            raise ValueError("names with + between are expected, as r1+r2 or gp:10+r1:0.1")
        weight = None if found[2] is None else float(found[2])
        if weight is not None and not 0 < weight <= 1e6:
            raise ValueError(f"the weight of {found[1]} must be above 0, to 1e6")
        terms.append((found[1], weight))
    if len({name for name, _ in terms}) < len(terms):
        raise ValueError("a penalty is named twice")
    return terms


def choices_of(option: str) -> list[str]:
    """The names that an option may have, those of plugins included.

    [] where it is no such option.
    """
    return [*_ALSO.get(option, ()), *CHOICES[option]] if option in CHOICES else []


def with_names_of_today(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options, or what belongs to them, by the names that they have today."""
    return {RENAMED.get(key, key): value for key, value in options.items()}


def split_interval(text: str) -> tuple[int, bool]:
    """A number, and whether it counts minutes (`10min`) or steps (`500`).

    The text has been validated.
    """
    found = _INTERVAL.fullmatch(text)
    assert found is not None
    return int(found[1]), found[2] is not None


class OptionGroup(BaseModel):
    """A group of options that help shows under one heading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=False, protected_namespaces=()
    )
    heading: ClassVar[str] = ""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Let `loss: str = "hinge"` change a default and keep all else that is inherited.

        That is the description, the type and the bounds.
        """
        super().__pydantic_init_subclass__(**kwargs)
        inherited = [base for base in cls.__mro__[1:] if issubclass(base, BaseModel)]
        changed = False
        for name in inspect.get_annotations(cls):
            own = cls.model_fields.get(name)
            parent = next(
                (base.model_fields[name] for base in inherited if name in base.model_fields), None
            )
            if own is None or parent is None or own.description is not None:
                continue
            merged = copy.copy(parent)
            merged.default = own.default
            cls.model_fields[name] = merged
            changed = True
        if changed:
            cls.model_rebuild(force=True)


# Of a field that does not change what is trained: runs that differ in it alone are one variant.
RUN_ONLY: dict[str, Any] = {"makes_variant": False}


class DataOptions(OptionGroup):
    """The data that is trained on, and its preparation."""

    heading: ClassVar[str] = "Data"

    data: str = Field(
        "mnist5k",
        min_length=1,
        description="name of a data set, or a folder or file of images (zip, tar, Parquet, "
        "NumPy, HDF5)",
    )
    label_column: str | None = Field(
        None,
        min_length=1,
        description="column, key or array with the labels of one's own images (unset: label, "
        "labels, class, category or target)",
    )
    data_dir: Path | None = Field(
        None,
        description="folder that holds or receives downloaded data sets "
        "and the cache of prepared images",
        json_schema_extra=RUN_ONLY,
    )
    image_size: int | str | None = Field(
        None,
        description="side of square images in pixels, as 64, or height x width, as 48x64; 8 to "
        "1024 a side (unset: the data set's own; folders: 64)",
    )
    fit: Fit = Field(
        "crop",
        description="way in which images of another shape come to this one",
    )
    channels: Literal[1, 3, 4] | None = Field(
        None,
        description="1 for grey, 3 for RGB, 4 for RGB with alpha "
        "(unset: the data set's own; folders: grey if every image is)",
    )
    flip: bool = Field(
        False,
        description="mirror half of the training images, chosen anew each time (not for digits "
        "or text)",
    )
    unique_test: bool = Field(
        False,
        description="leave out of the test split all but one of images that are equal",
    )
    split_seed: int | None = Field(
        None,
        ge=0,
        description="split the data another time, by this seed: other images train, validate and "
        "test (unset: the data's own splits)",
        json_schema_extra=RUN_ONLY,
    )
    train_images: int | None = Field(
        None,
        ge=2,
        description="images that train, drawn once for all seeds, to see what little data does "
        "(unset: all)",
    )
    points: int | None = Field(
        None,
        ge=100,
        le=10_000_000,
        description="points that train, of data in the plane (unset: 100,000)",
    )
    batch_size: int | None = Field(
        None,
        ge=2,
        le=65536,
        description="images a batch "
        "(unset: the model's own, else 128, halved to 16 until an epoch has 250 batches)",
    )

    @field_validator("image_size", mode="before")
    @classmethod
    def _sides(cls, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError("a whole number is expected, or height x width, as 48x64")
        size = parse_size(value)
        if min(size) < _SMALLEST or max(size) > _LARGEST:
            raise ValueError(f"a side has {_SMALLEST} to {_LARGEST} pixels")
        return spell_size(size)


class BudgetOptions(OptionGroup):
    """The length of a run; one of the two is set."""

    heading: ClassVar[str] = "Budget"

    epochs: int | None = Field(5, ge=1, le=1_000_000, description="passes over the training images")
    steps: int | None = Field(
        None, ge=1, le=1_000_000_000, description="generator updates, instead of epochs"
    )


class BeginningOptions(OptionGroup):
    """The first weights, where they are not new."""

    heading: ClassVar[str] = "Beginning"

    from_run: Path | None = Field(
        None,
        description="run whose weights the networks begin with, where name and shape agree "
        "(in files and in Python: from_run)",
        json_schema_extra={"flag": "--from"},
    )

    @field_validator("from_run")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        try:
            if value is None or str(value).startswith(PRETRAINED):
                return value
            return value.expanduser().resolve()
        except RuntimeError as error:  # no such user
            raise ValueError(str(error)) from None


class LatentOptions(OptionGroup):
    """The prior of the latents."""

    heading: ClassVar[str] = "Latent"

    nz: int = Field(100, ge=1, le=65536, description="dimensions of the latent z")
    latent: Literal["normal", "uniform"] = Field(
        "normal", description="prior of the latent: standard normal, or uniform"
    )


class LabelOptions(OptionGroup):
    """The labels that fakes ask for; a base of the configuration of models that take labels."""

    heading: ClassVar[str] = "Labels"

    labels: Literal["data", "uniform"] = Field(
        "data",
        description="how often fakes ask for each class: as the training data has it, or uniform",
    )


class OptimizerOptions(OptionGroup):
    """The movement of the networks."""

    heading: ClassVar[str] = "Optimiser"

    update: Literal["alternating", "simultaneous", "extragradient"] = Field(
        "alternating",
        description="simultaneous: all gradients before any network moves; extragradient: those "
        "of a point ahead",
    )
    optimizer: Literal["adam", "rmsprop", "sgd"] = Field(
        "adam", description="optimiser of all networks"
    )
    lr: float = Field(2e-4, gt=0, le=10, description="learning rate")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first beta")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second beta")
    momentum: float = Field(0.0, ge=0, lt=1, description="momentum of SGD and RMSprop")
    lr_decay: float = Field(
        1.0, ge=1, le=2, description="divide the learning rate by this after every step, to 1e-6"
    )
    final_momentum: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="momentum rises linearly to this between epochs 1 and 250 (unset: it stays)",
    )
    ema: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="decay of the exponential moving average of G's weights; 0 is off",
    )
    ema_rampup: float | None = Field(
        None,
        gt=0,
        le=1,
        description="share of the steps done that the average's half-life is at most (unset: it "
        "is that of ema from the first step on)",
    )


class MachineOptions(OptionGroup):
    """The place where a run computes, and how reproducibly."""

    heading: ClassVar[str] = "Machine and reproducibility"

    seed: int = Field(
        999,
        ge=0,
        le=2**32 - 1,
        description="seed of weights, batches and latents",
        json_schema_extra=RUN_ONLY,
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        "auto", description="where to compute", json_schema_extra=RUN_ONLY
    )
    threads: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="CPU threads (unset: PyTorch's choice)",
        json_schema_extra=RUN_ONLY,
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="arithmetic of the networks' passes"
    )
    compile: bool = Field(
        False,
        description="compile the networks (torch.compile): a minute first, for GPUs",
        json_schema_extra=RUN_ONLY,
    )
    deterministic: bool = Field(
        True,
        description="deterministic algorithms: the same command, the same figures",
        json_schema_extra=RUN_ONLY,
    )


class RecordOptions(OptionGroup):
    """The things that a run keeps while it goes on."""

    heading: ClassVar[str] = "Recording"

    sheet_every: int | None = Field(
        None,
        ge=1,
        description="steps between sample grids "
        "(unset: about ten of them, at most 500 steps apart)",
        json_schema_extra=RUN_ONLY,
    )
    checkpoint_every: str | None = Field(
        None,
        description="steps, or minutes as in 10min, between resumable states "
        "(unset: every epoch and every 5 minutes)",
        json_schema_extra=RUN_ONLY,
    )
    keep_generators_every: int | None = Field(
        None,
        ge=1,
        description="steps between generators that are kept to be drawn from later "
        "(unset: the last only)",
        json_schema_extra=RUN_ONLY,
    )
    track: str | None = Field(
        None,
        description="trackers that follow the run, with commas between (unset: none)",
        json_schema_extra=RUN_ONLY,
    )


class EvaluationOptions(OptionGroup):
    """The scores of a run."""

    heading: ClassVar[str] = "Evaluation"

    evaluate: bool = Field(
        True, description="score the samples at the end of the run", json_schema_extra=RUN_ONLY
    )
    evaluate_every: int | None = Field(
        None,
        ge=1,
        description="steps between evaluations (unset: at the end of the run only)",
        json_schema_extra=RUN_ONLY,
    )
    keep_best: str | None = Field(
        None,
        min_length=1,
        description="score by which the best generator of all evaluations, on the validation "
        "split, is kept beside the final one (unset: the final one only)",
        json_schema_extra=RUN_ONLY,
    )
    evaluation_samples: int = Field(
        10_000,
        ge=1,
        le=1_000_000,
        description="samples that scores are made from",
        json_schema_extra=RUN_ONLY,
    )
    extractor: str = Field(
        "auto",
        min_length=1,
        description="network whose features distances use",
        json_schema_extra=RUN_ONLY,
    )
    weights: Path | None = Field(
        None,
        description="file with the extractor's weights, where it does not bring them",
        json_schema_extra=RUN_ONLY,
    )


class TrainConfig(
    EvaluationOptions,
    RecordOptions,
    MachineOptions,
    OptimizerOptions,
    LatentOptions,
    BeginningOptions,
    BudgetOptions,
    DataOptions,
):
    """The options that every model has.

    A model's own configuration is a subclass with its own fields.

    A subclass may give an inherited option another default (`lr: float = 1e-4`), may narrow it
    (`latent: Literal["normal"] = Field("normal", description=...)`), and adds its own with
    `Field(default, description=..., bounds)`. Instances are frozen.

    Attributes:
        fixed: the options that the model itself does not honour; they keep the defaults that the
            model gives them, and are refused rather than ignored. The weight of a penalty that is
            fixed at none goes with it, and the pace of such an augmentation.

    Raises:
        pydantic.ValidationError: a value is out of bounds or of the wrong type, or options
        contradict each other.
    """

    fixed: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Take the fixed options out of the fields; their defaults stay as attributes."""
        super().__pydantic_init_subclass__(**kwargs)
        idle = [
            name
            for owner, name in (("penalty", "penalty_weight"), ("augment", "ada_images"))
            if owner in cls.fixed and _default(cls, owner) == "none"
        ]
        cls.fixed = tuple(dict.fromkeys((*cls.fixed, *idle)))
        taken = [name for name in cls.fixed if name in cls.model_fields]
        for name in taken:
            setattr(cls, name, cls.model_fields.pop(name).default)
        if taken:
            cls.model_rebuild(force=True)

    @field_validator("extractor")
    @classmethod
    def _known_extractor(cls, value: str) -> str:
        return _registered("extractor", value)

    @field_validator("keep_best")
    @classmethod
    def _known_score(cls, value: str | None) -> str | None:
        return None if value is None else _registered("keep_best", value)

    @field_validator("checkpoint_every", mode="before")
    @classmethod
    def _interval(cls, value: Any) -> Any:
        if type(value) is int:  # as a file of options may write steps
            value = str(value)
        if isinstance(value, str) and not _INTERVAL.fullmatch(value):
            raise ValueError("a number of steps is expected, as 500, or of minutes, as 10min")
        return value

    @model_validator(mode="before")
    @classmethod
    def _replace_budget(cls, values: Any) -> Any:
        return {**_other_budget(values), **values} if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _check_budget(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give epochs or steps, one of the two")
        return self

    @model_validator(mode="after")
    def _check_momentum(self) -> Self:
        if self.optimizer == "rmsprop" and self.final_momentum and not self.momentum:
            raise ValueError(
                "RMSprop that begins without momentum cannot take it up later: give --momentum "
                "above 0 too, or --optimizer sgd"
            )
        return self

    @model_validator(mode="after")
    def _check_candidates(self) -> Self:
        if self.keep_best is not None and self.evaluate_every is None:
            raise ValueError(
                "keep_best chooses among the generators that are scored on the way: "
                "add --evaluate-every N"
            )
        return self


def refuse_fixed(config: type[TrainConfig], option: str, model: str) -> None:
    """Raise a `ConfigError` if a model fixes an option; it says at which value, if the model does.

    Args:
        config: the model's configuration class.
        option: the key.
        model: the model's name, for the message.
    """
    if option not in config.fixed or not hasattr(config, option):
        return
    stated = sum(option in inspect.get_annotations(base) for base in config.__mro__) > 1
    value = getattr(config, option) if stated else "its own game has no use for the option"
    flag = "--" + option.replace("_", "-")
    raise ConfigError(
        f"{model} fixes the {option.replace('_', ' ')}: {value}.", f"Leave {flag} out."
    )


def _default(config: type[TrainConfig], option: str) -> Any:
    """The default of an option, fixed or not; None where there is no such option."""
    field = config.model_fields.get(option)
    return getattr(config, option, None) if field is None else field.default


class GameOptions(OptionGroup):
    """The objective of the two networks, and the order in which they move."""

    heading: ClassVar[str] = "Game"

    loss: str = Field("non-saturating", description="objective of both players")
    penalty: str = Field(
        "none",
        description="penalties added to the discriminator's loss, as r1+r2 or gp:10+r1:0.1",
    )
    penalty_weight: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="weight of each penalty without one of its own (unset: the usual one, 10)",
    )
    clip: float = Field(
        0.0,
        ge=0,
        le=10,
        description="clip the critic's weights to [-clip, clip] after each step; 0 is off",
    )
    spectral_norm: bool = Field(
        False, description="spectral normalisation of the discriminator's layers"
    )
    discriminator_steps: int = Field(
        1, ge=1, le=100, description="discriminator updates for each generator update"
    )
    generator_batch: Literal["reuse", "fresh"] = Field(
        "reuse",
        description="what the generator's update sees: "
        "the discriminator's last fakes, or fresh latents",
    )
    pack: int = Field(
        1,
        ge=1,
        le=64,
        description="samples that the discriminator judges together, as one (PacGAN)",
    )
    augment: str = Field(
        "none", description="augmentation of all that the discriminator sees; samples are spared"
    )
    ada_images: int = Field(
        500_000,
        ge=1,
        le=1_000_000_000,
        description="images in which the probability of augment ada can rise from 0 to 1",
    )
    discriminator_lr: float | None = Field(
        None, gt=0, le=10, description="learning rate of the discriminator (unset: lr)"
    )


class GANConfig(GameOptions, TrainConfig):
    """The options that every GAN has: those of the game besides those of every model.

    Attributes:
        bounds_slope: whether the model itself bounds the slope of its critic, so that loss
            'wasserstein' asks for no penalty, clipping or spectral norm.
    """

    bounds_slope: ClassVar[bool] = False

    @field_validator("loss", "augment", "penalty", check_fields=False)
    @classmethod
    def _known_piece(cls, value: str, info: ValidationInfo) -> str:
        return _registered(str(info.field_name), value)

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        for refused, reason in incompatibilities(self):
            if refused:
                raise ValueError(reason)
        return self


def tracker_names(text: str | None) -> list[str]:
    """The names in a value of `track`, each once."""
    return list(dict.fromkeys(filter(None, (name.strip() for name in (text or "").split(",")))))


def _registered(option: str, value: str) -> str:
    known = CHOICES.get(option)
    names = [name for name, _ in penalty_terms(value)] if option == "penalty" else [value]
    for name in names:
        if known is not None and name not in known and name not in _ALSO.get(option, ()):
            meant = did_you_mean(name, known)
            raise ValueError(f"{name!r} is none of {', '.join(choices_of(option))}.{meant}")
    return value


BOUND_IT = "add --penalty gp, --clip 0.01 or --spectral-norm"


def incompatibilities(config: GANConfig) -> Iterator[tuple[bool, str]]:
    """The combinations of game options that make no sense.

    Each is a pair: whether this configuration has it, and the reason why it is refused.
    """
    yield (
        config.loss == "wasserstein"
        and config.penalty == "none"
        and config.clip == 0
        and not config.spectral_norm
        and not config.bounds_slope,
        f"loss 'wasserstein' needs a critic of bounded slope: {BOUND_IT}",
    )
    yield (
        config.clip > 0 and config.loss != "wasserstein",
        "clip serves loss 'wasserstein' only: elsewhere it stops the discriminator from ever "
        "being sure; use --penalty or --spectral-norm",
    )
    yield (
        config.clip > 0 and config.penalty != "none",
        "clip and penalty are two answers to one question: give one of them",
    )
    yield (
        config.clip > 0 and config.spectral_norm,
        "clip and spectral_norm are two answers to one question: give one of them",
    )
    yield (
        config.update != "alternating" and config.discriminator_steps > 1,
        "a simultaneous or extragradient update moves each network once a step: "
        "discriminator_steps must be 1",
    )
    yield (
        config.update != "alternating" and config.generator_batch == "fresh",
        "a simultaneous or extragradient update has one batch for both networks: "
        "generator_batch must be 'reuse'",
    )
    yield (
        config.compile and config.penalty != "none",
        "torch.compile has no second derivatives, which a penalty needs: "
        "give up compile or penalty",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParameter:
    """A flag of `gantool run` that says how to run rather than what to train.

    It is no field of a configuration, and no model may have an option of its name.
    """

    key: str
    flag: str
    kind: Any
    default: Any
    metavar: str
    description: str


SHOW = RunParameter(
    key="show",
    flag="--show/--no-show",
    kind=bool | None,
    default=None,
    metavar="",
    description="show samples in the terminal, in blocks of color where it has no pictures "
    "(unset: only where it has)",
)
WATCH = RunParameter(
    key="watch",
    flag="--watch",
    kind=bool,
    default=False,
    metavar="",
    description="open a page that follows it while it trains, as `gantool watch`",
)
RUN_PARAMETERS = (
    RunParameter(
        key="name",
        flag="--name",
        kind=str | None,
        default=None,
        metavar="TEXT",
        description="name of the run folder; made up unless given",
    ),
    RunParameter(
        key="experiments_dir",
        flag="--experiments-dir",
        kind=Path,
        default=Path("experiments"),
        metavar="PATH",
        description="where run folders go",
    ),
    RunParameter(
        key="preset",
        flag="--preset",
        kind=str | None,
        default=None,
        metavar="NAME",
        description="named set of options",
    ),
    RunParameter(
        key="config",
        flag="--config",
        kind=Path | None,
        default=None,
        metavar="PATH",
        description="TOML file of options, or the run.json of a run",
    ),
    RunParameter(
        key="seeds",
        flag="--seeds",
        kind=str | None,
        default=None,
        metavar="N,N",
        description="several seeds, as 0,1,2: a run each",
    ),
    RunParameter(
        key="dry_run",
        flag="--dry-run",
        kind=bool,
        default=False,
        metavar="",
        description="show what would be run, and stop before the first step",
    ),
    RunParameter(
        key="json",
        flag="--json",
        kind=bool,
        default=False,
        metavar="",
        description="print run.json and nothing else on stdout",
    ),
    SHOW,
    WATCH,
    RunParameter(
        key="profile",
        flag="--profile",
        kind=bool,
        default=False,
        metavar="",
        description="trace ten steps into trace.json and show where the time went",
    ),
)
# Names that no option of a model may have.
RESERVED = frozenset({parameter.key for parameter in RUN_PARAMETERS} | {"debug", "help"})


@dataclass(frozen=True, slots=True)
class Option:
    """One option as help, reference page and messages show it."""

    key: str
    field: FieldInfo
    heading: str

    @property
    def flag(self) -> str:
        """The command-line spelling: that of the key, unless the field has one of its own."""
        extra = self.field.json_schema_extra
        if isinstance(extra, dict) and "flag" in extra:
            return str(extra["flag"])
        return "--" + self.key.replace("_", "-")

    @property
    def bounds(self) -> str:
        """The accepted range in words, or an empty string."""
        limits = {
            sign: getattr(limit, sign)
            for limit in self.field.metadata
            for sign in ("ge", "gt", "le", "lt")
            if getattr(limit, sign, None) is not None
        }
        low = high = ""
        if "ge" in limits:
            low = f"{limits['ge']}"
        elif "gt" in limits:
            low = f"above {limits['gt']}"
        if "le" in limits:
            high = f"to {limits['le']}"
        elif "lt" in limits:
            high = f"to below {limits['lt']}"
        if high:
            return f"{low} {high}".strip()
        return f"{low} or more" if "ge" in limits else low

    @property
    def choices(self) -> list[str]:
        """The values that it can have, where they can be listed."""
        if self.key in CHOICES:
            return choices_of(self.key)
        annotation = self.field.annotation
        return [str(c) for c in get_args(annotation)] if get_origin(annotation) is Literal else []

    @property
    def makes_variant(self) -> bool:
        """Whether runs that differ in it are different variants."""
        extra = self.field.json_schema_extra
        return not (isinstance(extra, dict) and extra.get("makes_variant") is False)

    @property
    def description(self) -> str:
        """The option in words, with its bounds."""
        text: str = self.field.description or ""
        return f"{text} ({self.bounds})" if self.bounds else text


# In the order in which help shows them.
_GROUPS: tuple[type[OptionGroup], ...] = (
    DataOptions,
    BudgetOptions,
    BeginningOptions,
    GameOptions,
    LatentOptions,
    LabelOptions,
    OptimizerOptions,
    MachineOptions,
    RecordOptions,
    EvaluationOptions,
)


def options_of(config: type[TrainConfig], model: str = "this model") -> list[Option]:
    """Every option of a configuration, under the heading of the class that first declares it."""
    options = []
    for key, info in config.model_fields.items():
        declaring = next(
            base
            for base in reversed(config.__mro__)
            if issubclass(base, OptionGroup) and key in inspect.get_annotations(base)
        )
        heading = declaring.__dict__.get("heading") or f"Options of {model}"
        options.append(Option(key, field=info, heading=heading))
    order = [group.heading for group in _GROUPS]
    return sorted(
        options, key=lambda o: order.index(o.heading) if o.heading in order else len(order)
    )


def incidental_of(config: type[TrainConfig]) -> list[str]:
    """The options of a configuration that do not make a variant."""
    return [option.key for option in options_of(config) if not option.makes_variant]


INCIDENTAL = frozenset(incidental_of(TrainConfig))


@dataclass(frozen=True, slots=True)
class Resolved:
    """A validated configuration, the source of each value, and warnings for the user."""

    config: TrainConfig
    sources: dict[str, str]
    warnings: list[str] = field(default_factory=list)


def resolve(
    config: type[TrainConfig],
    *,
    model: str,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
    preset: str | None = None,
    defaults: Callable[[str], Mapping[str, Any]] = lambda data: {},
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Resolved:
    """Merge defaults < preset < file < environment < flags, and validate the whole.

    Args:
        config: the model's configuration class.
        model: the model's name, for messages and to refuse another model's run.json.
        presets: the model's named overlays.
        preset: the overlay to use.
        defaults: gives the defaults that replace the model's own on data of a name.
        file: a flat TOML file, or the run.json of a run of the same model.
        environment: variables; `os.environ` unless given. `GANTOOL_OPT_<KEY>` counts.
        flags: the options given on the command line, and those only.

    Raises:
        ConfigError: an unknown preset or key, an unreadable file, an invalid value or combination.
    """
    warnings: list[str] = []
    layers: list[tuple[str, Mapping[str, Any]]] = []
    if preset is not None:
        if preset not in (presets or {}):
            known = ", ".join(presets or {}) or "none"
            raise ConfigError(
                f"{model} has no preset {preset!r}.{did_you_mean(preset, presets or {})}",
                f"Its presets: {known}.",
            )
        layers.append((f"preset {preset}", (presets or {})[preset]))
    if file is not None:
        layers.append((str(file), _read_file(file, config, model=model)))
    layers.append(
        (
            "environment",
            _read_environment(
                os.environ if environment is None else environment, config, warnings=warnings
            ),
        )
    )
    layers.append(("command line", dict(flags or {})))

    data = next((layer["data"] for _, layer in reversed(layers) if layer.get("data")), None)
    layers.insert(0, ("default", defaults(str(data or config.model_fields["data"].default))))

    values: dict[str, Any] = {}
    sources = dict.fromkeys(config.model_fields, "default")
    for source, layer in layers:
        for key, value in {**_other_budget(layer), **layer}.items():
            values[key] = value
            sources[key] = source
    for key in values:
        refuse_fixed(config, key, model=model)
    try:
        resolved = config(**values)
    except ValidationError as error:
        raise ConfigError(_explain(error, config, sources=sources)) from None
    # Here and not in the configuration: a model's own default weight is harmless when its penalty
    # is switched off.
    given = ("environment", "command line")
    if getattr(resolved, "penalty", "") == "none" and sources.get("penalty_weight") in given:
        raise ConfigError(
            "penalty_weight without a penalty has no effect: add --penalty gp, r1, r2 or r1+r2"
        )
    return Resolved(resolved, sources, warnings=warnings)


def _other_budget(layer: Mapping[str, Any]) -> dict[str, None]:
    """Steps given in a layer replace the epochs of the layers below, and the other way round."""
    if layer.get("steps") is not None and layer.get("epochs") is None:
        return {"epochs": None}
    if layer.get("epochs") is not None and layer.get("steps") is None:
        return {"steps": None}
    return {}


def _read_file(file: Path, config: type[TrainConfig], model: str) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
        content = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise ConfigError(
            f"cannot read the configuration file {file}: {error.strerror or error}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"{file} is not valid {'JSON' if file.suffix == '.json' else 'TOML'}: {error}",
            "A configuration file has one `option = value` a line, for example `lr = 0.0002`.",
        ) from None
    if file.suffix == ".json":
        content = _config_of_run(content, file, model=model)
        if "labels" in config.model_fields:
            content = {"labels": "uniform", **content}  # as runs did before there was a choice
    content = with_names_of_today(content)
    unknown = [key for key in content if key not in config.model_fields]
    if unknown:
        refuse_fixed(config, unknown[0], model=model)
        nested = isinstance(content[unknown[0]], dict)
        raise ConfigError(
            f"{file}: {'table' if nested else 'option'} {unknown[0]!r} is not known to {model}."
            f"{did_you_mean(unknown[0], config.model_fields)}",
            "The file is flat: options only, no tables."
            if nested
            else f"`gantool run {model} --help` lists the options.",
        )
    for key, value in content.items():
        if isinstance(value, bool) and config.model_fields[key].annotation is not bool:
            option = next(option for option in options_of(config, model) if option.key == key)
            raise ConfigError(
                f"{file}: {key} = {str(value).lower()}: this option is not switched on or off.",
                f"{option.flag} is: {option.description}.",
            )
    return dict(content)


def _config_of_run(content: object, file: Path, model: str) -> dict[str, Any]:
    if not isinstance(content, dict) or not isinstance(content.get("config"), dict):
        raise ConfigError(
            f"{file} is not the run.json of a gantool run.",
            "Give the run.json of a run folder, or a TOML file.",
        )
    if content.get("model") != model:
        raise ConfigError(
            f"{file} is the configuration of a run of {content.get('model')!r}, not of {model!r}.",
            f"Use `gantool run {content.get('model')} --config {file}`.",
        )
    return dict(content["config"])


def _read_environment(
    environment: Mapping[str, str], config: type[TrainConfig], warnings: list[str]
) -> dict[str, str]:
    values = {}
    for name, value in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        key = name.removeprefix(ENVIRONMENT_PREFIX).lower()
        if key in config.model_fields:
            values[key] = value
        else:
            nearest = did_you_mean(key, config.model_fields)
            warnings.append(f"{name} is ignored: no option {key!r} here.{nearest}")
    return values


def _explain(error: ValidationError, config: type[TrainConfig], sources: Mapping[str, str]) -> str:
    options = {option.key: option for option in options_of(config)}
    return "\n".join(
        _explain_one(dict(detail), options, sources=sources) for detail in error.errors()
    )


def _explain_one(
    detail: dict[str, Any], options: Mapping[str, Option], sources: Mapping[str, str]
) -> str:
    location: Sequence[Any] = detail["loc"]
    message = str(detail["msg"]).removeprefix("Value error, ").removesuffix(".")
    if not location:
        return message
    key = str(location[0])
    option: Option | None = options.get(key)
    if option is None:
        return f"unknown option {key!r}.{did_you_mean(key, options)}"
    said = message if message.endswith("?") else f"{message}."
    return (
        f"{option.flag} = {detail['input']!r} (from {sources.get(key, 'default')}): {said}\n"
        f"{option.flag} is: {option.description}."
    )
