"""The pages by axe-core in a real browser: nothing serious for those who see or click otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from made_runs import make_run
from playwright.sync_api import Page
from support import picture, run_cli, served

pytestmark = pytest.mark.slow
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


def opened(browser: Any, address: Path | str, scheme: str) -> Page:
    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme=scheme)
    page: Page = context.new_page()
    page.goto(f"file://{address}" if isinstance(address, Path) else address)
    page.wait_for_selector("html[data-ready]", timeout=20_000)
    return page


def faults(page: Page) -> list[str]:
    """What axe finds with everything unfolded."""
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    page.wait_for_timeout(300)
    found = Axe().run(page).response["violations"]
    return [f"{one['impact']} {one['id']}: {one['nodes'][0]['html']}" for one in found]


@SCHEMES
def test_a_comparison(browser: Any, tmp_path: Path, scheme: str) -> None:
    for number in range(12):
        make_run(
            tmp_path / "experiments" / f"r{number}",
            model=("dcgan", "cgan")[number % 2],
            seed=number // 4,
            config={"lr": (1e-4, 1e-3)[number // 2 % 2]},
            scores={"frechet-distance": 5.0 + number, "recall": 0.1, "parzen": 10.0 + number % 5},
            score_steps=(50, 100),
        )
    done = run_cli("compare", tmp_path / "experiments", cwd=tmp_path)
    assert done.code == 0, done.err
    page = opened(browser, tmp_path / "comparison" / "index.html", scheme)
    assert faults(page) == []
    page.locator("#group").select_option(label="lr")
    page.locator("#legend button").nth(2).click()  # a hidden group
    page.locator("#legend .pin").first.click()
    page.locator("#facets input").first.check()
    assert faults(page) == []


@SCHEMES
def test_a_run(browser: Any, finished_run: Path, scheme: str) -> None:
    assert faults(opened(browser, finished_run / "report.html", scheme)) == []


@SCHEMES
def test_an_inspection(browser: Any, tmp_path: Path, scheme: str) -> None:
    for i in range(12):
        picture(tmp_path / "x" / "ab"[i % 2] / f"{i}.png", (40, 20), "RGB", seed=i)
    done = run_cli("inspect", "x", "--image-size", "16", cwd=tmp_path)
    assert done.code == 0, done.err
    assert faults(opened(browser, tmp_path / "inspect-x.html", scheme)) == []


@SCHEMES
def test_the_page_of_a_generator(browser: Any, finished_run: Path, scheme: str) -> None:
    with served("explore", finished_run) as address:
        page = opened(browser, address, scheme)
        for mode, cell in (("from", 0), ("to", 1), ("plus", 2)):
            page.locator(f"input[value={mode}]").check()
            page.locator("#cells button").nth(cell).click()
        assert faults(page) == []
