"""No name stands in two lists: where one cannot be derived from the other, they are held equal."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from made_runs import make_run
from pydantic import Field

from gantool import cli
from gantool.config import (
    CHOICES,
    INCIDENTAL,
    RESERVED,
    RUN_ONLY,
    GANConfig,
    TrainConfig,
    choices_of,
    incidental_of,
)
from gantool.plugins.registry import CORE_COMMANDS, TRACKERS, load_registry
from gantool.plugins.spec import ModelSpec
from gantool.report import columns, page, tables
from gantool.report.columns import COLUMNS, Column
from gantool.report.compare import compare
from gantool.report.load import read_runs


def test_the_core_commands_are_those_of_the_command_line() -> None:
    assert set(typer.main.get_group(cli.app).commands) == CORE_COMMANDS


def test_choices_are_what_is_registered() -> None:
    registry = load_registry()
    assert set(CHOICES["loss"]) == set(registry.objectives)
    assert set(CHOICES["extractor"]) == set(registry.extractors)
    assert set(CHOICES["keep_best"]) == {
        name for name, spec in registry.metrics.items() if spec.chooses
    }
    assert "none" in choices_of("penalty")
    assert set(CHOICES["track"]) == set(registry.trackers)


def test_the_trackers_beside_gantool_are_known_where_they_are_not_installed() -> None:
    plugins = Path(__file__).parent.parent / "plugins"
    found = {}
    for file in plugins.glob("*/pyproject.toml"):
        project = tomllib.loads(file.read_text())["project"]
        for name, package in project["entry-points"]["gantool"].items():
            source = file.parent / package.replace(".", "/") / "__init__.py"
            if source.is_file() and "def track(" in source.read_text():
                found[name] = project["name"]
    assert found == TRACKERS


def test_options_that_make_no_variant_say_so_themselves() -> None:
    assert {
        *("seed", "data_dir", "device", "threads", "deterministic", "compile"),
        *("sheet_every", "checkpoint_every", "keep_generators_every"),
        *("evaluate", "evaluate_every", "evaluation_samples", "extractor", "weights"),
        *("keep_best", "track", "split_seed"),
    } == INCIDENTAL

    class Own(GANConfig):
        verbose: int = Field(0, description="lines a step", json_schema_extra=RUN_ONLY)
        width: int = Field(64, description="channels")
        seed: int = 7  # another default is the same option still

    assert set(incidental_of(Own)) == INCIDENTAL | {"verbose"}


def test_an_option_of_a_plugin_that_makes_no_variant_splits_none(tmp_path: Path) -> None:
    for i in range(2):
        make_run(tmp_path / f"{i}", seed=i, config={"verbose": i}, incidental=["verbose"])
    assert len(compare(read_runs([tmp_path]).runs).variants) == 1


def test_reserved_names_are_no_options() -> None:
    assert not RESERVED & set(GANConfig.model_fields)
    assert "seeds" in RESERVED


def test_a_column_is_declared_once_and_appears_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new entry reaches JSON, CSV, the terminal and the page, and the page's footer counts it."""
    new = columns.Column(
        key="square",
        heading="steps squared",
        of_run=lambda run: run.record.steps**2,
        places=frozenset({"terminal", "variants", "runs"}),
    )
    for module in ("columns", "compare", "tables"):
        monkeypatch.setattr(f"gantool.report.{module}.COLUMNS", (*COLUMNS, new))
    make_run(tmp_path / "a", scores={"frechet-distance": 5.0})
    runs = read_runs([tmp_path]).runs
    result = compare(runs)
    assert result.model_dump()["runs"][0]["square"] == 10_000
    assert result.model_dump()["variants"][0]["square"] == 10_000
    assert "square" in tables.as_csv(result).splitlines()[0]
    assert "steps squared" in tables.headline(result)[0]
    html = page.render(result, runs, title="t")
    assert html.count("steps squared") == 2
    head = html.split('<table id="variants"')[1].split("</thead>")[0]
    body = html.split('<table id="variants"')[1].split("<tfoot>")[1].split("</tr>")[0]
    spans = [int(part.split('"')[0]) for part in body.split('colspan="')[1:]]
    assert head.count("<th ") == 1 + sum(spans) + len(result.columns)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.key)
def test_every_column_is_shown_somewhere(column: Column) -> None:
    assert column.places


def test_a_models_group_follows_from_what_it_is_unless_it_says() -> None:
    def heading(config: type[TrainConfig], **given: Any) -> str:
        return ModelSpec("x", "a test", "a.b:C", config=config, **given).heading

    assert heading(GANConfig) == "GANs"
    assert heading(GANConfig, needs_labels=True) == "GANs that take labels"
    assert heading(TrainConfig) == "models without a discriminator"
    assert heading(TrainConfig, group="flows") == "flows"
