"""The documentation site: made strictly and offline, and read in a real browser."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs", ".", folder]
    # A proxy that is not there: whoever asks the network fails.
    nowhere = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, **nowhere}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


class Links(HTMLParser):
    """Addresses that a page leads to, those that it loads, and its anchors."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.loads: list[str] = []
        self.anchors = {""}
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        self.anchors |= {values.get("id", ""), values.get("name", "")}
        if tag == "a" and "href" in values:
            self.leads.append(values["href"])
        elif tag == "link":
            self.loads.append(values["href"])
        elif "src" in values:
            self.loads.append(values["src"])


@cache
def links_of(page: Path) -> Links:
    return Links(page)


def test_every_link_and_anchor_of_the_site_leads_somewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        found = links_of(page)
        for address in [*found.leads, *found.loads]:
            parts = urlsplit(address)
            if parts.scheme == "data" or (parts.scheme and address in found.leads):
                continue
            assert not parts.scheme and not parts.netloc, f"{page.name} loads {address}"
            target = (page.parent / unquote(parts.path)) if parts.path else page
            assert target.exists(), f"{page.name} leads to {address}"
            if target.suffix == ".html":
                anchors = links_of(target.resolve()).anchors
                assert unquote(parts.fragment) in anchors, f"{page.name} leads to {address}"


@pytest.fixture(params=[(1400, "light"), (1400, "dark"), (400, "light"), (400, "dark")], ids=str)
def watched(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    context.close()


def test_every_page_opens_quietly_and_is_no_wider_than_the_window(site: Path, watched: Any) -> None:
    for file in sorted(set(site.rglob("*.html")) - {site / "index.html"}):
        watched.goto(f"file://{file}")
        watched.wait_for_load_state("load")
        width = watched.viewport_size["width"]
        assert watched.evaluate("document.documentElement.scrollWidth") <= width, file.name
        broken = "[...document.images].filter(i => i.complete && !i.naturalWidth).length"
        assert watched.evaluate(broken) == 0, file.name


def test_the_top_leads_to_the_front_page_and_search_finds_a_word(site: Path, watched: Any) -> None:
    watched.goto(f"file://{site / 'index.html'}")
    watched.wait_for_url("**/docs/index.html")
    headings = watched.locator("article h2").all_inner_texts()
    assert [text.strip("#") for text in headings] == ["Learn", "Do", "Look up", "Understand"]
    watched.goto(f"file://{site / 'search.html'}?q=extragradient")
    watched.locator("#search-results li a", has_text="Losses and penalties").first.wait_for()


def test_the_reference_has_signatures_and_errors(site: Path, watched: Any) -> None:
    watched.goto(f"file://{site / 'docs' / 'api.html'}")
    entry = watched.locator("dl", has=watched.locator("[id='gantool.train']")).first.inner_text()
    assert "experiments_dir" in entry
    assert "the run failed or diverged" in entry
