"""The pages in a real browser.

No request, nothing on the console, and controls that do what they say.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_runs import make_outsider, make_run
from playwright.sync_api import Page
from support import picture, run_cli

from gantool.runs.notes import add_note

pytestmark = pytest.mark.slow
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\n\u202e"


class Watched:
    """A page, what it wrote on the console and what it asked of the network."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.console: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("dialog", lambda dialog: self.console.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, file: Path) -> Page:
        self.page.goto(f"file://{file}")
        self.page.wait_for_selector("html[data-ready]", timeout=10_000)
        return self.page


@pytest.fixture
def watched(browser: Any) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    seen = Watched(context.new_page())
    yield seen
    assert seen.console == []
    assert [url for url in seen.requests if not url.startswith(("data:", "file:"))] == []
    assert (
        len([url for url in seen.requests if url.startswith("file:")]) <= 2
    )  # the page itself, and a reload
    context.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine runs of three variants, one of them with hostile names and one whose sheets are gone."""
    where = tmp_path_factory.mktemp("page")
    for model, base in (("dcgan", 5.0), ("cgan", 9.0), (HOSTILE, 7.0)):
        for seed in range(3):
            make_run(
                where / "experiments" / f"{'x' if model == HOSTILE else model}-{seed}",
                model=model,
                name=f"{model}-{seed}" if model == HOSTILE else None,
                seed=seed,
                scores={"frechet-distance": base + seed / 10, "recall": base / 100},
                score_steps=(50, 100),
                sample_grids=(50, 100) if model == "cgan" else (0, 50, 100),
                images_a_step=32 if model == "cgan" else 16,
            )
    (where / "experiments" / "dcgan-1" / "samples" / "00000050.png").write_bytes(b"torn")
    done = run_cli("compare", where / "experiments", cwd=where)
    assert done.code == 0, done.err
    return where / "comparison" / "index.html"


def test_the_page_opens_quietly_and_hostile_names_are_text(
    watched: Watched, page_file: Path
) -> None:
    page = watched.open(page_file)
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("script").count() == 3
    assert page.locator("#variants").get_by_text("<script>alert(1)</script>").count() == 1
    assert "dcgan has 5.10 ± 0.10" in page.locator(".verdict").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1400


def test_the_slider_moves_every_sheet_to_its_nearest_earlier_step(
    watched: Watched, page_file: Path
) -> None:
    page = watched.open(page_file)
    figures = page.locator("#sheets figure:not(.real)")
    assert page.locator("#sheets figure:not(.real):visible").count() == 3  # one of a variant
    page.locator("#seeds").check()
    assert page.locator("#sheets figure:not(.real):visible").count() == 9
    assert all("step 100" in text for text in figures.locator("figcaption").all_inner_texts())
    before = figures.first.locator("img").get_attribute("src")
    page.locator("#when").focus()
    page.keyboard.press("Home")
    texts = figures.locator("figcaption").all_inner_texts()
    assert sum("no sample grid yet" in text for text in texts) == 3  # cgan's first is at step 50
    assert page.locator("#sheets .missing").count() == 3
    assert figures.first.locator("img").get_attribute("src") != before
    page.keyboard.press("ArrowRight")
    assert page.locator("#when-text").inner_text() == "step 50"
    assert page.locator("#sheets .missing").count() == 1  # the torn file
    page.locator("#axis").select_option("images")
    assert "images seen" in page.locator("#when-text").inner_text()


def test_the_play_button_plays_to_the_end(watched: Watched, page_file: Path) -> None:
    page = watched.open(page_file)
    page.locator("#play").click()
    assert page.locator("#when").input_value() == "0"
    assert page.locator("#play").inner_text() == "Stop"
    page.locator("#play", has_text="Play").wait_for(timeout=5000)
    assert page.locator("#when").input_value() == page.locator("#when").get_attribute("max")


def test_the_choice_of_axis_changes_the_curves(watched: Watched, page_file: Path) -> None:
    page = watched.open(page_file)
    chart = page.locator("[data-chart=loss_d]")
    assert "step 100" in chart.locator(".readout").inner_text()
    before = pixels(page)
    page.locator("#axis").select_option("images")
    assert "images seen 3,200" in chart.locator(".readout").inner_text()
    assert pixels(page) != before


@pytest.mark.parametrize("control", ["#log", "#members", "#bands"])
def test_switches_change_the_curves(watched: Watched, page_file: Path, control: str) -> None:
    page = watched.open(page_file)
    before = pixels(page)
    page.locator(control).click()
    assert pixels(page) != before


def test_smoothing_changes_the_curves_and_none_leaves_them_raw(
    watched: Watched, page_file: Path
) -> None:
    page = watched.open(page_file)
    before = pixels(page)
    page.locator("#smooth").focus()
    page.keyboard.press("Home")
    assert pixels(page) != before


def test_hiding_a_variant_hides_its_curve_and_sheets(watched: Watched, page_file: Path) -> None:
    page = watched.open(page_file)
    page.locator("#seeds").check()
    button = page.locator("#legend").get_by_role("button", name="cgan", exact=True)
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert "cgan" not in page.locator("[data-chart=loss_d] .readout").inner_text().replace(
        "dcgan", ""
    )
    assert page.locator("#sheets figure:not(.real):visible").count() == 6


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen runs of two models with two rates, four of a variant, and a hostile option."""
    where = tmp_path_factory.mktemp("searched")
    for number in range(16):
        model, lr, seed = ("dcgan", "cgan")[number % 2], number // 2 % 2, number // 4
        folder = make_run(
            where / "experiments" / f"{model}-{number}",
            model=model,
            seed=seed,
            config={"lr": (1e-4, 1e-3)[lr], HOSTILE: HOSTILE if lr else "plain"},
            scores={"frechet-distance": 1.0 + 10 * lr + seed / 10, "recall": 0.5, "parzen": 9.0},
        )
        tags = {0: ["good", "kept"], 1: ["good"]}.get(number)
        if tags is not None:
            add_note(folder / "notes.jsonl", tags=tags)
    done = run_cli("compare", where / "experiments", cwd=where)
    assert done.code == 0, done.err
    return where / "comparison" / "index.html"


