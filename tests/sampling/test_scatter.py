"""Scatters: what lies where, in which color."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gantool.sampling.landscape import SIDE, Landscape
from gantool.sampling.scatter import COLORS, LEFT, PLANE, SIZE, TOP, Scatter, few_colors, shaded

WHITE = np.array((255, 255, 255))


def pixel(picture: Any, x: float, y: float, *, bound: float) -> np.ndarray[Any, Any]:
    """The color at a point of the plane."""
    column = LEFT + (x / bound + 1) / 2 * PLANE
    row = TOP + (1 - y / bound) / 2 * PLANE
    return np.asarray(picture).astype(int)[int(row), int(column)]


def is_near(color: Any, other: Any, within: int = 60) -> bool:
    return bool(np.abs(np.asarray(color) - np.asarray(other)).max() <= within)


def test_samples_lie_where_they_are_in_the_color_of_their_label() -> None:
    points = np.array([[1.1, 1.3], [-1.7, 0.6], [0.3, -1.9]])
    picture = Scatter(bound=2, samples=points, labels=np.array([0, 1, 2 + len(COLORS)])).draw()
    assert picture.size == (SIZE, SIZE)
    for (x, y), color in zip(points, COLORS, strict=False):
        assert is_near(pixel(picture, x, y, bound=2), color)
    assert (pixel(picture, 1.1, -1.3, bound=2) == WHITE).all()
    plain = Scatter(bound=2, samples=points).draw()
    assert all(is_near(pixel(plain, x, y, bound=2), COLORS[0]) for x, y in points)


def test_real_points_are_gray_and_behind() -> None:
    real, samples = np.array([[0.55, 0.35], [-0.45, 0.15]]), np.array([[0.55, 0.35]])
    picture = Scatter(bound=1, samples=samples, real=real).draw()
    assert is_near(pixel(picture, 0.55, 0.35, bound=1), COLORS[0])
    gray = pixel(picture, -0.45, 0.15, bound=1)
    assert gray.max() - gray.min() < 25
    assert gray.max() < 235


def test_the_shading_has_low_and_high_where_they_are() -> None:
    heights = np.full((SIDE, SIDE), 0.5, np.float32)
    heights[: SIDE // 2, : SIDE // 2] = 1  # above and left
    heights[SIDE // 2 :, SIDE // 2 :] = 0
    seen = Landscape(heights, np.zeros((0, 2), np.float32))
    picture = Scatter(bound=1, landscape=seen).draw()
    blue, white, amber = shaded(np.array([[0, 0.5, 1]], np.float32))[0].astype(int)
    assert is_near(pixel(picture, -0.53, 0.47, bound=1), amber, within=3)
    assert is_near(pixel(picture, 0.53, -0.47, bound=1), blue, within=3)
    assert is_near(pixel(picture, 0.53, 0.47, bound=1), white, within=3)
    # Whoever sees no colors sees which of them is darker.
    luminances = [color @ (0.2126, 0.7152, 0.0722) for color in (blue, amber, white)]
    assert min(np.diff(luminances)) > 15


def test_an_arrow_begins_at_its_sample_and_points_its_way() -> None:
    flat = np.full((SIDE, SIDE), 0.5, np.float32)
    seen = Landscape(flat, np.array([[0, 1]], np.float32))
    samples = np.array([[-0.55, 0.0], [0.55, 0.0]])
    with_arrow = Scatter(bound=1, samples=samples, landscape=seen, pulled=np.array([1])).draw()
    without = Scatter(bound=1, samples=samples, landscape=seen).draw()
    changed = np.abs(np.asarray(with_arrow).astype(int) - np.asarray(without)).sum(axis=2) > 0
    rows, columns = np.nonzero(changed)
    column, row = LEFT + 1.55 / 2 * PLANE, TOP + PLANE / 2
    assert np.abs(columns - column).max() <= 4
    assert row - 27 <= rows.min() <= row - 20  # upwards, by 24 pixels
    assert rows.max() <= row + 3


@pytest.mark.parametrize(("beyond", "count"), [(0, 0), (3, 3)])
def test_samples_outside_are_counted_and_said(beyond: int, count: int) -> None:
    points = np.zeros((8, 2))
    points[:beyond] = np.array([[3.0, 0], [0, -2.01], [np.nan, 0]])[:beyond]
    scatter = Scatter(bound=2, samples=points)
    assert scatter.outside == count
    caption = np.asarray(scatter.draw())[TOP + PLANE + 20 :, SIZE // 2 :]
    assert (caption.min() < 128) == bool(count)


def test_a_way_and_a_mark_are_drawn_over_all() -> None:
    way = np.array([[-0.55, 0.55], [0.0, 0.55], [0.55, 0.55]])
    picture = Scatter(bound=1, ways=[way], marked=np.array([[0.3, -0.35]])).draw()
    assert is_near(pixel(picture, -0.25, 0.55, bound=1), COLORS[1])
    assert is_near(pixel(picture, 0.55, 0.55, bound=1), COLORS[1])  # the last point is filled
    assert is_near(pixel(picture, -0.55, 0.55, bound=1), WHITE)  # the first is not
    assert is_near(pixel(picture, 0.3, -0.35, bound=1), COLORS[1])


def test_a_mark_outside_is_an_empty_ring_at_the_edge() -> None:
    picture = Scatter(bound=1, marked=np.array([[7.0, 0.5]])).draw()
    ring = np.asarray(picture)[TOP + PLANE // 4, LEFT + PLANE - 12 : LEFT + PLANE]
    assert ring.min() < 60
    assert is_near(pixel(picture, 0.998, 0.5, bound=1), WHITE)
    assert (np.asarray(Scatter(bound=1).draw()) != np.asarray(picture)).any()


def test_few_colors_are_those_of_the_picture() -> None:
    points = np.random.default_rng(0).uniform(-0.9, 0.9, (300, 2))
    heights = np.linspace(0, 1, num=SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE)
    seen = Landscape(heights, np.zeros((0, 2), np.float32))
    scatter = Scatter(bound=1, samples=points, labels=np.arange(300) % 8, landscape=seen)
    picture = scatter.draw()
    reduced = np.asarray(few_colors(picture).convert("RGB")).astype(int)
    assert len(np.unique(reduced.reshape(-1, 3), axis=0)) <= 70
    unlike = np.abs(reduced - np.asarray(picture)).max(axis=2)
    assert unlike.mean() < 6
    assert (unlike > 40).mean() < 0.01


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_points_that_are_nowhere_harm_nothing(value: float) -> None:
    bad = np.full((3, 2), value)
    seen = Landscape(np.full((SIDE, SIDE), 0.5, np.float32), np.zeros((3, 2), np.float32))
    scatter = Scatter(
        bound=1, samples=bad, real=bad, ways=[bad], marked=bad, landscape=seen, pulled=np.arange(3)
    )
    assert scatter.outside == 3
    assert scatter.draw().size == (SIZE, SIZE)


@pytest.mark.parametrize("bound", [0.013, 1.2, 4.9, 730.0])
def test_every_scale_has_round_ticks(bound: float) -> None:
    ticks = Scatter(bound=bound)._ticks()
    assert 0 in ticks
    assert 3 <= len(ticks) <= 11
    assert max(ticks) <= bound
