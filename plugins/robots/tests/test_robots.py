"""Robots and cats, the network that reads robots, and scores from their truth."""

from __future__ import annotations

import hashlib
import io
import math
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gantool_robots import metrics
from gantool_robots.data import SPLITS, Cats, Robots
from gantool_robots.extractor import robots
from gantool_robots.metrics import combinations, factors_kl, likeness, unseen_pairs
from gantool_robots.network import NONE, load, to_input
from gantool_robots.picture import missing_parts
from gantool_robots.truth import (
    CATS,
    ROBOTS,
    compose,
    draw,
    load_layers,
    numbers_of,
    pairs_in,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support import SMALL, Cli, Outcome, run_cli

from gantool import Evaluation, GantoolError, ImageSet, NotApplicableError, NotComputedError
from gantool.data.prepared import ImageSplit, Prepared, prepare
from gantool.data.splits import consecutive
from gantool.runs.folder import RunFolder

SIDE = 32
DRAWN = draw(ROBOTS, sum(SPLITS))
PARTS = {name: DRAWN[numbers] for name, numbers in consecutive(*SPLITS).items()}
FEW = {"train": 3_000, "validation": 300, "test": 600}


@pytest.fixture(scope="session")
def layers() -> list[Any]:
    return load_layers(ROBOTS, SIDE)


@pytest.fixture(scope="session")
def data(layers: list[Any]) -> Prepared:
    splits = {}
    for name, n in FEW.items():
        factors = PARTS[name][:n]
        pixels = compose(layers, factors, image_size=SIDE)
        splits[name] = ImageSplit(pixels, factors[:, 0], factors)
    return Prepared(
        "robots",
        "0" * 64,
        image_size=SIDE,
        channels=3,
        classes=tuple(ROBOTS.colors),
        unreadable=0,
        splits=splits,
        factor_values=ROBOTS.values,
    )


@pytest.fixture(scope="session")
def evaluation(data: Prepared) -> Evaluation:
    found = robots(data, weights=None, cache=Path("nowhere"), device=torch.device("cpu"))
    return Evaluation(data, found, folder=RunFolder(Path("nowhere")), conditional=False)


class Scores:
    """The scores of one set of images."""

    def __init__(self, evaluation: Evaluation, pixels: Any) -> None:
        origin = hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest()  # readings are kept by it
        self.images, self.evaluation = ImageSet(origin, pixels), evaluation

    def __getitem__(self, name: str) -> Any:
        measure = {
            **{"valid": likeness, "distance-to-truth": likeness, "factors-kl": factors_kl},
            **{"new-combinations": combinations, "copies": combinations},
            "unseen-pairs": unseen_pairs,
        }[name]
        return measure(self.images, self.evaluation)[name]

    def value(self, name: str) -> float:
        return float(self[name].value)


# The data


def test_no_combination_is_in_two_splits_and_no_pair_in_any() -> None:
    assert len(np.unique(numbers_of(ROBOTS, DRAWN))) == 50_000
    assert not pairs_in(ROBOTS, DRAWN).any()
    assert len(ROBOTS.held_out) == 8
    columns = list(ROBOTS.values)
    for pair in ROBOTS.held_out:
        for factor, number in pair:
            assert (PARTS["train"][:, columns.index(factor)] == number - 1).sum() > 3_000
    assert not pairs_in(CATS, draw(CATS, 10)).size


def test_the_choice_of_robots_never_changes() -> None:
    digest = hashlib.sha256(DRAWN.astype("<i8").tobytes()).hexdigest()
    assert digest == "eefb8c3cc78c36403e91419f020e039934a9e6809269783a75aa6e6d01ebfc3b"


def test_composing_is_laying_one_drawing_over_the_other() -> None:
    layers = load_layers(ROBOTS, 300)
    factors = PARTS["test"][:4]
    files = iter(ROBOTS.files())
    drawings = {
        (color, part, number): next(files)
        for color in range(10)
        for part in range(5)
        for number in range(10)
    }
    composed = compose(layers, factors, image_size=300)
    for pixels, (color, *numbers) in zip(composed, factors.tolist(), strict=True):
        whole = Image.new("RGBA", (300, 300), "white")
        for part, number in enumerate(numbers):
            with Image.open(drawings[color, part, number]) as drawing:
                whole.alpha_composite(drawing.convert("RGBA"))
        expected = np.asarray(whole.convert("RGB")).astype(int)
        assert abs(pixels.astype(int) - expected).max() <= 3  # rounding, five times
    small = compose(load_layers(ROBOTS, 64), factors[3:], image_size=64)[0].astype(int)
    reduced = np.asarray(whole.convert("RGB").resize((64, 64), Image.Resampling.BILINEAR))
    assert abs(small - reduced).mean() < 1


@settings(max_examples=20)
@given(st.lists(st.integers(0, 10), min_size=5, max_size=5), st.integers(0, 9))
def test_a_part_that_is_left_out_leaves_what_is_below_it(parts: list[int], color: int) -> None:
    layers = load_layers_once()
    whole = compose(layers, np.array([[color, *parts]]), image_size=SIDE)
    fewer = [layer for layer, value in zip(layers, parts, strict=True) if value != NONE]
    kept = np.array([[color, *(value for value in parts if value != NONE)]])
    expected = (
        compose(fewer, kept, image_size=SIDE)
        if fewer
        else np.full((1, SIDE, SIDE, 3), 255, dtype=np.uint8)
    )
    assert (whole == expected).all()


@cache
def load_layers_once() -> list[Any]:
    return load_layers(ROBOTS, SIDE)


class FewRobots(Robots):
    sizes = (60, 20, 20)


class FewCats(Cats):
    sizes = (60, 20, 20)


def test_robots_are_prepared_with_classes_and_factors(tmp_path: Path, layers: list[Any]) -> None:
    made = prepare(FewRobots(tmp_path), "few", image_size=SIDE, channels=3, cache=tmp_path)
    assert made.classes == tuple(ROBOTS.colors)
    assert made.factor_values == ROBOTS.values
    test = made.splits["test"]
    assert (test.factors == DRAWN[80:100]).all()
    assert (test.labels == DRAWN[80:100, 0]).all()
    assert (test.images == compose(layers, DRAWN[80:100], image_size=SIDE)).all()


def test_cats_are_prepared_without_classes(tmp_path: Path) -> None:
    made = prepare(FewCats(tmp_path), "few", image_size=48, channels=3, cache=tmp_path)
    assert (made.classes, made.train.labels) == ((), None)
    assert made.factor_values == {"body": 15, "fur": 10, "eyes": 15, "mouth": 10, "accessory": 16}
    assert made.train.factors is not None
    assert len(np.unique(numbers_of(CATS, made.train.factors))) == 60
    assert made.train.images.min() < 50 < 200 < made.train.images.max()
    found = robots(made, weights=None, cache=tmp_path, device=torch.device("cpu"))
    seen = Evaluation(made, found, folder=RunFolder(tmp_path), conditional=False)
    images = seen.real("test")
    assert seen.features(images).shape == (20, 64)
    with pytest.raises(NotApplicableError):
        likeness(images, seen)


@pytest.mark.slow
def test_all_robots_are_prepared(tmp_path: Path) -> None:
    made = prepare(Robots(tmp_path), "robots", image_size=SIDE, channels=3, cache=tmp_path)
    assert {name: len(split) for name, split in made.splits.items()} == {
        "train": 40_000,
        "validation": 5_000,
        "test": 5_000,
    }


# The network


@pytest.mark.parametrize("side", [32, 64, 200])
def test_each_head_reads_test_robots(side: int) -> None:
    factors = PARTS["test"][-200:]
    pixels = torch.tensor(compose(load_layers(ROBOTS, side), factors, image_size=side))
    read = load()[0](to_input(pixels.permute(0, 3, 1, 2)))[1].argmax(-1).numpy()
    assert (read == factors).mean(axis=0).min() >= 0.99


def test_the_network_is_small() -> None:
    assert (Path(metrics.__file__).parent / "robots.safetensors").stat().st_size < 2e6


def test_robohashs_own_robots_are_read_and_composed_again() -> None:
    from robohash import Robohash

    large = load_layers(ROBOTS, 300)
    for name in ("Ada", "Grace", "Hedy"):
        robot = Robohash(name)
        robot.assemble(roboset="set1", sizex=300, sizey=300)
        own = Image.new("RGBA", (300, 300), "white")
        own.alpha_composite(robot.img.convert("RGBA"))
        pixels = np.asarray(own.convert("RGB"))
        read = load()[0](to_input(torch.tensor(pixels).permute(2, 0, 1)[None]))[1].argmax(-1)
        others = np.concatenate([read.numpy()] * 61)
        for i in range(60):  # each with one other value, or with the same
            others[1 + i, i // 10] = i % 10
        differ = (others != read.numpy()).any(axis=1)
        distances = metrics.distances_to(large, np.stack([pixels] * 61), factors=others)
        assert distances[0] < 0.03  # robohash resizes twice
        assert (distances[differ] > distances[0]).all()


# The scores


def test_real_robots_are_valid_and_new(evaluation: Evaluation, data: Prepared) -> None:
    real = Scores(evaluation, data.splits["test"].images)
    assert real.value("valid") >= 0.99
    assert real.value("distance-to-truth") < 0.002
    assert real.value("unseen-pairs") == 0
    assert real.value("new-combinations") == 1
    assert real.value("copies") == 0
    assert real.value("factors-kl") < 0.02  # 9 / 2n for each factor, since n are few
    assert real["factors-kl"].detail["missed"] == {factor: [] for factor in ROBOTS.values}


def shuffled(pixels: Any) -> Any:
    order = np.random.default_rng(0).permutation(SIDE**2)
    return pixels.reshape(len(pixels), -1, 3)[:, order].reshape(pixels.shape)


def halves(pixels: Any, *, axis: int) -> Any:
    """Of each robot one half, and the other half of the next one."""
    first, second = np.split(pixels, 2, axis=axis)
    return np.concatenate([first, np.roll(second, 1, axis=0)], axis=axis)


def left_out(pixels: Any) -> Any:
    """The same robots without a face."""
    factors = PARTS["test"][: len(pixels)].copy()
    factors[:, 2] = NONE
    return compose(load_layers_once(), factors, image_size=SIDE)


@pytest.mark.parametrize(
    "change",
    [
        shuffled,
        left_out,
        lambda x: np.random.default_rng(0).integers(0, 256, x.shape, dtype=np.uint8),
        lambda x: np.full_like(x, 255),
        lambda x: halves(x, axis=1),
        lambda x: halves(x, axis=2),
        lambda x: x // 2 + np.roll(x, 1, axis=0) // 2,
    ],
    ids=["shuffled", "faceless", "noise", "white", "above and below", "left and right", "mixed"],
)
def test_what_is_no_robot_is_not_valid(evaluation: Evaluation, data: Prepared, change: Any) -> None:
    images = data.splits["test"].images
    spoiled = Scores(evaluation, change(images))
    # Halves of two robots of one color are often a third one.
    assert spoiled.value("valid") <= 0.06
    assert spoiled.value("distance-to-truth") > 0.05


def test_without_a_robot_there_are_no_combinations(evaluation: Evaluation) -> None:
    white = Scores(evaluation, np.full((20, SIDE, SIDE, 3), 255, dtype=np.uint8))
    assert (white.value("valid"), white.value("unseen-pairs")) == (0, 0)
    with pytest.raises(NotComputedError, match="none of the 20 images is a robot"):
        white["copies"]
    assert set(white["factors-kl"].detail["none"].values()) == {1.0}
    missed = white["factors-kl"].detail["missed"]
    assert {factor: len(values) for factor, values in missed.items()} == ROBOTS.values


def test_played_back_training_images_are_copies(evaluation: Evaluation, data: Prepared) -> None:
    copied = Scores(evaluation, data.train.images[:500])
    assert copied.value("copies") == 1
    assert copied.value("new-combinations") == 0
    # Every combination that there is, with the probability of drawing it factor by factor.
    assert data.train.factors is not None
    marginals = [np.bincount(column, minlength=10) / 500 for column in data.train.factors[:500].T]
    every = marginals[0]
    for marginal in marginals[1:]:
        every = np.multiply.outer(every, marginal)
    chance = every[tuple(data.train.factors.T)].sum()
    assert copied["copies"].detail["chance"] == pytest.approx(chance, rel=1e-9)
    assert chance == pytest.approx(len(data.train) / 1e6, rel=0.3)


def test_a_generator_of_five_colors_is_found_out(evaluation: Evaluation, layers: list[Any]) -> None:
    factors = PARTS["test"][:1_000].copy()
    factors[:, 0] = np.arange(1_000) % 5 * 2  # each of five colors equally often
    five = Scores(evaluation, compose(layers, factors, image_size=SIDE))
    found = five["factors-kl"]
    assert found.detail["missed"] == {
        **{factor: [] for factor in ROBOTS.values},
        "color": ["brown", "grey", "pink", "red", "yellow"],
    }
    assert found.detail["by_factor"]["color"] == pytest.approx(math.log(2), abs=0.02)
    assert found.value == pytest.approx(np.mean(list(found.detail["by_factor"].values())))
    (picture,) = found.pictures
    assert picture.name == "missing-parts.png"
    assert picture.caption.startswith("Missed: 5 of the 60 colors and parts")


def test_pairs_that_no_data_has_are_counted(evaluation: Evaluation, layers: list[Any]) -> None:
    factors = PARTS["test"][:80].copy()
    columns = list(ROBOTS.values)
    for pair in (ROBOTS.held_out[0], ROBOTS.held_out[3]):
        for factor, number in pair:
            factors[:, columns.index(factor)] = number - 1
    composed = Scores(evaluation, compose(layers, factors, image_size=SIDE))
    # Both pairs name a face, so that the second one's stands.
    assert composed.value("unseen-pairs") == 1 / 8
    images = composed["unseen-pairs"].detail["images"]
    assert images.pop("face 6 with accessory 8") >= 79
    assert set(images.values()) == {0}
    for i, (one, other) in enumerate(ROBOTS.held_out):
        few = factors[i * 10 : i * 10 + 10]
        few[:] = PARTS["test"][i * 10 : i * 10 + 10]
        for factor, number in (one, other):
            few[:, columns.index(factor)] = number - 1
    assert Scores(evaluation, compose(layers, factors, image_size=SIDE)).value("unseen-pairs") == 1


def test_distance_is_the_root_of_the_mean_square(layers: list[Any]) -> None:
    factors = PARTS["test"][:3]
    truth = compose(layers, factors, image_size=SIDE).astype(np.float64) / 255
    black = np.zeros((3, SIDE, SIDE, 3), dtype=np.uint8)
    expected = [np.linalg.norm(robot) / math.sqrt(robot.size) for robot in truth]
    assert metrics.distances_to(layers, black, factors=factors) == pytest.approx(expected, rel=1e-6)


def test_the_threshold_lies_between_blurred_and_wrong(data: Prepared) -> None:
    truth = metrics.Truth(data.splits["validation"], image_size=SIDE)
    assert truth.threshold == pytest.approx(0.047, abs=0.003)


def test_robots_read_by_another_network_are_not_judged(data: Prepared) -> None:
    class Other:
        name = "inception"

    other: Any = Other()
    seen = Evaluation(data, other, folder=RunFolder(Path("nowhere")), conditional=False)
    with pytest.raises(NotComputedError, match="Leave --extractor at auto"):
        likeness(seen.real("test", 5), seen)


# The picture


def test_missing_parts_are_drawn_and_where_there_are_none_it_says_so() -> None:
    none: dict[str, list[int]] = {factor: [] for factor in ROBOTS.values}
    with Image.open(io.BytesIO(missing_parts(ROBOTS, none))) as picture:
        assert picture.mode == "RGB"
        assert np.asarray(picture).reshape(-1, 3).std(axis=1).max() < 20  # text is all there is
        height = picture.height
    some = {**none, "color": [7], "eyes": [6, 8]}
    with Image.open(io.BytesIO(missing_parts(ROBOTS, some))) as picture:
        assert picture.height == height + 2 * 68
        pixels = np.asarray(picture).astype(int)
    red = (pixels[..., 0] > 180) & (pixels[..., 1:] < 80).all(axis=-1)
    assert red.sum() > 300


# The command line


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The command line, with data and runs in a fresh directory."""

    def call(*arguments: str | Path, **env: str) -> Outcome:
        return run_cli(*arguments, cwd=tmp_path, env={"GANTOOL_DATA_DIR": str(tmp_path), **env})

    return call


FEW_ROBOTS = """
import gantool
from gantool_robots.data import Robots


class FewRobots(Robots):
    sizes = (256, 64, 64)


@gantool.hookimpl
def register_datasets(register):
    register(
        gantool.DatasetSpec(
            "few-robots", "robots", source="few_robots:FewRobots", images=384, image_size=32,
            channels=3, classes=10, extractor="robots"
        )
    )
"""


def test_a_run_on_robots_has_every_score_and_its_page_the_missing_parts(
    cli: Cli, tmp_path: Path
) -> None:
    info = tmp_path / "site" / "few-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: few\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gantool]\nfew = few_robots\n")
    (tmp_path / "site" / "few_robots.py").write_text(FEW_ROBOTS)
    done = cli(
        *("run", "dcgan", "--data", "few-robots", "--steps", "2", "--name", "a", "--evaluate"),
        *("--evaluation-samples", "100", *SMALL),
        PYTHONPATH=str(tmp_path / "site"),
    )
    assert done.code == 0, done.err
    run = tmp_path / "experiments" / "a"
    scores = {score.metric: score for score in RunFolder(run).scores()}
    assert scores["valid"].value == 0
    assert scores["valid"].real == 1
    assert scores["valid"].noise == 0
    assert scores["valid"].protocol["extractor"] == "robots"
    assert scores["frechet-distance"].value is not None
    assert scores["unseen-pairs"].real == 0
    assert scores["copies"].value is None
    assert scores["copies"].reason == "none of the 100 images is a robot."
    assert list(scores["factors-kl"].detail["pictures"]) == ["missing-parts.png"]
    assert (run / "pictures" / "missing-parts.png").is_file()
    assert "Missed: " in (run / "report.html").read_text()


def test_robots_are_listed_with_their_artists(cli: Cli) -> None:
    listed = {spec["name"]: spec for spec in cli("list-datasets", "--json").json}
    assert "Zikri Kader, CC-BY" in listed["robots"]["credit"]
    assert "David Revoy" in listed["cats"]["credit"]
    assert listed["robots"]["present"] is True
    assert "robots: Robots by Zikri Kader" in cli("list-datasets").out


def test_a_size_that_shows_no_robot_is_refused(cli: Cli, tmp_path: Path) -> None:
    done = cli("run", "dcgan", "--data", "robots", "--image-size", "12", "--steps", "1")
    assert done.code == 2
    assert "robots can be had from 16 to 300 pixels a side, not 12" in done.err
    assert not (tmp_path / "experiments").exists()


@pytest.mark.parametrize("there", [False, True], ids=["missing", "other"])
def test_another_robohash_or_none_is_said(cli: Cli, tmp_path: Path, there: bool) -> None:
    if there:
        other = tmp_path / "site" / "robohash" / "sets" / "set1" / "blue" / "001#Eyes"
        other.mkdir(parents=True)
        Image.new("RGBA", (300, 300)).save(other / "000#blue_eyes-01.png")
        (tmp_path / "site" / "robohash" / "__init__.py").touch()
        said, remedy = "are not those of robohash 2.0", "--force-reinstall robohash==2.0"
    else:
        (tmp_path / "site").mkdir()
        (tmp_path / "site" / "robohash.py").touch()  # hides the package
        said, remedy = "the package robohash, which is not installed", "pip install robohash==2.0"
    arguments = ("run", "dcgan", "--data", "robots", "--steps", "1", *SMALL)
    done = cli(*arguments, PYTHONPATH=str(tmp_path / "site"))
    assert done.code == 1
    assert said in done.err
    assert remedy in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "experiments").exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path / "site"))
        for name in [name for name in sys.modules if name.split(".")[0] == "robohash"]:
            patch.delitem(sys.modules, name)
        with pytest.raises(GantoolError):
            source = Robots(tmp_path)
            source.image_size = SIDE
            source.open()
        assert source.present() is there
