from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, ValidationError

from gantool.config import (
    RENAMED,
    GANConfig,
    Resolved,
    TrainConfig,
    incompatibilities,
    options_of,
    parse_size,
    resolve,
    spell_size,
)
from gantool.errors import ConfigError
from gantool.plugins.registry import load_registry
from gantool.runs.records import RunRecord


class Config(GANConfig):
    lr: float = 1e-3
    width: int = Field(64, ge=1, description="channels")


PRESETS = {"paper": {"lr": 0.5, "steps": 7}}


def get(**options: Any) -> Resolved:
    return resolve(
        Config, model="m", presets=PRESETS, environment=options.pop("environment", {}), **options
    )


def test_precedence(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("lr = 0.4\nwidth = 3\nnz = 9")
    assert get().config.lr == 1e-3
    assert get(preset="paper").config.lr == 0.5
    assert get(preset="paper", file=file).config.lr == 0.4
    environment = {"GANTOOL_OPT_LR": "0.3", "GANTOOL_OPT_NZ": "5"}
    assert get(preset="paper", file=file, environment=environment).config.lr == 0.3
    found = get(preset="paper", file=file, environment=environment, flags={"lr": 0.2})
    assert found.config.lr == 0.2
    assert found.sources["lr"] == "command line"
    assert found.sources["nz"] == "environment"
    assert found.sources["width"] == str(file)
    assert found.sources["steps"] == "preset paper"
    assert found.sources["seed"] == "default"


def test_steps_in_a_layer_replace_epochs_below_and_the_other_way_round() -> None:
    assert (get().config.epochs, get().config.steps) == (5, None)
    paper = get(preset="paper").config
    assert (paper.epochs, paper.steps) == (None, 7)
    flags = get(preset="paper", flags={"epochs": 2}).config
    assert (flags.epochs, flags.steps) == (2, None)
    with pytest.raises(ConfigError, match="one of the two"):
        get(flags={"epochs": 2, "steps": 3})


def test_a_budget_alone_replaces_the_default_of_the_other() -> None:
    assert (Config(steps=3).steps, Config(steps=3).epochs) == (3, None)
    assert (Config(epochs=2).steps, Config(epochs=2).epochs) == (None, 2)


def test_a_plain_default_in_a_subclass_keeps_description_type_and_bounds() -> None:
    options = {option.key: option for option in options_of(Config, "m")}
    assert options["lr"].description == {o.key: o for o in options_of(GANConfig)}["lr"].description
    assert options["lr"].field.default == 1e-3
    assert options["lr"].heading == "Optimiser"
    assert options["width"].heading == "Options of m"
    with pytest.raises(ConfigError, match="greater than 0"):
        get(flags={"lr": -1})
    assert GANConfig().lr == 2e-4


def test_fixed_options_are_none_and_an_outsider_has_no_game() -> None:
    class OwnGame(GANConfig):
        fixed = ("loss", "penalty")
        loss: str = "hinge"
        lr: float = 1e-3

    class Deeper(OwnGame):
        lr: float = 1e-2

    for config in (OwnGame, Deeper):
        assert "loss" not in config.model_fields
        assert "loss" not in config().model_dump()
        assert (config().loss, config().penalty) == ("hinge", "none")
        with pytest.raises(ValidationError, match="loss"):
            config(loss="least-squares")
        with pytest.raises(ValidationError, match="lr"):
            config(lr=-1)
        assert "loss" not in {option.key for option in options_of(config)}
    assert "loss" in GANConfig.model_fields
    assert GANConfig(loss="hinge").loss == "hinge"
    assert set(GANConfig.model_fields) - set(TrainConfig.model_fields) == {
        option.key for option in options_of(GANConfig) if option.heading == "Game"
    }
    with pytest.raises(ValidationError, match="penalty"):
        TrainConfig(penalty="gp")


@pytest.mark.parametrize(
    ("given", "size", "kept"),
    [
        (64, (64, 64), 64),
        ("64", (64, 64), 64),
        ("64x64", (64, 64), 64),
        ("48x64", (48, 64), "48x64"),
        ("1024x8", (1024, 8), "1024x8"),
    ],
)
def test_an_image_size_is_a_side_or_height_and_width(
    given: int | str, size: tuple[int, int], kept: int | str
) -> None:
    value = Config(image_size=given).image_size
    assert value == kept
    assert type(value) is type(kept)
    assert parse_size(kept) == size
    assert spell_size(size) == kept


def test_a_file_has_a_size_as_the_command_line(tmp_path: Path) -> None:
    for text, size in (('"48x64"', "48x64"), ("48", 48), ('"48x48"', 48)):
        file = tmp_path / "a.toml"
        file.write_text(f"image_size = {text}")
        assert get(file=file).config.image_size == size
    assert get(environment={"GANTOOL_OPT_IMAGE_SIZE": "48x64"}).config.image_size == "48x64"
    made = {option.key: option.makes_variant for option in options_of(Config)}
    assert made["image_size"] and made["fit"] and made["flip"]


@pytest.mark.parametrize(
    "given", ["48x", "x48", "48x64x3", "7x64", "64x1025", "-64", "", 6.5, True]
)
def test_other_image_sizes_are_refused(given: Any) -> None:
    with pytest.raises(ConfigError, match="--image-size"):
        get(flags={"image_size": given})


@pytest.mark.parametrize(
    "flags, said",
    [
        (
            {"image_size": 7},
            [
                "--image-size = 7",
                "command line",
                "a side has 8 to 1024 pixels",
                "side of square images",
            ],
        ),
        ({"lr": float("nan")}, ["--lr"]),
        ({"batch_size": 0}, ["--batch-size"]),
        ({"epochs": -1}, ["--epochs"]),
        ({"nz": 10**9}, ["--nz"]),
        ({"seed": -1}, ["--seed"]),
        ({"wdith": 1}, ["unknown option 'wdith'", "'width'"]),
    ],
)
def test_invalid_values_name_option_source_and_meaning(
    flags: dict[str, Any], said: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        get(flags=flags)
    for words in said:
        assert words in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "content, said",
    [
        ("lr = true", "not switched on or off"),
        ("lr = 'fast'", "--lr = 'fast'"),
        ("leraning_rate = 1", "'leraning_rate' is not known"),
        ("epoch = 3", "Did you mean 'epochs'"),
        ("[train]\nlr = 1", "no tables"),
        ("lr = ", "not valid TOML"),
        ("lr = 1\nlr = 2", "not valid TOML"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "a.toml").write_text(content)
    with pytest.raises(ConfigError) as caught:
        get(file=tmp_path / "a.toml")
    assert said in str(caught.value)


def test_a_missing_or_binary_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        get(file=tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(ConfigError, match="not valid"):
        get(file=tmp_path / "b.toml")


def test_run_json_is_a_configuration_of_its_own_model_only(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(
        json.dumps(
            {"model": "m", "config": Config(lr=0.25, epochs=None, steps=3).model_dump(mode="json")}
        )
    )
    config = get(file=file).config
    assert (config.lr, config.epochs, config.steps) == (0.25, None, 3)
    file.write_text(json.dumps({"model": "other", "config": {}}))
    with pytest.raises(ConfigError, match="'other', not of 'm'"):
        get(file=file)
    file.write_text("[]")
    with pytest.raises(ConfigError, match=r"not the run\.json"):
        get(file=file)


def test_options_by_older_names_are_those_of_today(tmp_path: Path) -> None:
    toml = tmp_path / "a.toml"
    toml.write_text("inception_weights = 'w.pth'")
    assert get(file=toml).config.weights == Path("w.pth")
    older = {"inception_weights": "w.pth", "data": "mnist5k"}
    record = RunRecord(name="a", model="m", status="finished", config=older, sources=older)
    assert record.config == record.sources == {"weights": "w.pth", "data": "mnist5k"}
    assert set(RENAMED.values()) <= set(Config.model_fields)
    assert not set(RENAMED) & set(Config.model_fields)


def test_unknown_preset_and_environment() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'paper'"):
        get(preset="papper")
    (warning,) = get(environment={"GANTOOL_OPT_EPOCH": "3"}).warnings
    assert "'epochs'" in warning


@pytest.mark.parametrize(
    "flags, reason",
    [
        ({"loss": "wasserstein"}, "bounded slope"),
        ({"optimizer": "rmsprop", "final_momentum": 0.7}, "give --momentum"),
        ({"clip": 0.01}, "serves loss 'wasserstein' only"),
        ({"loss": "wasserstein", "clip": 0.01, "penalty": "gp"}, "clip and penalty"),
        ({"loss": "wasserstein", "clip": 0.01, "spectral_norm": True}, "clip and spectral_norm"),
        ({"penalty_weight": 3.0}, "without a penalty"),
        ({"update": "simultaneous", "discriminator_steps": 2}, "discriminator_steps must be 1"),
        ({"update": "simultaneous", "generator_batch": "fresh"}, "must be 'reuse'"),
        ({"compile": True, "penalty": "r1"}, "no second derivatives"),
    ],
)
def test_senseless_combinations_are_refused_with_the_reason(
    flags: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        get(flags=flags)
    assert reason in str(caught.value)


class Fixed(GANConfig):
    fixed = ("loss", "penalty", "clip", "augment")
    loss: str = "least-squares"


def test_an_option_that_a_model_fixes_is_refused_with_the_value_that_it_states(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.toml").write_text('loss = "hinge"')
    for given in ({"flags": {"loss": "hinge"}}, {"file": tmp_path / "a.toml"}):
        with pytest.raises(ConfigError) as caught:
            resolve(Fixed, model="m", environment={}, **given)
        assert str(caught.value) == "m fixes the loss: least-squares.\nLeave --loss out."
    with pytest.raises(ConfigError, match="m fixes the clip: its own game has no use"):
        resolve(Fixed, model="m", environment={}, flags={"clip": 0.1})
    with pytest.raises(ConfigError, match="unknown option 'wdith'"):
        resolve(Fixed, model="m", environment={}, flags={"wdith": 1})


def test_the_weight_of_no_penalty_and_the_pace_of_no_augmentation_are_no_options() -> None:
    assert not {"penalty_weight", "ada_images"} & Fixed.model_fields.keys()
    assert (Fixed().penalty_weight, Fixed().ada_images) == (None, 500_000)
    with pytest.raises(ConfigError, match="m fixes the penalty weight"):
        resolve(Fixed, model="m", environment={}, flags={"penalty_weight": 3.0})

    class Weighed(GANConfig):
        fixed = ("penalty",)
        penalty: str = "gp"

    config = resolve(Weighed, model="m", environment={}, flags={"penalty_weight": 3.0}).config
    assert getattr(config, "penalty_weight") == 3.0  # noqa: B009


def test_a_model_may_bound_its_critic_itself() -> None:
    class Bounded(GANConfig):
        bounds_slope = True
        loss: str = "wasserstein"

    assert Bounded().loss == "wasserstein"
    assert Bounded(clip=0.1).clip == 0.1
    with pytest.raises(ValidationError, match="bounded slope"):
        GANConfig(loss="wasserstein")


def test_every_refusal_above_is_every_refusal_there_is() -> None:
    assert len(list(incompatibilities(GANConfig()))) == 7


def test_every_option_of_every_model_has_a_description() -> None:
    for spec in load_registry().models.values():
        for option in options_of(spec.config, spec.name):
            assert option.description, (spec.name, option.key)
