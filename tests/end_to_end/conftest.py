from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support import CHROMIUM


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, started for the tests of a file."""
    from playwright.sync_api import sync_playwright  # for the few tests that look at pages

    assert CHROMIUM, "install chromium: the pages are tested in a real browser"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()
