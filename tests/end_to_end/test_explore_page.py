"""The page to play with a generator, in a real browser, against the real server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from probe_plugin import install_probes
from support import CHROMIUM, run_cli, served

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def opened(run: Path, env: dict[str, str] | None = None) -> Iterator[Page]:
    """The page of a run; it has said nothing on the console and asked its own server alone."""
    with served("explore", run, env) as address, sync_playwright() as playwright:
        assert address.startswith("http://127.0.0.1:")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        told: list[str] = []
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        asked: list[str] = []
        page.on("request", lambda made: asked.append(made.url))
        page.goto(address)
        page.wait_for_selector("html[data-ready]", timeout=20_000)
        yield page
        assert told == []
        assert [url for url in asked if not url.startswith((address, "data:"))] == []
        browser.close()


@pytest.fixture(params=["finished_run", "conditional"])
def page(request: pytest.FixtureRequest, tmp_path: Path, cli: Any) -> Iterator[Page]:
    """The page of a dcgan, and of a conditional run."""
    if request.param == "conditional":
        assert cli("run", "cgan", "--width", "4", "--steps", "5", "--name", "c").code == 0
        run = tmp_path / "experiments" / "c"
    else:
        run = request.getfixturevalue("finished_run")
    with opened(run) as page:
        yield page


def test_named_parts_have_sliders_and_choices(tmp_path: Path) -> None:
    env = install_probes(tmp_path / "site")
    done = run_cli("run", "probe-infogan", "--steps", "5", "--name", "i", cwd=tmp_path, env=env)
    assert done.code == 0, done.err
    with opened(tmp_path / "experiments" / "i", env) as page:
        assert page.locator("#cells button").count() == 24  # a column for each of three digits
        assert page.locator("#sliders span").all_text_contents() == [
            "noise.0",
            "noise.1",
            "noise.2",
            "noise.3",
        ]
        choice = page.locator("#code-digit")
        page.locator("#cells button").nth(1).click()
        expect(choice).to_have_value("1")
        cell = page.locator("#cells button:nth-child(3) img").get_attribute("src")
        assert cell
        expect(page.locator("#image")).not_to_have_attribute("src", cell)
        choice.select_option("2")
        # The third cell of the first row is the same noise with digit 2.
        expect(page.locator("#image")).to_have_attribute("src", cell)
        page.locator("#zero").click()
        expect(choice).to_have_value("2")
        expect(page.locator("#sliders output").first).to_have_text("0.00")
        page.locator("#random").click()
        expect(page.locator("#sliders output").first).not_to_have_text("0.00")


def test_sliders_interpolation_and_arithmetic(page: Page) -> None:
    cells = page.locator("#cells button")
    conditional = page.locator("#label-box").is_visible()
    assert cells.count() == (80 if conditional else 64)

    def source(locator: str) -> str:
        found = page.locator(locator).get_attribute("src")
        assert found
        return found

    # A click on a cell looks at it; a slider changes the image.
    cells.nth(20).click()
    expect(page.locator("#image")).to_have_attribute(
        "src", source("#cells button:nth-child(21) img")
    )
    before = source("#image")
    slider = page.locator("#sliders input").first
    slider.focus()
    page.keyboard.press("End")
    expect(page.locator("#image")).not_to_have_attribute("src", before)
    before = source("#image")
    page.locator("#random").click()
    expect(page.locator("#image")).not_to_have_attribute("src", before)
    page.locator("#page").select_option("1")
    expect(page.locator("#sliders span").first).to_have_text("z12")

    # The way between two picks.
    page.get_by_label("from", exact=True).check()
    cells.nth(3).click()
    page.get_by_label("to", exact=True).check()
    cells.nth(17).click()
    expect(page.locator("#between")).to_be_visible()
    middle = source("#between")
    page.locator("#position").focus()
    page.keyboard.press("Home")
    assert source("#between") != middle
    assert page.locator("#strip img").count() == 9
    if not conditional:
        assert source("#between") == source("#cells button:nth-child(4) img")

    # Arithmetic by clicking cells.
    for mode, picks in (("add", (1, 5)), ("subtract", (2,)), ("add again", (7,))):
        page.get_by_label(mode, exact=True).check()
        for cell in picks:
            cells.nth(cell).click()
    expect(page.locator("#expression")).to_have_text("mean(1, 5) - mean(2) + mean(7)")
    expect(page.locator("#sum img")).to_have_count(4)
    expect(page.locator("#image")).to_have_attribute("src", source("#result"))
    if conditional:
        before = source("#image")
        page.locator("#label").select_option("7")
        expect(page.locator("#image")).not_to_have_attribute("src", before)
    page.locator("#clear").click()
    expect(page.locator("#sum img")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1300


def test_points_are_one_picture(tmp_path: Path, cli: Any) -> None:
    words = ["--data", "ring", "--points", "2000", "--steps", "20", "--lr", "1e-4", "--name", "c"]
    assert cli("run", "cgan", *words).code == 0
    with opened(tmp_path / "experiments" / "c") as page:
        assert not page.locator("#cells").is_visible()
        assert not page.locator("#sum").is_visible()
        scatter = page.locator("#scatter")

        def changes(act: Any) -> None:
            before = scatter.get_attribute("src")
            assert before
            act()
            expect(scatter).not_to_have_attribute("src", before)

        page.locator("#sliders input").first.focus()
        changes(lambda: page.keyboard.press("End"))
        changes(lambda: page.locator("#others").click())
        changes(lambda: page.locator("#count").select_option("128"))
        changes(lambda: page.locator("#label").select_option("5"))
