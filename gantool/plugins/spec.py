"""Plain descriptions of what plugins register: importable without torch."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from gantool.config import BOUND_IT, RESERVED, GANConfig, TrainConfig
from gantool.errors import GantoolError
from gantool.runs.records import SCORE_GROUPS

Kind = Literal["images", "points"]
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


# Of what data is made, with the defaults of options that are other ones there for every model. On
# points the published tables score so many samples, and networks are too small for more threads.
USUAL: Mapping[str, Mapping[str, Any]] = {
    "images": {},
    "points": {"nz": 2, "threads": 1, "evaluation_samples": 2_500},
}

# Groups of models in `list-models`, those that a description falls into by itself.
PLAIN, CONDITIONAL, OUTSIDERS = "GANs", "GANs that take labels", "models without a discriminator"

# Training images from which on every default is the tutorial's, its batch of 128 included.
MANY_IMAGES = 32_000
# Options that make another game where they are not the model's own: it asks for other settings.
_GAME = ("loss", "penalty", "spectral_norm")
_OF_THE_AUTHOR = (
    "give penalty, clip or spectral_norm a default beside it, or set `bounds_slope = True` in the "
    "configuration of a model that bounds it itself"
)


class InvalidSpecError(ValueError):
    """A description that gantool cannot register; the message says what to mend."""


def load_implementation(path: str) -> Any:
    """Import the object that `"package.module:name"` points at.

    Raises:
        GantoolError: the module cannot be imported or has no such name.
    """
    module_name, _, attribute = path.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise GantoolError(
            f"cannot load {path}: {error}", "Reinstall the plugin that registers it."
        ) from error


def _check_name(kind: str, name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidSpecError(
            f"{kind} name {name!r}: use lower-case letters, digits and hyphens, at most 40, "
            "beginning with a letter or digit"
        )


def _check_kinds(subject: str, kinds: object) -> None:
    if not isinstance(kinds, tuple) or not kinds or not set(kinds) <= set(USUAL):
        known = ", ".join(map(repr, USUAL))
        raise InvalidSpecError(f"{subject}: kinds must be some of {known}, not {kinds!r}")


def _brief(error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return str(error)
    found = []
    for detail in error.errors():
        where = "".join(f"{part}: " for part in detail["loc"])
        message = detail["msg"].removeprefix("Value error, ").replace(BOUND_IT, _OF_THE_AUTHOR)
        found.append(where + message)
    return "; ".join(found)


def _check_implementation(kind: str, path: object) -> None:
    if not isinstance(path, str) or not re.fullmatch(r"[\w.]+:\w+", path):
        raise InvalidSpecError(
            f"{kind} implementation {path!r}: write it as 'package.module:Class'"
        )


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """The description of a model, for `list-models` and `run MODEL --help`.

    Attributes:
        name: the word after `gantool run`.
        summary: one line.
        implementation: `"package.module:Class"`, a subclass of `gantool.GAN`, imported when it is
            run.
        config: the typed options; a subclass of `gantool.GANConfig`, or for a model without a
            discriminator of `gantool.TrainConfig`.
        paper: author, year and address.
        presets: named overlays of the options, each a mapping from option to value.
        preset_notes: notes for users of a preset, by the preset's name.
        needs_labels: whether the model trains on labelled data only.
        kinds: what it can draw: "images", "points" in the plane, or both.
        defaults: defaults of options that are other ones on data of a kind, by kind.
        small_data: defaults of options that are other ones on fewer than `MANY_IMAGES` images.
        small_data_other_game: those where loss, penalty or spectral norm is not the model's own.
        group: the heading under which `list-models` has it; by default what it follows from.
        formula: the losses of a game of its own, as an `ObjectiveSpec` has them; where `loss` is
            an option, what the model adds to those losses, or has in their place.
    """

    name: str
    summary: str
    implementation: str
    config: type[TrainConfig] = GANConfig
    paper: str = ""
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    preset_notes: Mapping[str, str] = field(default_factory=dict)
    needs_labels: bool = False
    kinds: tuple[str, ...] = ("images",)
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    small_data: Mapping[str, Any] = field(default_factory=dict)
    small_data_other_game: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""
    formula: str = ""

    @property
    def heading(self) -> str:
        """The group that the author names, else what follows from labels and configuration."""
        if self.group:
            return self.group
        if not issubclass(self.config, GANConfig):
            return OUTSIDERS
        return CONDITIONAL if self.needs_labels else PLAIN

    def defaults_on(self, kind: str) -> Mapping[str, Any]:
        """The defaults of options that are other ones on data of a kind."""
        usual = {key: v for key, v in USUAL[kind].items() if key in self.config.model_fields}
        return {**usual, **self.defaults.get(kind, {})}

    def defaults_on_images(self, images: int, config: TrainConfig) -> Mapping[str, Any]:
        """The defaults of options that are other ones on so many training images.

        {} where they are many; `small_data_other_game` where `config` has another loss, penalty or
        spectral norm than the model's own.
        """
        if images >= MANY_IMAGES:
            return {}
        fields = self.config.model_fields
        own_game = all(
            getattr(config, key) == fields[key].default for key in _GAME if key in fields
        )
        return self.small_data if own_game else self.small_data_other_game

    def check(self) -> None:
        """Raise `InvalidSpecError` unless everything in this description can be used."""
        _check_name("model", self.name)
        _check_implementation(f"model {self.name!r}:", self.implementation)
        if not isinstance(self.summary, str) or not self.summary.strip():
            raise InvalidSpecError(f"model {self.name!r}: a summary of one line is missing")
        if not (isinstance(self.config, type) and issubclass(self.config, TrainConfig)):
            raise InvalidSpecError(
                f"model {self.name!r}: config must be a subclass of gantool.TrainConfig"
            )
        defaults = {
            key: info.default
            for key, info in self.config.model_fields.items()
            if not info.is_required()
        }
        try:
            self.config(**defaults)
        except ValidationError as error:
            raise InvalidSpecError(
                f"model {self.name!r}: its defaults are invalid: {_brief(error)}"
            ) from error
        reserved = RESERVED.intersection(self.config.model_fields)
        if reserved:
            raise InvalidSpecError(
                f"model {self.name!r}: option name {min(reserved)!r} is reserved"
            )
        if not isinstance(self.group, str):
            raise InvalidSpecError(f"model {self.name!r}: group must be a word or a few")
        _check_kinds(f"model {self.name!r}", self.kinds)
        for kind, overlay in self.defaults.items():
            try:
                self.config(**overlay)
            except (ValidationError, TypeError) as error:
                raise InvalidSpecError(
                    f"model {self.name!r}: its defaults for {kind} are invalid: {_brief(error)}"
                ) from error
        for overlay in (self.small_data, self.small_data_other_game):
            try:
                self.config(**overlay)
            except (ValidationError, TypeError) as error:
                raise InvalidSpecError(
                    f"model {self.name!r}: its defaults for small data are invalid: {_brief(error)}"
                ) from error
        for preset, overlay in self.presets.items():
            _check_name(f"model {self.name!r}: preset", preset)
            try:
                self.config(**overlay)
            except (ValidationError, TypeError) as error:
                raise InvalidSpecError(
                    f"model {self.name!r}: preset {preset!r} is invalid: {_brief(error)}"
                ) from error


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """The description of a data set, for `list-datasets`.

    Attributes:
        name: the word after `--data`.
        summary: one line.
        source: `"package.module:Class"`, a subclass of `gantool.Source`, made from the data folder;
            for points a function without arguments that returns their truth, a `gantool.Mixture`.
        images: the number of images or points, all splits together.
        image_size: side in pixels to which images are prepared unless the options say otherwise;
            0 for points.
        channels: 1 (grey), 3 (RGB) or 4 (RGB with alpha); 0 for points.
        classes: number of labels; 0 where there are none.
        extractor: the feature extractor that suits these images: "digits", "clothes",
            "stacked-digits", "inception", or one that a plugin brings; empty for the usual one,
            "photos" in color and "inception" in gray.
        kind: what it is of: "images", or "points" in the plane.
        credit: whose the images are and under which licence, where that must be said.
    """

    name: str
    summary: str
    source: str
    images: int
    image_size: int = 0
    channels: int = 0
    classes: int = 0
    extractor: str = ""
    kind: Kind = "images"
    credit: str = ""

    def check(self) -> None:
        """Raise `InvalidSpecError` unless everything in this description can be used."""
        _check_name("data set", self.name)
        _check_implementation(f"data set {self.name!r}:", self.source)
        _check_kinds(f"data set {self.name!r}", (self.kind,))
        if self.kind == "points":
            return
        if self.channels not in (1, 3, 4):
            raise InvalidSpecError(
                f"data set {self.name!r}: channels must be 1, 3 or 4, not {self.channels!r}"
            )
        if self.image_size < 8:
            raise InvalidSpecError(f"data set {self.name!r}: image_size must be at least 8")


@dataclass(frozen=True, slots=True)
class ReaderSpec:
    """The description of a way in which images of one's own are kept in files.

    Attributes:
        name: of the way.
        summary: one line.
        suffixes: of the files, as `.zip`, in lower case.
        source: `"package.module:Class"`, a subclass of `gantool.Source`, as `gantool.OwnImages` and
            `gantool.Pictures`, made from a list of files.
        folders: whether a folder of such files is one set of images too.
    """

    name: str
    summary: str
    suffixes: tuple[str, ...]
    source: str
    folders: bool = False

    def check(self) -> None:
        """Raise `InvalidSpecError` unless everything in this description can be used."""
        _check_name("reader", self.name)
        _check_implementation(f"reader {self.name!r}:", self.source)
        wanted = isinstance(self.suffixes, tuple) and self.suffixes
        if not wanted or not all(re.fullmatch(r"(\.[a-z0-9_-]+)+", str(s)) for s in self.suffixes):
            raise InvalidSpecError(
                f"reader {self.name!r}: suffixes must be as ('.zip',), not {self.suffixes!r}"
            )


@dataclass(frozen=True, slots=True)
class PretrainedSpec:
    """The description of a trained generator, for `list-pretrained`.

    Attributes:
        name: the word after `pretrained:`, which stands for a run folder.
        summary: one line.
        folder: that of the run: `run.json`, `generator.safetensors` and what else there is of it.
            Nothing is written there.
        license: of the weights, and of the images that they were made from.
    """

    name: str
    summary: str
    folder: Path
    license: str = ""

    def check(self) -> None:
        """Raise `InvalidSpecError` unless everything in this description can be used."""
        _check_name("pretrained generator", self.name)
        if not isinstance(self.summary, str) or not self.summary.strip():
            raise InvalidSpecError(
                f"pretrained generator {self.name!r}: a summary of one line is missing"
            )
        if not isinstance(self.folder, Path) or not (self.folder / "run.json").is_file():
            raise InvalidSpecError(
                f"pretrained generator {self.name!r}: folder {str(self.folder)!r} has no run.json"
            )


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """The description of a score, for `list-metrics`.

    Attributes:
        name: its name in reports.
        summary: one line.
        better: the direction that is better.
        measure: `"package.module:function"`, a function of an `ImageSet` and an `Evaluation` that
            returns a mapping from names of scores to `Measured`; scores that are made together
            share one function.
        real: the split whose images are measured in place of samples to show what real images
            reach, beside what noise reaches; None where the score is not one of images.
        unit: of the value, where it has one.
        paper: author, year and address.
        kinds: what it is a score of: "images", "points" in the plane (the function then gets a
            `PointSet`), or both.
        kept: whether what real images and noise reach depends on their number, the data, the
            extractor, the labels asked for and the file of `measure` alone, so that it is kept on
            disk beside the prepared data.
        chooses: whether the best generator of a run may be chosen by it (`--keep-best`): not where
            noise does as well as real images do, or where it is a score of the whole run.
        on_request: whether it is computed only where it is asked for by name.
        group: the scores that a page shows it among: "fidelity", "diversity", "copying" or "2014";
            further ones unless given.
        ratio: whether variants are compared in it by the ratio of their values rather than by the
            difference, as is right for a distance above 0 whose spread grows with it.
    """

    name: str
    summary: str
    better: Literal["lower", "higher"]
    measure: str
    real: Literal["train", "validation", "test"] | None = "train"
    unit: str = ""
    paper: str = ""
    kinds: tuple[str, ...] = ("images",)
    kept: bool = False
    chooses: bool = True
    on_request: bool = False
    group: str = ""
    ratio: bool = False

    def check(self) -> None:
        """Raise `InvalidSpecError` unless everything in this description can be used."""
        _check_name("metric", self.name)
        _check_implementation(f"metric {self.name!r}:", self.measure)
        if not isinstance(self.summary, str) or not self.summary.strip():
            raise InvalidSpecError(f"metric {self.name!r}: a summary of one line is missing")
        if self.better not in ("lower", "higher"):
            raise InvalidSpecError(
                f"metric {self.name!r}: better must be 'lower' or 'higher', not {self.better!r}"
            )
        _check_kinds(f"metric {self.name!r}", self.kinds)
        if self.real not in ("train", "validation", "test", None):
            raise InvalidSpecError(
                f"metric {self.name!r}: real must be a split or None, not {self.real!r}"
            )
        if self.group not in SCORE_GROUPS:
            known = ", ".join(map(repr, SCORE_GROUPS))
            raise InvalidSpecError(
                f"metric {self.name!r}: group must be one of {known}, not {self.group!r}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A named piece that any model may be trained with.

    Attributes:
        name: the value of the option that chooses it.
        summary: one line.
        make: makes it; torch is imported inside.
        paper: author, year and where to find it.
    """

    name: str
    summary: str
    make: Callable[..., Any]
    paper: str = ""

    def check(self) -> None:
        """Raise `InvalidSpecError` unless everything in this description can be used."""
        kind = type(self).__name__.removesuffix("Spec").lower()
        _check_name(kind, self.name)
        if not isinstance(self.summary, str) or not self.summary.strip():
            raise InvalidSpecError(f"{kind} {self.name!r}: a summary of one line is missing")
        if not callable(self.make):
            raise InvalidSpecError(f"{kind} {self.name!r}: make must be a function")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveSpec(_Piece):
    """An objective for `--loss`; `make()` gives a `gantool.gan.objectives.Objective`.

    Attributes:
        formula: both losses, with r = D(x), f = D(G(z)) and sp = softplus.
    """

    formula: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PenaltySpec(_Piece):
    """A penalty for `--penalty`; `make()` gives a `gantool.gan.penalties.Penalty`.

    Attributes:
        formula: the term, with its weight w.
        weight: the usual one.
        real_gradients: whether the term differentiates at the real images of the batch.
        fake_gradients: whether it differentiates at the fakes of the batch.
    """

    formula: str = ""
    weight: float = 10.0
    real_gradients: bool = False
    fake_gradients: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentationSpec(_Piece):
    """An augmentation for `--augment`; `make(config)` gives a module from images to images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractorSpec(_Piece):
    """A feature extractor for `--extractor`.

    `make(data, weights=, cache=, device=)` gives a `gantool.evaluation.extractors.Extractor`.

    Attributes:
        weights: whether it takes a file of weights (`--weights`): "none", "optional", or "required"
            where it neither brings them nor downloads them.
        trained_on: names of the data sets whose training split it was trained on, which must then
            stay as it is: no `--split-seed`.
    """

    weights: Literal["none", "optional", "required"] = "none"
    trained_on: Sequence[str] = ()
