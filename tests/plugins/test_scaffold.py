"""The files of `gantool new-plugin`; that they install and work is tested end to end."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from support import Cli

import gantool.plugins
from gantool._version import __version__
from gantool.errors import ConfigError
from gantool.plugins.registry import CORE_COMMANDS, Registry
from gantool.plugins.scaffold import PLUGIN_KINDS, write_plugin

TEMPLATES = Path(gantool.plugins.__path__[0]) / "templates"
# A name of each piece that gantool has itself, or its plugin beside it.
TAKEN = {"model": "dcgan", "metric": "coverage", "data set": "mnist5k", "tracker": "tensorboard"}


@pytest.mark.parametrize("kind", PLUGIN_KINDS)
def test_a_new_plugin_is_written_whole(kind: str, tmp_path: Path) -> None:
    written = write_plugin("my-own", tmp_path, kind=kind)
    module = PLUGIN_KINDS[kind].file
    folder = tmp_path / "gantool-my-own"
    assert written.folder == folder
    assert written.edit == folder / "gantool_my_own" / module
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert files == {
        "README.md",
        "pyproject.toml",
        "gantool_my_own/__init__.py",
        f"gantool_my_own/{module}",
        f"tests/test_{module}",
    }
    for file in files:
        text = (folder / file).read_text()
        assert "$" not in text, file
        if file.endswith(".py"):
            compile(text, file, "exec")
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["gantool"] == {"my-own": "gantool_my_own"}


@pytest.mark.parametrize("kind", PLUGIN_KINDS)
def test_a_new_plugin_asks_for_what_it_imports(kind: str, tmp_path: Path) -> None:
    folder = write_plugin("my-own", tmp_path, kind=kind).folder
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    asked = {r.name: r.specifier for r in map(Requirement, project["dependencies"])}
    version = Version(__version__)
    assert asked["gantool"].contains(version)
    assert not asked["gantool"].contains(f"{version.major}.{version.minor + 1}.0")
    imported = {
        name
        for file in folder.glob("gantool_my_own/*.py")
        for name in re.findall(r"^ *(?:import|from) (\w+)", file.read_text(), re.M)
    }
    own = {*sys.stdlib_module_names, "gantool_my_own"}
    assert asked.keys() == {{"PIL": "pillow"}.get(name, name) for name in imported - own}


@pytest.mark.parametrize("kind", PLUGIN_KINDS)
def test_a_new_plugin_has_a_place_for_its_paper_and_names_the_guide(
    kind: str, tmp_path: Path
) -> None:
    folder = write_plugin("my-own", tmp_path, kind=kind).folder
    assert "docs/plugins.md" in (folder / "README.md").read_text()
    if PLUGIN_KINDS[kind].piece == "model":
        assert "paper=" in (folder / "gantool_my_own" / "__init__.py").read_text()


def test_every_kind_has_its_templates() -> None:
    files = TEMPLATES.rglob("*.template")
    folders = {file.relative_to(TEMPLATES).parts[0] for file in files}
    assert folders == {"common", *PLUGIN_KINDS}


@pytest.mark.parametrize("kind", PLUGIN_KINDS)
def test_the_next_commands_fit_the_kind(kind: str, tmp_path: Path, cli: Cli) -> None:
    outcome = cli("new-plugin", "my-own", "--kind", kind)
    assert outcome.code == 0, outcome.err
    _, *commands = [line.split() for line in outcome.out.splitlines() if line.startswith("  ")]
    assert {program for program, *_ in commands} == {"gantool"}
    assert {command for _, command, *_ in commands} <= CORE_COMMANDS
    assert any("my-own" in word for command in commands for word in command)
    readme = (tmp_path / "gantool-my-own" / "README.md").read_text()
    assert all(" ".join(command) in readme for command in commands)


def test_kinds_are_in_the_help_and_in_the_page_for_authors(cli: Cli) -> None:
    shown = " ".join(cli("new-plugin", "--help", env={"COLUMNS": "300"}).out.split())
    page = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()
    for kind, its in PLUGIN_KINDS.items():
        assert f"{kind}: {its.summary}" in shown
        assert f"| `{kind}` | {its.summary} |" in page


@pytest.mark.parametrize("name", ["My", "a b", "../x", "x-", "a--b", "none", ""])
def test_new_plugin_refuses_names(tmp_path: Path, cli: Cli, name: str) -> None:
    outcome = cli("new-plugin", name)
    assert outcome.code == 2, outcome.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", PLUGIN_KINDS)
def test_a_name_is_refused_where_such_a_piece_has_it(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("gantool_tensorboard")
    piece = PLUGIN_KINDS[kind].piece
    with pytest.raises(ConfigError, match=f"there is a {piece} '{TAKEN[piece]}' already"):
        write_plugin(TAKEN[piece], tmp_path, kind=kind)
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_another_kind_of_piece_is_free(tmp_path: Path) -> None:
    assert write_plugin("mnist5k", tmp_path, kind="gan").folder.is_dir()


def test_a_plugin_that_is_installed_is_not_replaced(tmp_path: Path) -> None:
    pytest.importorskip("gantool_zoo")
    with pytest.raises(ConfigError, match="gantool-zoo is installed already"):
        write_plugin("zoo", tmp_path, kind="metric")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "kind"), [("image", "dataset"), ("f", "conditional")])
def test_a_class_cannot_be_named_as_what_its_code_uses(
    name: str, kind: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="has a use for already"):
        write_plugin(name, tmp_path, kind=kind)
    assert list(tmp_path.iterdir()) == []
    assert write_plugin(name, tmp_path, kind="tracker").folder.is_dir()
    assert write_plugin("discs", tmp_path, kind="dataset").folder.is_dir()


def test_a_misspelt_kind_is_answered_with_the_nearest(tmp_path: Path, cli: Cli) -> None:
    outcome = cli("new-plugin", "x", "--kind", "metrik")
    assert outcome.code == 2
    assert "no kind of plugin 'metrik'. Did you mean 'metric'?" in outcome.err
    assert ", ".join(PLUGIN_KINDS) in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_the_registry_has_what_kinds_look_names_up_in() -> None:
    assert {kind.registry for kind in PLUGIN_KINDS.values()} <= set(Registry.__dataclass_fields__)


def test_a_folder_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "gantool-my-own").mkdir()
    with pytest.raises(ConfigError, match="exists already"):
        write_plugin("my-own", tmp_path)
    assert list((tmp_path / "gantool-my-own").iterdir()) == []
