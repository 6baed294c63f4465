"""The page that follows runs, in a real browser, while they train, are killed and go on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from made_runs import make_run
from playwright.sync_api import Page, expect
from support import SMALL, run_cli

from gantool.runs.files import read_json_lines

pytestmark = pytest.mark.slow
_PATIENCE = 180_000  # milliseconds, on a busy machine
_QUIET = {"GANTOOL_OPT_EVALUATE": "false", "DISPLAY": "", "WAYLAND_DISPLAY": "", "BROWSER": ""}


@contextlib.contextmanager
def process(*words: str | Path, cwd: Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, which is ended at the end."""
    argv = [sys.executable, "-m", "gantool", *map(str, words)]
    environment = {**os.environ, **_QUIET}
    started = subprocess.Popen(argv, cwd=cwd, env=environment, text=True, **options)
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        for stream in (started.stdout, started.stderr):
            if stream is not None:
                stream.close()


@contextlib.contextmanager
def opened(browser: Any, address: str) -> Iterator[Page]:
    """The page; it has said nothing on the console and asked its own server alone."""
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    page = context.new_page()
    told: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda made: asked.append(made.url))
    page.goto(address)
    page.wait_for_selector("html[data-ready]", timeout=30_000)
    yield page
    assert told == []
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
    context.close()


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[str]:
    """The address of a page that follows the experiments of a fresh folder."""
    words = ("watch", "--port", "0", "--no-browser")
    with process(*words, cwd=tmp_path, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        yield server.stdout.readline().split()[0]


def until(reached: Callable[[], bool]) -> None:
    """Wait for something that no page shows."""
    end = time.monotonic() + _PATIENCE / 1000
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.05)


def last_step(run: Path) -> int:
    return max((line["step"] for line in read_json_lines(run / "metrics.jsonl")), default=0)


def curves(page: Page) -> list[str | None]:
    """All that the charts say in words; the smoothed ends depend on many points before them."""
    page.locator("#smooth").fill("0.98")
    plots = page.locator("#charts .chart:visible .plot").all()
    return [plot.get_attribute("aria-label") for plot in plots]


def test_runs_and_a_study_from_start_to_end_one_killed_and_resumed(
    tmp_path: Path, watch: str, browser: Any
) -> None:
    experiments = tmp_path / "experiments"
    train = ("run", "dcgan", *SMALL, "--steps", "300", "--sheet-every", "50")
    study = tmp_path / "small.toml"
    study.write_text(
        'models = ["vanilla"]\ndata = ["mnist5k"]\nseeds = [0, 1]\n'
        'scores = ["equilibrium"]\nbudget = { steps = 20 }\noptions = { threads = 1 }\n'
    )
    with opened(browser, watch) as page:

        def status(name: str) -> Any:
            return (
                page.locator(".card")
                .filter(has=page.get_by_text(name, exact=True))
                .locator(".status")
            )

        expect(page.locator("#counts")).to_have_text("No run yet: waiting for the first one.")
        expect(page.locator("#notes")).to_contain_text("experiments is not there")
        with (
            process(*train, "--name", "a", "--checkpoint-every", "20", cwd=tmp_path) as first,
            process(*train, "--name", "b", "--seed", "1", cwd=tmp_path) as second,
        ):
            expect(status("a")).to_have_text("running", timeout=_PATIENCE)
            expect(status("b")).to_have_text("running", timeout=_PATIENCE)
            expect(page.locator("#sheets figure")).to_have_count(2)  # nobody chose: what runs
            expect(page.locator("[data-chart=loss_d]")).to_be_visible(timeout=_PATIENCE)
            until(lambda: last_step(experiments / "a") > 60)
            first.send_signal(signal.SIGKILL)
            first.wait()
            expect(status("a")).to_have_text("stale", timeout=_PATIENCE)
            with process("resume", experiments / "a", cwd=tmp_path) as again:
                expect(status("a")).to_have_text("running", timeout=_PATIENCE)
                assert again.wait(_PATIENCE) == 0
            assert second.wait(_PATIENCE) == 0
        for name in ("a", "b"):
            expect(status(name)).to_have_text("finished", timeout=_PATIENCE)
            card = page.locator(".card", has_text=name).first
            expect(card).to_contain_text("step 300 of 300")
        page.locator("#auto").click()  # the two stay, whatever runs
        pictures = [str(img.get_attribute("alt")) for img in page.locator("#sheets img").all()]
        assert sorted(pictures) == ["samples of a at step 300", "samples of b at step 300"]
        assert "resume: resumed after step" in page.locator("#events").inner_text()
        with process("study", study, "--watch", cwd=tmp_path) as carried_out:
            line = page.locator("#studies li")
            expect(line).to_contain_text("of 2 done", timeout=_PATIENCE)
            begun = page.locator(".card", has_text="small/vanilla").first
            expect(begun).to_be_visible(timeout=_PATIENCE)
            assert carried_out.wait(_PATIENCE) == 0
        expect(line).to_contain_text("2 of 2 done", timeout=_PATIENCE)
        expect(page.locator("#sheets figure")).to_have_count(2)
        # Who watched from the beginning sees what someone sees who comes now.
        seen = curves(page)
        assert len(seen) >= 3
        with opened(browser, watch) as late:
            if late.locator(".card[aria-pressed=true]").count():
                late.locator(".card[aria-pressed=true]").first.click()
            for figure in page.locator("#sheets figcaption bdi").all_inner_texts():
                late.locator(".card").filter(has=late.get_by_text(figure, exact=True)).click()
            expect(late.locator("#sheets figure")).to_have_count(2)
            expect(late.locator("#charts .chart:visible")).to_have_count(len(seen))
            assert curves(late) == seen
        assert page.evaluate("document.documentElement.scrollWidth") <= 1300