def shown(page: Page, table: str) -> int:
    return page.locator(f"{table} tbody tr:visible").count()


def test_the_first_screen_has_the_verdict_and_the_samples(watched: Watched, searched: Path) -> None:
    page = watched.open(searched)
    for place in (".verdict", "#when", "#sheets figure:not(.real) img >> nth=0"):
        box = page.locator(place).bounding_box()
        assert box and box["y"] + box["height"] < 900, place
    folds = page.locator("details.group")
    assert folds.locator("h3").all_inner_texts() == ["Fidelity", "Diversity", "The figures of 2014"]
    assert folds.evaluate_all("all => all.map((fold) => fold.open)") == [True, False, False]


def test_a_filter_reaches_every_part_and_is_lifted_again(watched: Watched, searched: Path) -> None:
    page = watched.open(searched)
    page.locator("#filters summary").press("Enter")
    box = page.locator("#facets fieldset", has_text="lr").get_by_label("0.001", exact=True)
    box.press("Space")
    assert page.locator("#chosen").inner_text() == "8 of 16 runs, 2 of 4 variants"
    assert shown(page, "#variants") == 2
    assert shown(page, "#runs") == 8
    assert page.locator("#sheets figure:not(.real):visible").count() == 2
    assert page.locator(".strip >> nth=0 >> .strip-row:visible").count() == 2
    page.locator("#scatter circle").nth(7).wait_for()
    assert page.locator("#scatter circle").count() == 8
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert shown(page, "#runs") == 8
    page.locator("#chips button").press("Enter")
    assert page.locator("#chosen").inner_text() == "16 of 16 runs, 4 of 4 variants"
    page.locator("#search").fill("cgan-1")  # 1, 11, 13 and 15; 10, 12 and 14 of dcgan
    assert shown(page, "#runs") == 7


