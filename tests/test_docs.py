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


def test_the_page_of_commands_is_what_the_code_says() -> None:
    from make_commands import render

    assert render() == (ROOT / "docs" / "commands.md").read_text(), (
        "run: python tools/make_commands.py"
    )


def test_the_page_of_python_lists_every_public_name_once() -> None:
    import gantool

    listed = re.findall(r"^- `(\w+)`: ", (ROOT / "docs" / "api.md").read_text(), re.M)
    assert sorted([*listed, "__version__"]) == sorted(gantool.__all__)


def test_the_front_page_leads_to_every_page() -> None:
    front = (ROOT / "docs" / "index.md").read_text()
    for page in (ROOT / "docs").iterdir():
        if page.suffix in (".md", ".ipynb") and page.name != "index.md":
            assert f"]({page.name})" in front, page.name
