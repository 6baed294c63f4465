"""Pages with everything in them: moved alone to another place, they lose nothing."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from made_runs import make_run
from playwright.sync_api import sync_playwright
from support import CHROMIUM, Cli

_ODD = "rings & <b>'\"x"
_STEPS = range(0, 101, 4)  # more sample grids than a page has room for otherwise


def make_runs(where: Path) -> Path:
    """A variant of two seeds on each of two data sets."""
    for data in ("mnist5k", _ODD):
        for seed in range(2):
            run = make_run(
                where / f"{data[:5]}-{seed}",
                seed=seed,
                scores={"frechet-distance": 5.0 + seed},
                sample_grids=_STEPS,
            )
            record = json.loads((run / "run.json").read_text())
            record["data"] |= {"name": data, "fingerprint": data[0] * 64}
            (run / "run.json").write_text(json.dumps(record))
    return where


def grids_in(page: str) -> int:
    return page.count('"picture"') + page.count("&#34;picture&#34;")


def test_embedded_pages_name_no_other_file_and_hold_every_grid(cli: Cli, tmp_path: Path) -> None:
    runs = make_runs(tmp_path / "experiments")
    done = cli("compare", runs, "--embed", "--output", "all")
    assert done.code == 0, done.err
    assert "needs no other file" in done.out
    page = (tmp_path / "all" / "index.html").read_text()
    assert grids_in(page) == 4 * len(_STEPS)
    links = re.findall(r'(?:href|src)=(?:"|&#34;)([^"#]+?)(?:"|&#34;)', page)
    assert {link.partition(",")[0].partition(";")[0] for link in links} <= {
        "data:",
        "data:image/png",
    }
    refused = cli("compare", runs, "--embed", "--json")
    assert refused.code == 2
    assert "--embed is for a page that is written once" in refused.err


def test_a_report_has_the_grids_of_all_steps_if_asked(cli: Cli, tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", sample_grids=_STEPS)
    assert cli("report", run, "--embed").code == 0
    assert grids_in((run / "report.html").read_text()) == len(_STEPS)


@pytest.mark.slow
def test_a_page_that_is_moved_alone_to_an_empty_folder_loses_nothing(
    cli: Cli, tmp_path: Path
) -> None:
    assert CHROMIUM, "install chromium: the pages are tested in a real browser"
    assert cli("compare", make_runs(tmp_path / "runs"), "--embed", "--output", "all").code == 0
    alone = tmp_path / "alone" / "page.html"
    alone.parent.mkdir()
    shutil.move(tmp_path / "all" / "index.html", alone)
    shutil.rmtree(tmp_path / "runs")
    shutil.rmtree(tmp_path / "all")
    told: list[str] = []
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"file://{alone}")
        for number, data in enumerate(("mnist5k", _ODD)):
            page.locator("details > summary").nth(number).press("Enter")  # by keyboard
            inner = page.locator("iframe").nth(number)
            assert inner.get_attribute("title") == data
            frame = page.frame_locator("iframe").nth(number)
            frame.locator("html[data-ready]").wait_for(timeout=20_000)
            assert frame.locator("h1").inner_text().startswith("1 variant on " + data)
            slider = frame.locator("#when")
            assert slider.get_attribute("max") == str(len(_STEPS) - 1)
            shown = set()
            slider.focus()
            slider.press("Home")
            for _ in _STEPS:
                shown.add(frame.locator("#sheets figure:not(.real) img").first.get_attribute("src"))
                slider.press("ArrowRight")
            assert len(shown) == len(_STEPS)
        browser.close()
    assert told == []
    assert [url for url in asked if not url.startswith("data:")] == [f"file://{alone}"]