def test_tags_filter_and_a_pinned_variant_stays(watched: Watched, searched: Path) -> None:
    page = watched.open(searched)
    page.locator("#filters summary").click()
    tags = page.locator("#facets fieldset").filter(has=page.get_by_text("tags", exact=True))
    tags.get_by_label("kept").check()
    assert shown(page, "#runs") == 1
    tags.get_by_label("good").check()
    assert shown(page, "#runs") == 2
    page.locator("#all").click()
    last = page.locator("#variants tbody th").last.inner_text()
    page.locator("#legend .pin").last.click()
    assert page.locator("#variants tbody th").first.inner_text() == last
    page.locator("#search").fill("nothing is called so")
    assert shown(page, "#variants") == 1
    assert shown(page, "#runs") == 4


def test_groups_of_an_option_have_means_and_students_intervals(
    watched: Watched, searched: Path
) -> None:
    page = watched.open(searched)
    page.locator("#filters summary").click()
    page.locator("#group").select_option(label="lr")
    rows = page.locator("#groups tr").all_inner_texts()
    # Eight values 1, 1.1, 1.2, 1.3, twice each: s = 0.1195, t = 2.3646, reach 0.0999.
    assert rows[0].split("\t") == ["lr 0.0001", "8", "1.15", "0.12", "1.05 to 1.25", "1", "1.3"]
    assert rows[1].startswith("lr 0.001\t8\t11.1\t0.12\t")
    assert "lr 0.0001" in page.locator("[data-chart=loss_d] .readout").inner_text()
    assert page.locator("#sheets figure:not(.real):visible").count() == 2
    assert page.locator("#legend bdi").all_inner_texts() == ["lr 0.0001", "lr 0.001"]


def test_scores_against_options(watched: Watched, searched: Path) -> None:
    page = watched.open(searched)
    assert page.locator("#scatter circle").count() == 16
    first = page.locator("#explained tr").first.inner_text()
    assert first.startswith("lr, <script>alert(1)</script>")  # they change together
    assert first.endswith("goes along with it")
    assert page.locator("#parallel polyline").count() == 16
    page.locator("#against").select_option(label="seed")
    page.wait_for_timeout(100)
    label = page.locator("#scatter svg").get_attribute("aria-label") or ""
    assert label.startswith("frechet-distance against seed of 16 runs")
    page.locator("#score").select_option(label="recall")
    assert page.locator("#explained tr").first.inner_text().endswith("too few to say")


def test_two_runs_stand_side_by_side_at_one_step(watched: Watched, searched: Path) -> None:
    page = watched.open(searched)
    page.locator("#pair-0").select_option(label="dcgan-0")
    page.locator("#pair-1").select_option(label="dcgan-2")
    rows = page.locator("#pair-rows tr").all_inner_texts()
    assert rows[0].split("\t") == ["lr", "0.0001", "0.001"]
    assert "frechet-distance\t1\t11" in rows
    assert not any(text.startswith("model") for text in rows)
    assert page.locator("#pair figure img").count() == 2
    page.locator("#pair-when").focus()
    page.keyboard.press("Home")
    assert page.locator("#pair figure small").all_inner_texts() == ["step 0", "step 0"]


def test_zoom_by_mouse_and_keyboard_reaches_every_chart(watched: Watched, page_file: Path) -> None:
    page = watched.open(page_file)
    box = page.locator("[data-chart=loss_d] .u-over").bounding_box()
    assert box
    page.locator("[data-chart=loss_d]").scroll_into_view_if_needed()
    box = page.locator("[data-chart=loss_d] .u-over").bounding_box()
    assert box
    before = pixels(page, "answers")
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 60, steps=5)
    page.mouse.up()
    page.mouse.move(0, 0)
    zoomed = pixels(page, "answers")
    assert zoomed != before
    page.locator("#unzoom").click()
    assert pixels(page, "answers") == before
    page.locator("[data-chart=loss_g] .plot").focus()
    page.keyboard.press("+")
    assert pixels(page, "answers") != before
    page.keyboard.press("0")
    assert pixels(page, "answers") == before


