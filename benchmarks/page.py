"""The page of a comparison of many runs, in Chromium."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.made_runs import make_runs
from benchmarks.measure import Result

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# A click on a box of the filter, until the browser has drawn the next frame.
_FILTER = """async (box) => {
  const begin = performance.now();
  box.click();
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - begin;
}"""
_FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


def page_of_many(runs: int) -> Result:
    """The page of so many runs of 80 variants: the first paint, and the filter by an option."""
    with tempfile.TemporaryDirectory() as folder:
        make_runs(Path(folder), runs=runs, steps=1000, sample_grids=10, settings=20)
        words = ["compare", folder, "--output", f"{folder}/comparison"]
        subprocess.run([sys.executable, "-m", "gantool", *words], check=True, capture_output=True)
        page = Path(folder, "comparison", "index.html")
        size = page.stat().st_size / 1e6
        paint, ready, filters, busy = _opened(page)
    value = statistics.median(filters)
    return Result(
        "page",
        value,
        unit="ms a filter",
        target="at most 100 ms",
        met=value <= 100,
        detail=f"{min(filters):.0f} to {max(filters):.0f}, {busy:.0f} ms of the processor; first "
        f"paint {paint:.0f} ms, ready {ready:.0f} ms; {runs} runs, {size:.1f} MB",
    )


def _opened(file: Path) -> tuple[float, float, list[float], float]:
    """Milliseconds until the first paint and until all is there, and those of filters.

    The last are of the processor for one filter, which other work on the machine makes no longer.
    """
    from playwright.sync_api import sync_playwright  # the other lines do without it

    browser_file = next(found for name in _BROWSERS if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_file, args=["--no-sandbox"], timeout=120_000
        )
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"file://{file}")
        page.wait_for_selector("html[data-ready]", timeout=120_000)
        ready = float(page.evaluate("() => performance.now()"))
        paint = float(page.evaluate(_FIRST_PAINT))
        page.locator("#filters summary").click()
        boxes = page.locator("#facets input[type=checkbox]")
        page.wait_for_timeout(1000)
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = _busy(devtools)
        filters = [float(box.evaluate(_FILTER)) for box in boxes.all()[:4] for _ in range(4)]
        busy = (_busy(devtools) - before) / len(filters)
        browser.close()
    return paint, ready, filters, busy


def _busy(devtools: CDPSession) -> float:
    """Milliseconds of the processor that the page's thread has had."""
    found = devtools.send("Performance.getMetrics")["metrics"]
    return 1000 * next(float(one["value"]) for one in found if one["name"] == "TaskDuration")
