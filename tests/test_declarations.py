"""The packages' descriptions agree: one version, one licence, one list of plugins."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from gantool._version import __version__

ROOT = Path(__file__).parent.parent
PLUGINS = sorted(file.parent for file in ROOT.glob("plugins/*/pyproject.toml"))


def described(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda folder: folder.name)
def test_a_plugin_has_gantools_version_and_licence(plugin: Path) -> None:
    said = described(plugin)
    assert "version" not in said["project"]
    assert said["tool"]["hatch"]["version"]["path"] == "../../gantool/_version.py"
    assert (plugin / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert "LICENSE" in said["project"]["license-files"]


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda folder: folder.name)
def test_a_plugin_is_for_this_minor_version(plugin: Path) -> None:
    """What is promised before 1.0: plugins work with every patch of the minor version."""
    wanted = map(Requirement, described(plugin)["project"]["dependencies"])
    (gantool,) = (each.specifier for each in wanted if each.name == "gantool")
    major, minor, _ = Version(__version__).release
    assert gantool.contains(f"{major}.{minor}.0") and gantool.contains(f"{major}.{minor}.99")
    assert not gantool.contains(f"{major}.{minor + 1}.0")


def test_the_citation_has_the_version() -> None:
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_all_names_every_plugin() -> None:
    extras = described(ROOT)["project"]["optional-dependencies"]
    assert extras["all"][1:] == [described(plugin)["project"]["name"] for plugin in PLUGINS]


def test_constraints_have_and_suit_what_is_asked_for() -> None:
    lines = re.findall(r"^(.+)==(.+)$", (ROOT / "constraints.txt").read_text(), re.M)
    tested = dict(lines)
    asked = []
    for folder in (ROOT, *PLUGINS):
        project = described(folder)["project"]
        asked += project["dependencies"]
        if folder == ROOT:
            for extra in project["optional-dependencies"].values():
                asked += extra
    for requirement in map(Requirement, asked):
        name = canonicalize_name(requirement.name)
        if not name.startswith("gantool"):
            assert name in tested, f"run: python tools/make_constraints.py ({name} is missing)"
            assert requirement.specifier.contains(tested[name], prereleases=True), name
