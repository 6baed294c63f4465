from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_options_page_is_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location(
        "make_options", ROOT / "tools" / "make_options.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.render() == (ROOT / "docs" / "options.md").read_text(), (
        "run: python tools/make_options.py"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_contributing_names_every_dependency() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for requirement in wanted:
        name = re.split(r"[><=\[]", requirement)[0]
        assert re.search(rf"\b{name}\b", text), name


def test_every_flag_in_the_readme_exists() -> None:
    from gantool.config import options_of
    from gantool.plugins.registry import load_registry

    known = {"--help", "--dry-run", "--seeds", "--config", "--preset"}
    for spec in load_registry().models.values():
        known |= {option.flag for option in options_of(spec.config)}
    for line in (ROOT / "README.md").read_text().splitlines():
        if re.match(r"(\.venv/bin/)?gantool run|python3 -m venv.*gantool run", line):
            for flag in re.findall(r"(?<=\s)--[a-z-]+", line.split("gantool run")[1]):
                assert flag in known, flag
