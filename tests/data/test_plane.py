"""Points in the plane: the published sets, their splits, and the batches that a model sees."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gantool.config import TrainConfig
from gantool.data.batches import Batches
from gantool.data.load import load
from gantool.data.points import plane
from gantool.data.points.plane import PointSplit, prepare_points
from gantool.errors import ConfigError, GantoolError
from gantool.gan.shapes import Shapes
from gantool.plugins.registry import load_registry
from gantool.plugins.spec import DatasetSpec, InvalidSpecError, load_implementation

SETS = [spec for spec in load_registry().datasets.values() if spec.kind == "points"]


def test_ring_and_grid_are_those_of_the_tables() -> None:
    ring, grid = plane.ring(), plane.grid()
    turns = np.exp(2j * np.pi * np.arange(8) / 8)
    assert ring.centers @ [1, 1j] == pytest.approx(turns)
    assert ring.std == 0.01
    assert {tuple(center) for center in grid.centers} == {
        (x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)
    }
    assert grid.std == 0.05
    assert ring.has_modes and grid.has_modes
    assert ring.shares == pytest.approx(1 / 8)


def test_curves_are_dense_and_their_arms_apart() -> None:
    for name in ("spiral", "moons", "circles"):
        truth = getattr(plane, name)()
        assert not truth.has_modes
        arms = [truth.centers[truth.labels == label] for label in (0, 1)]
        for arm in arms:
            steps = np.linalg.norm(np.diff(arm, axis=0), axis=1)
            assert steps.max() < 1.2 * truth.std, name
            assert steps.max() < 1.6 * steps.min(), name
        between = np.linalg.norm(arms[0][:, None] - arms[1], axis=-1)
        assert between.min() > 5 * truth.std, name


@pytest.mark.parametrize("spec", SETS, ids=lambda spec: spec.name)
def test_what_the_list_says_is_so(spec: DatasetSpec) -> None:
    truth = load_implementation(spec.source)()
    data = prepare_points(truth, spec.name)
    assert sum(map(len, data.splits.values())) == spec.images
    assert len(data.classes) == len(truth.classes) == spec.classes
    for split in data.splits.values():
        assert split.values.dtype == np.float32 and split.values.shape[1:] == (2,)
        assert (split.labels is None) == (spec.classes == 0)
        if split.labels is not None:  # the label is that of the Gaussian that a point is of
            near, distance = truth.nearest(split.values)
            sure = distance < 2.4 * truth.std
            assert (truth.labels[near] == split.labels)[sure].all()


def test_points_are_the_same_at_every_call_and_their_number_is_part_of_the_data() -> None:
    truth = plane.ring()
    first, again = (prepare_points(truth, name, points=500) for name in ("a", "b"))
    fewer = prepare_points(truth, "a", points=499)
    other = prepare_points(plane.circles(), "a", points=500)
    assert first.fingerprint == again.fingerprint
    assert len({data.fingerprint for data in (first, fewer, other)}) == 3
    assert (first.train.values == again.train.values).all()
    assert len(first.train) == 500
    assert (first.splits["test"].values == fewer.splits["test"].values).all()
    large = prepare_points(truth, "a", points=10_000)
    every = [bytes(point) for split in large.splits.values() for point in split.values]
    assert len(set(every)) == len(every) == 30_000  # no point is in two splits


def test_a_model_sees_points_in_units_of_the_recorded_scale() -> None:
    data = prepare_points(plane.grid(), "grid", points=1000)
    assert data.scale == pytest.approx(4.25)
    shapes = Shapes.of(data)
    assert (shapes.kind, shapes.sample, shapes.classes) == ("points", (2,), 25)
    assert shapes.scale == data.scale
    assert Shapes.recorded({"kind": "points", "scale": data.scale, "classes": ["a"] * 25}) == shapes
    seen = data.train.tensor(np.array([3, 1]), torch.device("cpu"))
    assert seen.dtype == torch.float32
    assert seen.numpy() * data.scale == pytest.approx(data.train.values[[3, 1]], rel=1e-6)
    every = data.train.tensor(np.arange(1000), torch.device("cpu"))
    assert every.abs().max() < 1
    assert data.train.values.max() > 3  # taking them changed nothing


def test_batches_name_no_kind_of_data() -> None:
    values = np.arange(20, dtype=np.float32).reshape(10, 2)
    split = PointSplit(values, np.arange(10) % 2, scale=2.0)
    batches = Batches(split, batch_size=4, seed=0, device=torch.device("cpu"))
    points, labels = next(batches)
    assert points.shape == (4, 2)
    assert labels is not None and (labels == points[:, 0] % 2).all()  # 2 i / 2 is i


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"data": "ring", "image_size": 32}, "--image-size 32"),
        ({"data": "ring", "channels": 1}, "--channels 1"),
        ({"data": "ring", "fit": "pad"}, "--fit pad is for images"),
        ({"data": "ring", "flip": True}, "--flip is for images"),
        ({"data": "mnist5k", "points": 1000}, "--points 1000: mnist5k is of images"),
    ],
)
def test_an_option_of_another_kind_is_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(TrainConfig(**options), load_registry())


def test_a_source_that_is_no_mixture_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = load_registry()
    dots = DatasetSpec("dots", "dots", "builtins:dict", images=10, kind="points")
    monkeypatch.setitem(registry.datasets, "dots", dots)
    with pytest.raises(GantoolError, match=r"builtins:dict gives .* no gantool"):
        load(TrainConfig(data="dots"), registry)


def test_a_description_of_points_needs_no_size() -> None:
    DatasetSpec("dots", "dots", "a.b:c", images=10, kind="points").check()
    with pytest.raises(InvalidSpecError, match="kinds must be"):
        DatasetSpec("dots", "dots", "a.b:c", images=10, kind="sounds").check()  # type: ignore[arg-type]
    with pytest.raises(InvalidSpecError, match="channels"):
        DatasetSpec("dots", "dots", "a.b:c", images=10).check()
