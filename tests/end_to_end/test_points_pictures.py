"""Runs on points in the plane as a person sees them: pictures, commands, the pages."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import CHROMIUM, Cli, run_cli

from gantool.sampling.scatter import SIZE

pytest.importorskip("gantool_vanilla")
pytest.importorskip("gantool_cgan")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """The folder of two runs on ring: `v`, of vanilla, and `c`, of cgan."""
    where = tmp_path_factory.mktemp("points")
    for model in ("vanilla", "cgan"):
        words = ["run", model, "--data", "ring", "--points", "2000", "--lr", "1e-4"]
        words += ["--steps", "20", "--sheet-every", "5", "--name", model[0]]
        done = run_cli(*words, cwd=where)
        assert done.code == 0, done.err
    return where / "experiments"


def read(file: Path) -> np.ndarray[Any, Any]:
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def words_of(page: Path) -> str:
    """The words of a page, without names of options and what its script adds."""
    shown = page.read_text().partition("<main>")[2].partition("</main>")[0]
    return re.sub(r"<[^>]*>|\w+_images?\b|\bimage_\w+", " ", shown)


def test_a_run_leaves_scatters_that_move(runs: Path) -> None:
    for run in (runs / "v", runs / "c"):
        files = sorted((run / "samples").glob("*.png"))
        assert [file.stem for file in files] == [f"{step:08d}" for step in range(0, 21, 5)]
        pictures = [read(file) for file in (*files, run / "real.png")]
        assert {picture.shape for picture in pictures} == {(SIZE, SIZE, 3)}
        assert all((a != b).any() for a, b in itertools.pairwise(pictures))
        with Image.open(run / "progress.gif") as animation:
            assert animation.n_frames == 5
            assert animation.size == (SIZE, SIZE + 28)
        assert (run / "samples.png").is_file()
        assert len(json.loads((run / "sheet.json").read_text())["real"]) == 512
    assert (read(runs / "v" / "real.png") == read(runs / "c" / "real.png")).all()


def test_an_opened_run_shows_what_the_recorder_drew(runs: Path) -> None:
    import gantool

    for run in (runs / "v", runs / "c"):
        sampler = gantool.open(run).sampler
        assert sampler.trained.judged
        grid = sampler.sample_grid
        drawn = sampler.picture(grid.latents, grid.labels, columns=grid.columns)
        assert np.abs(drawn - read(run / "samples" / "00000020.png")).max() <= 24  # rounding
        assert np.abs(drawn - read(run / "samples" / "00000020.png")).mean() < 0.05


def test_without_its_states_a_run_is_drawn_without_a_landscape(runs: Path, tmp_path: Path) -> None:
    import gantool

    copy = Path(shutil.copytree(runs / "v", tmp_path / "v"))
    shutil.rmtree(copy / "checkpoints")
    sampler = gantool.open(copy).sampler
    assert not sampler.trained.judged
    assert sampler.judge is None
    assert gantool.open(copy).samples(10).size == (SIZE, SIZE)


def test_what_is_drawn_is_a_scatter(runs: Path, tmp_path: Path, cli: Cli) -> None:
    import gantool

    run = gantool.open(runs / "c")
    plain = np.asarray(run.samples(40))
    assert plain.shape == (SIZE, SIZE, 3)
    for other in (
        run.samples(40, label=3),
        run.sheet(),
        run.interpolate(3, 17),
        run.sampler.picture(*run.sampler.every_label(5, 0), columns=8),
    ):
        assert np.asarray(other).shape == (SIZE, SIZE, 3)
        assert (np.asarray(other) != plain).any()
    z, y = run.sampler.every_label(300, 0)  # more than are drawn at once
    assert (len(z), y.bincount().tolist()) == (
        300 * len(run.sampler.classes),
        [300] * len(run.sampler.classes),
    )
    done = cli("sample", runs / "c", "-n", 40, "--output", tmp_path / "x.png")
    assert done.code == 0, done.err
    assert (read(tmp_path / "x.png") == plain).all()


@pytest.mark.slow
def test_the_commands_that_draw(runs: Path, tmp_path: Path, cli: Cli) -> None:
    for words in (
        ["sample", "-n", 40, "--labels", "all"],
        ["sheet"],
        ["interpolate", "--from", "3", "--to", "17", "--from", "seed:1", "--to", "9"],
    ):
        done = cli(words[0], runs / "c", *words[1:], "--output", tmp_path / "x.png")
        assert done.code == 0, done.err
        assert read(tmp_path / "x.png").shape == (SIZE, SIZE, 3)
    done = cli("animate", runs / "v", runs / "c", "--output", tmp_path / "x.gif")
    assert done.code == 0, done.err


@pytest.mark.slow
def test_arrays_and_moving_ways(runs: Path, tmp_path: Path, cli: Cli) -> None:
    done = cli("sample", runs / "c", "-n", 300, "--format", "npz", "--output", tmp_path / "x.npz")
    assert done.code == 0, done.err
    arrays = np.load(tmp_path / "x.npz")
    assert arrays["points"].shape == (300, 2)
    assert arrays["points"].dtype == np.float32
    assert set(arrays["labels"]) == set(range(8))
    words = ["--from", "3", "--to", "17", "--steps", "4", "--gif", "--output", tmp_path / "x.gif"]
    done = cli("interpolate", runs / "v", *words)
    assert done.code == 0, done.err
    with Image.open(tmp_path / "x.gif") as animation:
        assert animation.n_frames == 6


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["arithmetic", "1 + 2"], "arithmetic is to be seen in images"),
        (["sample", "--separate"], "one by itself is no picture"),
    ],
)
def test_commands_that_mean_nothing_on_points_say_so(
    runs: Path, cli: Cli, words: list[str], said: str
) -> None:
    done = cli(words[0], runs / "v", *words[1:])
    assert done.code == 2
    assert said in done.err
    assert not (runs / "v" / "pictures").exists()


@pytest.mark.slow
def test_the_exported_model_gives_points(runs: Path, tmp_path: Path, cli: Cli) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    import gantool

    done = cli("export", runs / "v", "--format", "onnx", "--output", tmp_path / "g.onnx")
    assert done.code == 0, done.err
    session = onnxruntime.InferenceSession(tmp_path / "g.onnx")
    sampler = gantool.open(runs / "v").sampler
    z = sampler.sample_grid.latents
    (points,) = session.run(["points"], {"z": z.numpy()})
    about = json.loads(session.get_modelmeta().custom_metadata_map["gantool"])
    np.testing.assert_allclose(
        points * about["points"]["scale"], sampler.draw(z, None), rtol=1e-4, atol=1e-5
    )


def test_the_server_draws_the_plane(runs: Path) -> None:
    from starlette.testclient import TestClient

    import gantool
    from gantool.sampling.server import application

    sampler = gantool.open(runs / "c").sampler
    server = TestClient(application(sampler), base_url="http://127.0.0.1:8014")
    about = server.get("/about").json()
    assert about["cells"] == []
    assert about["judged"] is True
    wish = {"z": about["latents"][:1], "y": [3]}
    first = server.post("/draw", json=wish).json()["images"]
    other = server.post("/draw", json={**wish, "seed": 1}).json()["images"]
    fewer = server.post("/draw", json={**wish, "n": 20}).json()["images"]
    moved = server.post("/draw", json={**wish, "z": [[2.0, -2.0]]}).json()["images"]
    assert len({picture for (picture,) in (first, other, fewer, moved)}) == 4
    with Image.open(io.BytesIO(base64.b64decode(first[0].partition(",")[2]))) as picture:
        assert picture.size == (SIZE, SIZE)
    for wrong in ({"n": 0}, {"n": 10**9}, {"seed": -1}, {"seed": 10**30}, {"n": "x"}):
        assert server.post("/draw", json={**wish, **wrong}).status_code == 400, wrong
    for path, content in (
        ("/interpolate", {"from": 1, "to": 2}),
        ("/arithmetic", {"expression": "1"}),
    ):
        assert server.post(path, json=content).status_code == 400


def test_the_page_calls_points_points(runs: Path) -> None:
    shown = words_of(runs / "v" / "report.html")
    assert "real points" in shown
    assert "Shading: D" in shown
    assert "image" not in shown


@pytest.mark.slow
def test_a_comparison_of_points_has_their_pictures(runs: Path, tmp_path: Path, cli: Cli) -> None:
    done = cli("compare", runs / "v", runs / "c", "--output", tmp_path / "comparison")
    assert done.code == 0, done.err
    assert "image" not in done.out
    assert read(tmp_path / "comparison" / "samples.png").shape[0] > 300
    assert "image" not in words_of(tmp_path / "comparison" / "index.html")


def test_points_beside_images(runs: Path, finished_run: Path, tmp_path: Path) -> None:
    import gantool

    compared = gantool.compare([runs / "v", finished_run])
    assert compared.result.noun == "samples"
    assert any("different samples" in flag.message for flag in compared.result.flags)
    page = compared.write(tmp_path)
    assert "samples seen" in words_of(page)
    assert (tmp_path / "samples.png").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_in_a_browser(runs: Path, scheme: Any) -> None:
    from playwright.sync_api import sync_playwright

    assert CHROMIUM
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1300, "height": 900}, color_scheme=scheme)
        told: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda made: asked.append(made.url))
        page.goto(f"file://{runs / 'v' / 'report.html'}")
        page.wait_for_selector("html[data-ready]")
        images = page.locator("#sheets figure:not(.real) img")
        assert images.count() == 1
        assert page.locator("#sheets figure.real figcaption").inner_text() == "real points"
        seen = set()
        page.locator("#when").focus()
        page.keyboard.press("Home")
        for _ in range(5):
            seen.add(images.first.get_attribute("src"))
            page.keyboard.press("ArrowRight")
        assert len(seen) == 5
        assert images.first.evaluate("image => getComputedStyle(image).imageRendering") == "auto"
        assert "image" not in page.locator("main").inner_text()
        page.set_viewport_size({"width": 400, "height": 800})
        page.wait_for_function("document.documentElement.scrollWidth <= 400")  # charts follow
        assert told == []
        assert [url for url in asked if not url.startswith(("data:", "file:"))] == []
        browser.close()