def test_a_run_opens_its_page_and_ends_it_and_trains_as_without(
    tmp_path: Path, browser: Any
) -> None:
    words = ("run", "dcgan", *SMALL, "--steps", "150")
    with process(*words, "--name", "seen", "--watch", cwd=tmp_path, stderr=subprocess.PIPE) as run:
        assert run.stderr is not None
        address = next(line for line in run.stderr if line.startswith("watch it at")).split()[-1]
        with opened(browser, address) as page:
            expect(page.locator("[data-chart=loss_d]")).to_be_visible(timeout=_PATIENCE)
            page.wait_for_selector("html[data-live=ended]", timeout=_PATIENCE)
            expect(page.locator(".card .status")).to_have_text("finished")
            expect(page.locator("#said")).to_contain_text("has ended")
        assert run.wait(_PATIENCE) == 0
    assert run_cli(*words, "--name", "alone", cwd=tmp_path).code == 0

    def lines(name: str) -> list[dict[str, Any]]:
        found = read_json_lines(tmp_path / "experiments" / name / "metrics.jsonl")
        return [{**line, "seconds": 0} for line in found]

    assert lines("seen") == lines("alone")


def test_runs_are_found_and_chosen_by_keyboard_and_go_quietly(
    tmp_path: Path, watch: str, browser: Any
) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    for seed in range(12):
        make_run(
            tmp_path / "experiments" / (hostile if seed == 11 else f"r{seed}"),
            seed=seed,
            scores={"frechet-distance": 5.0 + seed},
            score_steps=(50, 100),
            events=[{"step": 9, "kind": "collapse", "detector": hostile, "message": hostile}],
        )
    with opened(browser, watch) as page:
        expect(page.locator(".card")).to_have_count(12)
        expect(page.locator("#sheets figure")).to_have_count(1)  # nothing runs: the newest
        assert page.locator("img[src=x]").count() == 0
        page.locator("#find").fill("r1")
        expect(page.locator(".card:visible")).to_have_count(2)  # and r10
        page.locator(".card:visible").last.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#sheets figure")).to_have_count(2)
        expect(page.locator("#auto")).to_have_attribute("aria-pressed", "false")
        expect(page.locator("#scores tbody th")).to_have_text("frechet-distance ↓")
        expect(page.locator('[data-chart="score frechet-distance"]')).to_be_visible()
        (tmp_path / "experiments" / "r1").rename(tmp_path / "elsewhere")
        expect(page.locator(".card")).to_have_count(11)
        expect(page.locator("#sheets figure")).to_have_count(1)
        expect(page.locator("#said")).to_contain_text("r1 is gone")
        (tmp_path / "experiments").rename(tmp_path / "moved")
        expect(page.locator("#notes")).to_contain_text("experiments is not there")
        expect(page.locator(".card")).to_have_count(0)
        (tmp_path / "moved").rename(tmp_path / "experiments")
        expect(page.locator(".card")).to_have_count(11)
        for theme in ("dark", "light"):
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": 400, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert json.loads((tmp_path / "experiments" / "r0" / "run.json").read_text())
