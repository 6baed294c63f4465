"""The curves of runs of every kind: which there are, and what the pictures show of them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_runs import make_outsider, make_run
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gantool.report.compare import compare
from gantool.report.comparison_figures import comparison_figure
from gantool.report.figures import losses_figure, smooth
from gantool.report.load import read_run, read_runs
from gantool.report.series import bridged, last_losses, losses_of, terms_of

NAN = float("nan")


def drawn(path: Path) -> Figure:
    """losses.png of a run."""
    run = read_run(path)
    return losses_figure(run.record, run.series)


def compared(*paths: Path) -> Figure:
    """losses.png of a comparison."""
    runs = read_runs(paths).runs
    return comparison_figure(compare(runs), runs)


def shown(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.axison]


def legend(axes: Axes) -> list[str]:
    found = axes.get_legend()
    return [] if found is None else [text.get_text() for text in found.get_texts()]


def has_half_line(axes: Axes) -> bool:
    return any(list(line.get_ydata()) == [0.5, 0.5] for line in axes.get_lines())


def curves(axes: Axes) -> int:
    return sum(len(line.get_ydata()) > 2 for line in axes.get_lines())


def every_other(**values: float) -> Any:
    return lambda step: {key: value if step % 4 == 1 else None for key, value in values.items()}


def test_a_run_has_the_losses_of_its_players_and_further_terms(tmp_path: Path) -> None:
    vae = read_run(make_outsider(tmp_path / "vae")).series
    assert (losses_of(vae), terms_of(vae)) == (["loss_vae"], ["kl"])
    path = make_run(tmp_path / "a", metrics=lambda step: {"loss_encoder": 2.0, "r1": 0.1, "k": 1})
    series = read_run(path).series
    assert losses_of(series) == ["loss_d", "loss_g", "loss_encoder"]
    assert terms_of(series) == ["r1", "k"]


def test_the_last_losses_are_means_over_the_last_tenth_of_the_known(tmp_path: Path) -> None:
    vae = read_run(make_outsider(tmp_path / "vae")).series
    last = np.mean([100 - step / 2 for step in range(91, 101)])
    assert last_losses(vae) == {"loss_vae": pytest.approx(last)}
    path = make_run(tmp_path / "a", metrics=lambda step: {"loss_d": step if step <= 50 else None})
    assert last_losses(read_run(path).series)["loss_d"] == pytest.approx(48)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([0, NAN, NAN, 3, NAN, NAN, 6], [0, 1, 2, 3, 4, 5, 6]),  # a lazy turn's
        ([NAN, 1, NAN, 3, NAN], [NAN, 1, 2, 3, NAN]),
        ([1, 2, 3, NAN, 5, 6], [1, 2, 3, NAN, 5, 6]),
        ([0, NAN, 2, NAN, 4, NAN, NAN, NAN, NAN, 9], [0, 1, 2, 3, 4, NAN, NAN, NAN, NAN, 9]),
        ([NAN, NAN], [NAN, NAN]),
        ([NAN, 5], [NAN, 5]),
        ([], []),
    ],
)
def test_lines_bridge_what_is_usually_missing_and_nothing_else(
    values: list[float], expected: list[float]
) -> None:
    np.testing.assert_allclose(bridged(np.array(values, dtype=float)), expected)


def test_an_average_leaves_gaps_as_they_are_and_goes_on_behind_them() -> None:
    found = smooth(np.array([NAN, 1.0, NAN, 3.0]), 3)
    np.testing.assert_allclose(found, [NAN, 1.0, NAN, (0.5 * 1 + 3) / 1.5])


def test_an_outsiders_picture_has_its_loss_and_says_why_there_is_no_discriminator(
    tmp_path: Path,
) -> None:
    figure = drawn(make_outsider(tmp_path / "a"))
    (axes,) = figure.axes
    assert legend(axes) == ["vae"]
    assert not has_half_line(axes)
    assert figure.get_supxlabel() == "vae has no discriminator: there is no D(x) to show."
    assert axes.get_xlabel() == "step"


def test_a_discriminator_without_answers_is_not_denied(tmp_path: Path) -> None:
    path = make_run(
        tmp_path / "a", model="began", d_scale=None, metrics=every_other(d_real=None, d_fake=None)
    )
    figure = drawn(path)
    assert len(figure.axes) == 1
    assert figure.get_supxlabel() == "The discriminator of began gives no D(x) to show."


@pytest.mark.parametrize("scale", ["probability", "raw"])
def test_the_half_is_drawn_for_probabilities_alone(tmp_path: Path, scale: str) -> None:
    figure = drawn(make_run(tmp_path / "a", d_scale=scale))
    losses, answers = figure.axes
    assert legend(losses) == ["discriminator", "generator"]
    assert legend(answers)[:2] == ["D(x), real images", "D(G(z)), before D's update"]
    assert has_half_line(answers) is (scale == "probability")
    assert figure.get_supxlabel() == ""
    assert answers.get_xlabel() == "step (generator updates)"


def test_further_players_are_in_the_picture_by_name(tmp_path: Path) -> None:
    path = make_run(tmp_path / "a", metrics=lambda step: {"loss_$x$": 2.0, "loss_q": 1.0})
    losses = drawn(path).axes[0]
    assert legend(losses) == ["discriminator", "generator", r"\$x\$", "q"]
    colors = {handle.get_color() for handle in losses.get_legend().get_lines()}
    assert len(colors) == 4


def test_a_value_that_is_missing_is_a_gap_and_never_zero(tmp_path: Path) -> None:
    path = make_run(
        tmp_path / "a", metrics=lambda step: {"loss_g": None} if 30 < step <= 60 else {}
    )
    _, *lines = drawn(path).axes[0].get_lines()[1:]
    for line in lines:  # the generator's, as it is and smoothed
        values = np.asarray(line.get_ydata(), dtype=float)
        assert np.isnan(values[30:60]).all()
        assert np.nanmin(values) > 0.5


def test_a_run_that_has_recorded_nothing_is_drawn_without_a_warning(tmp_path: Path) -> None:
    for path in (make_run(tmp_path / "a", steps=0), make_outsider(tmp_path / "b", steps=0)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure = drawn(path)
            compared(path)
        assert legend(figure.axes[0]) == []


def test_a_comparison_has_a_panel_for_every_loss_and_both_scales(tmp_path: Path) -> None:
    figure = compared(
        make_run(tmp_path / "dcgan"),
        make_run(tmp_path / "wgan", model="wgan", d_scale="raw"),
        make_outsider(tmp_path / "vae"),
    )
    found = {axes.get_title(loc="left"): axes for axes in shown(figure)}
    assert list(found) == [
        "loss of the discriminator",
        "loss of the generator",
        "loss of the vae",
        "D(x)",
        "D(G(z))",
        "D(x), raw output",
        "D(G(z)), raw output",
    ]
    assert {title for title, axes in found.items() if has_half_line(axes)} == {"D(x)", "D(G(z))"}
    assert [curves(axes) for axes in found.values()] == [2, 2, 1, 1, 1, 1, 1]
    assert figure.get_supxlabel() == "vae has no discriminator: there is no D(x) to show."
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["dcgan", "vae", "wgan"]


def test_a_comparison_of_outsiders_has_no_panel_of_a_discriminator(tmp_path: Path) -> None:
    figure = compared(make_outsider(tmp_path / "a"), make_outsider(tmp_path / "b", seed=1))
    (axes,) = shown(figure)
    assert axes.get_title(loc="left") == "loss of the vae"
    assert axes.get_xlabel() == "step"
    assert curves(axes) == 3  # two runs and their mean
