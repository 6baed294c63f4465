"""Defaults that follow the number of images, and what goes before them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Outcome

from gantool.data.batches import batch_size_for
from gantool.models.dcgan import SMALL_DATA, SMALL_DATA_OTHER_GAME, TUTORIAL, Config
from gantool.plugins.registry import load_registry
from gantool.plugins.spec import MANY_IMAGES

Cli = Callable[..., Outcome]


def settled(cli: Cli, *words: str | Path, **env: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The configuration of a run of dcgan on the 4,000 digits, and its sources."""
    outcome = cli("run", "dcgan", "--dry-run", "--json", *words, env=env)
    assert outcome.code == 0, outcome.err
    return outcome.json["config"], outcome.json["sources"]


def usual(config: dict[str, Any]) -> dict[str, Any]:
    return {key: config[key] for key in SMALL_DATA}


def test_little_data_has_defaults_of_its_own(cli: Cli) -> None:
    config, sources = settled(cli)
    assert usual(config) == SMALL_DATA
    assert {sources[key] for key in SMALL_DATA} == {"data"}
    changed = {key for key, source in sources.items() if source == "data"}
    assert changed == {*SMALL_DATA, "batch_size", "image_size", "channels"}


def test_whatever_is_said_goes_before_them(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "o.toml"
    file.write_text("ema = 0.5\n")
    words = ["--config", file, "--lr", "0.001"]
    config, sources = settled(cli, *words)
    assert (config["ema"], config["lr"]) == (0.5, 0.001)
    assert (sources["ema"], sources["lr"]) == (str(file), "command line")
    config, sources = settled(cli, GANTOOL_OPT_LR="0.003")
    assert (config["lr"], sources["lr"]) == (0.003, "environment")
    assert config["ema"] == SMALL_DATA["ema"]


@pytest.mark.parametrize("words", [["--loss", "hinge"], ["--penalty", "r1"], ["--spectral-norm"]])
def test_another_game_has_gentler_ones(cli: Cli, words: list[str]) -> None:
    config, sources = settled(cli, *words)
    assert {key: config[key] for key in SMALL_DATA_OTHER_GAME} == SMALL_DATA_OTHER_GAME
    assert {sources[key] for key in SMALL_DATA_OTHER_GAME} == {"data"}
    assert (config["beta2"], sources["beta2"]) == (0.999, "default")


@pytest.mark.parametrize("preset", ["paper", "tutorial"])
def test_a_preset_asks_for_the_models_own(cli: Cli, preset: str) -> None:
    words = ["--preset", preset]
    config, _ = settled(cli, *words)
    assert usual(config) == usual(Config().model_dump())


def test_the_tutorials_preset_is_its_own_to_the_letter(cli: Cli) -> None:
    config, sources = settled(cli, "--preset", "tutorial")
    own = Config(batch_size=128, image_size=28, channels=1, evaluate=config["evaluate"])
    defaults = own.model_dump(mode="json")
    assert config == defaults
    assert {key for key, source in sources.items() if source == "preset tutorial"} == {
        *TUTORIAL,
        "steps",
    }


def test_much_data_has_the_tutorials() -> None:
    spec = load_registry().model("dcgan")
    assert spec.defaults_on_images(MANY_IMAGES, Config()) == {}
    assert spec.defaults_on_images(MANY_IMAGES, Config(penalty="r1")) == {}
    assert spec.defaults_on_images(MANY_IMAGES - 1, Config()) == SMALL_DATA
    assert [batch_size_for(n) for n in (MANY_IMAGES - 1, MANY_IMAGES)] == [64, 128]


def test_a_run_on_points_has_those_of_points_alone(cli: Cli) -> None:
    pytest.importorskip("gantool_vanilla")
    words = ["--data", "ring", "--points", "1000", "--json"]
    outcome = cli("run", "vanilla", "--dry-run", *words)
    assert outcome.code == 0, outcome.err
    assert (outcome.json["config"]["lr"], outcome.json["config"]["ema"]) == (1e-3, 0)


def test_a_resumed_run_keeps_what_it_began_with(cli: Cli, finished_run: Path) -> None:
    record = json.loads((finished_run / "run.json").read_text())
    assert usual(record["config"]) == SMALL_DATA
    again, sources = settled(cli, "--config", finished_run / "run.json")
    assert usual(again) == SMALL_DATA
    assert "data" not in {sources[key] for key in SMALL_DATA}


def test_help_says_so(cli: Cli) -> None:
    shown = " ".join(cli("run", "dcgan", "--help").out.split())
    assert "On fewer than 32,000 training images the defaults are --" in shown
    assert "with another loss, penalty or spectral norm --lr" in shown
    assert "r = D(x), f = D(G(z)), sp(t) = log(1 + e^t), E: the mean" in shown


def test_help_names_only_choices_and_symbols_that_a_model_has(cli: Cli) -> None:
    pytest.importorskip("gantool_zoo")
    shown = " ".join(cli("run", "lsgan", "--help").out.split())
    assert "with another penalty or spectral norm the usual ones" in shown
    assert "r = D(x), f = D(G(z)), E: the mean" in shown
