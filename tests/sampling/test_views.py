"""The picture of a sample grid, by the kind of data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gantool import GAN, GANConfig, Model, Shapes, TrainConfig
from gantool.runs.folder import RunFolder
from gantool.sampling.landscape import survey
from gantool.sampling.scatter import SIZE, Scatter
from gantool.sampling.views import MARGIN, GridView, PlaneView, recorded_view, view_of


class Small(GAN[GANConfig]):
    def build(self, shapes: Shapes) -> None:
        self.generator = nn.Linear(self.latent.dimension, 2)
        self.discriminator = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))


class Alone(Model[TrainConfig]):
    def build(self, shapes: Shapes) -> None:
        self.generator = nn.Linear(self.latent.dimension, 2)


def points(n: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(n, 2)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_lie_side_by_side_as_they_are(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 5, 5, channels), dtype=np.uint8)
    view = view_of(Shapes(5, channels, classes=0), images)
    assert isinstance(view, GridView)
    picture = view.picture(images, columns=3)
    expected = np.full((2 * 7 + 2, 3 * 7 + 2, 3), 128, np.uint8)
    for i, image in enumerate(images):
        top, left = 2 + i // 3 * 7, 2 + i % 3 * 7
        expected[top : top + 5, left : left + 5] = image
    assert (picture == expected).all()
    assert (view.real(images, columns=3) == expected).all()
    assert view.describe() == {}


def test_points_are_drawn_in_their_own_units_within_one_square() -> None:
    shapes = Shapes.of_points(2, scale=4.0)
    labels = np.arange(100) % 2
    real, samples = points(30), points(100, seed=1)
    view = view_of(shapes, real, np.arange(30) % 2)
    assert isinstance(view, PlaneView)
    scatter = view.scatter(samples, labels=labels)
    assert scatter.bound == MARGIN * 4
    assert scatter.landscape is None
    plain = Scatter(bound=MARGIN * 4, samples=samples, labels=labels, real=real)
    assert (view.picture(samples, columns=7, labels=labels) == np.asarray(plain.draw())).all()
    alone = Scatter(bound=MARGIN * 4, real=real)
    assert (view.real(real, columns=7) == np.asarray(alone.draw())).all()


@pytest.mark.parametrize("loss", ["non-saturating", "relativistic"])
def test_the_landscape_is_that_of_the_points_in_the_models_lengths(loss: str) -> None:
    torch.manual_seed(0)
    gan = Small.create(GANConfig(loss=loss, nz=2), Shapes.of_points(scale=2.5))
    real, samples = points(30), points(200, seed=1)
    scatter = view_of(gan.shapes, real).scatter(samples, judge=gan)  # type: ignore[attr-defined]
    assert scatter.pulled is not None
    assert len(set(scatter.pulled)) == 64
    expected = survey(
        gan,
        torch.from_numpy(samples[scatter.pulled] / 2.5),
        bound=MARGIN,
        real=torch.from_numpy(real / 2.5),
    )
    assert expected is not None
    np.testing.assert_allclose(scatter.landscape.heights, expected.heights, atol=1e-6)
    np.testing.assert_allclose(scatter.landscape.arrows, expected.arrows, atol=1e-5)
    assert (
        np.asarray(scatter.draw()) != view_of(gan.shapes, real).picture(samples, columns=1)
    ).any()


def test_a_model_without_a_discriminator_has_its_samples_alone() -> None:
    model = Alone.create(TrainConfig(nz=2), Shapes.of_points())
    view = view_of(model.shapes, points(30))
    samples = points(40, seed=1)
    shown = view.picture(samples, columns=1, judge=model)
    assert (shown == view.picture(samples, columns=1)).all()


def test_what_is_recorded_gives_the_same_picture_later(tmp_path: Path) -> None:
    shapes = Shapes.of_points(3, scale=1.5)
    view = view_of(shapes, points(20), np.arange(20) % 3)
    folder = RunFolder(tmp_path)
    folder.sheet_file.write_text(json.dumps(view.describe()))
    later = recorded_view(shapes, folder)
    samples = points(50, seed=2)
    assert (later.picture(samples, columns=1) == view.picture(samples, columns=1)).all()
    assert isinstance(later, PlaneView)
    assert later.labels is not None
    assert later.labels.tolist() == [i % 3 for i in range(20)]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"real": "x"}',
        '{"real": [[1, 2], [3]]}',
        '{"real": [1, 2]}',
        '{"real": [[[1, 2]]]}',
        '{"real": [], "real_labels": [1]}',
        '{"real": null, "real_labels": "x"}',
        '{"real": [[1e999, 2]], "real_labels": [1e999]}',
    ],
)
def test_a_damaged_record_leaves_the_real_points_out(tmp_path: Path, content: str) -> None:
    folder = RunFolder(tmp_path)
    folder.sheet_file.write_text(content)
    view = recorded_view(Shapes.of_points(), folder)
    assert isinstance(view, PlaneView)
    assert len(view.behind) == 0
    assert view.picture(points(5), columns=1).shape == (SIZE, SIZE, 3)


def test_a_folder_without_a_record_of_the_grid_is_shown_too(tmp_path: Path) -> None:
    assert isinstance(recorded_view(Shapes.of_points(), RunFolder(tmp_path)), PlaneView)
    assert isinstance(recorded_view(Shapes(8, 1, classes=0), RunFolder(tmp_path)), GridView)