def test_a_heading_sorts(watched: Watched, page_file: Path) -> None:
    page = watched.open(page_file)

    def names() -> list[str]:
        return [text.strip()[:5] for text in page.locator("#variants tbody th").all_inner_texts()]

    assert names() == ["dcgan", "<scri", "cgan"]
    heading = page.locator("#variants thead th").filter(has_text="recall")
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert names() == ["dcgan", "<scri", "cgan"]
    heading.locator("button").press("Enter")
    assert names() == ["cgan", "<scri", "dcgan"]


def test_a_reload_keeps_what_the_reader_had_set(watched: Watched, page_file: Path) -> None:
    page = watched.open(page_file)
    page.locator("#axis").select_option("seconds")
    page.locator("#when").focus()
    page.keyboard.press("Home")
    page.mouse.wheel(0, 700)
    page.wait_for_timeout(200)
    page.locator("#log").click()
    where = page.evaluate("window.scrollY")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("#axis").input_value() == "seconds"
    assert page.locator("#when").input_value() == "0"
    assert page.locator("#log").is_checked()
    assert page.evaluate("window.scrollY") == pytest.approx(where, abs=5)
    assert where > 100


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_widths_and_themes(browser: Any, page_file: Path, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    seen = Watched(context.new_page())
    page = seen.open(page_file)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(18, 22, 28)" if scheme == "dark" else "rgb(255, 255, 255)")
    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != background
    assert seen.console == []
    context.close()


def test_six_runs_with_ten_sheets_are_small_and_quick(browser: Any, tmp_path: Path) -> None:
    for i in range(6):
        make_run(
            tmp_path / "experiments" / f"r{i}",
            seed=i,
            sample_grids=range(0, 101, 10),
            side=64,
            scores={"frechet-distance": 5.0 + i},
        )
    done = run_cli("compare", tmp_path / "experiments", cwd=tmp_path)
    assert done.code == 0, done.err
    file = tmp_path / "comparison" / "index.html"
    assert file.stat().st_size < 12e6
    page = browser.new_page()
    page.goto(f"file://{file}")
    page.wait_for_selector("html[data-ready]", timeout=3000)
    page.close()


def test_the_report_of_one_run(watched: Watched, finished_run: Path) -> None:
    page = watched.open(finished_run / "report.html")
    assert page.locator("#variants tbody tr").count() == 1
    assert page.locator("#sheets figure:not(.real)").count() == 1
    assert page.locator("#charts .chart:visible").count() == 3


def canvases(page: Page) -> list[str]:
    """The charts that are shown, by name."""
    charts = page.locator("#charts .chart:visible")
    return [str(name) for name in charts.evaluate_all("all => all.map(c => c.dataset.chart)")]


@pytest.mark.parametrize("width", [1400, 400])
def test_an_outsiders_page_has_no_chart_of_a_discriminator_and_says_so(
    browser: Any, tmp_path: Path, width: int
) -> None:
    run = make_outsider(tmp_path / "vae", scores={"frechet-distance": 5.0})
    done = run_cli("report", run, cwd=tmp_path)
    assert done.code == 0, done.err
    context = browser.new_context(viewport={"width": width, "height": 900})
    seen = Watched(context.new_page())
    page = seen.open(run / "report.html")
    assert canvases(page) == ["loss_vae", "term-kl"]
    for chart, value in (("loss_vae", "vae 50"), ("term-kl", "vae 10")):
        page.locator("#smooth").focus()
        page.keyboard.press("Home")  # no smoothing
        assert value in page.locator(f"[data-chart={chart}] .readout").inner_text()
    text = page.locator("main").inner_text()
    assert "vae has no discriminator: there is no D(x) to show." in text
    assert text.count("D(") == 1  # no column, no curve
    assert "NaN" not in text
    assert "null" not in text
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.console == []
    assert len(seen.requests) == 1
    context.close()


def test_gans_and_outsiders_share_a_page(watched: Watched, tmp_path: Path) -> None:
    place = tmp_path / "experiments"
    for seed in range(2):
        make_run(place / f"gan-{seed}", seed=seed)
        make_outsider(place / f"vae-{seed}", seed=seed)
    make_run(place / "wgan", model="wgan", d_scale="raw", metrics=lambda step: {"constructor": 7})
    done = run_cli("compare", place, cwd=tmp_path)
    assert done.code == 0, done.err
    page = watched.open(tmp_path / "comparison" / "index.html")
    losses = ["loss_d", "loss_g", "loss_vae"]
    assert canvases(page) == [*losses, "answers", "raw-answers", "term-kl", "term-constructor"]
    shown = {
        name: page.locator(f"[data-chart={name}] .readout").inner_text() for name in canvases(page)
    }
    assert {name for name, text in shown.items() if "vae" in text} == {"loss_vae", "term-kl"}
    assert "wgan D(x) 0.6" in shown["raw-answers"]
    assert "wgan" not in shown["answers"]
    assert "wgan 7" in shown["term-constructor"]
    assert "dcgan" not in shown["term-constructor"]
    button = page.locator("#legend").get_by_role("button", name="vae", exact=True)
    button.click()
    assert "loss_vae" not in canvases(page)


def test_what_is_missing_is_a_gap_in_a_curve(watched: Watched, tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", metrics=lambda step: {"loss_g": None} if step > 50 else {})
    done = run_cli("report", run, cwd=tmp_path)
    assert done.code == 0, done.err
    page = watched.open(run / "report.html")
    box = page.locator("[data-chart=loss_g] .u-over").bounding_box()
    assert box
    page.locator("[data-chart=loss_g]").scroll_into_view_if_needed()
    box = page.locator("[data-chart=loss_g] .u-over").bounding_box()
    assert box
    for share, known in ((0.25, True), (0.75, False)):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 50)
        page.wait_for_timeout(80)
        readout = page.locator("[data-chart=loss_g] .readout").inner_text()
        assert ("dcgan 0.7" in readout) is known
        assert ("dcgan -" in readout) is not known


def pixels(page: Page, chart: str = "loss_d") -> str:
    """What a chart's canvas shows, once the browser has drawn it."""
    page.wait_for_timeout(80)
    content: str = page.evaluate(
        f"document.querySelector('[data-chart={chart}] canvas').toDataURL()"
    )
    return content


@pytest.fixture(scope="module")
def inspected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("inspected")
    names = ["plain", "<b>bold</b>", "c\u202e"]
    for i in range(60):
        picture(where / "x" / names[i % 3] / f"{i}.png", (40, 20), "RGBA", seed=i)
    picture(where / "x" / "plain" / "twin'\"&.png", (40, 20), "RGBA", seed=0)
    (where / "x" / "plain" / "<img src=x onerror=alert(2)>.png").write_bytes(b"torn")
    done = run_cli("inspect", "x", "--channels", "4", "--image-size", "16x32", cwd=where)
    assert done.code == 0, done.err
    return where / "inspect-x.html"


@pytest.mark.parametrize("width", [1400, 360])
def test_the_page_of_an_inspection(watched: Watched, inspected: Path, width: int) -> None:
    page = watched.open(inspected)
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("img[src=x]").count() == page.locator("bdi b").count() == 0
    assert page.locator(".grids figure").count() == 3
    for image in page.locator(".grids img").all():
        assert image.evaluate("x => x.naturalWidth") == 8 * 32 + 7 * 2
    assert page.locator("#classes tbody tr").count() == 3
    assert page.locator(".columns").first.locator("i").count() == 24
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == before
