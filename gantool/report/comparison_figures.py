"""The pictures of a comparison: curves and samples of all variants."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullFormatter
from PIL import Image

from gantool.report.colors import GRAY, colors_of
from gantool.report.cost import CostPanel, CostView, cost_view
from gantool.report.curves import player_of, without_answers
from gantool.report.figures import (
    literal,
    read_picture,
    save,
    seed_and_step,
    smooth,
    spare_spikes,
    x_label,
)
from gantool.report.format import short
from gantool.report.load import RunData
from gantool.report.result import ComparisonResult, ScoreColumn, Variant
from gantool.report.series import ANSWERS, bridged, is_known
from gantool.report.statistics import Summary
from gantool.report.tables import heading_of
from gantool.runs.files import read_text
from gantool.runs.folder import RunFolder, thinned

_MOST_ROWS = 20  # variants that a picture has room for
_CELLS = 10
_COLUMNS = 3  # of scatters
_UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)  # what Pillow raises
_MOST_LOSSES = 10
_MOST_CURVES = 100  # single runs in a panel
_WIDE = 5  # a factor between values from which on their axis is logarithmic


@dataclass(frozen=True, slots=True)
class _Panel:
    """One pair of axes: the metric, its title, and of what scale of D it is, if of any."""

    key: str
    title: str
    scale: str | None = None


def plot_comparison(result: ComparisonResult, runs: Sequence[RunData], *, path: Path) -> None:
    """Write the picture of all variants' losses, D(x) and D(G(z)).

    It shows the mean over seeds, one standard deviation around it, and single runs.
    """
    save(comparison_figure(result, runs), path)


def comparison_figure(result: ComparisonResult, runs: Sequence[RunData]) -> Figure:
    """A panel for every loss that any run has, and for D(x) and D(G(z)) of either scale."""
    colors = colors_of(result)
    members = _members(result, runs)
    shown = result.variants[:_MOST_ROWS]
    rows = _rows(result, members)
    width, columns = (11.0, 2) if any(len(row) > 1 for row in rows) else (6.5, 1)
    figure = Figure(figsize=(width, 3.5 * len(rows) + 0.5), layout="constrained")
    grid = figure.subplots(len(rows), columns, sharex=True, squeeze=False)
    trained = [variant for variant in result.variants if not variant.elsewhere]
    label = x_label(all("loss_g" in variant.losses for variant in trained))
    lowest = [max(i for i, row in enumerate(rows) if len(row) > c) for c in range(columns)]
    for i, row in enumerate(rows):
        for axes, panel in zip(grid[i], row, strict=False):
            for variant in shown:
                having = [r for r in members[variant.name] if is_known(r.series, panel.key)]
                if panel.scale in (None, variant.d_scale):
                    _variant_curve(
                        axes,
                        having,
                        panel=panel,
                        color=colors[variant.name],
                        single=_MOST_CURVES // len(shown),
                    )
            _finish(axes, panel)
        for axes in grid[i][len(row) :]:
            axes.set_axis_off()
    for i, axes in zip(lowest, grid.T, strict=True):
        axes[i].set_xlabel(label)
        axes[i].tick_params(labelbottom=True)
    figure.supxlabel(literal(" ".join(without_answers(result.variants))), fontsize=10, color=GRAY)
    _name_variants(figure, [variant.name for variant in result.variants], colors=colors)
    return figure


def _finish(axes: Axes, panel: _Panel) -> None:
    if panel.scale == "probability":
        axes.axhline(0.5, color=GRAY, linewidth=1, linestyle=":")
        axes.set_ylim(-0.02, 1.02)
    axes.set_title(literal(panel.title), loc="left", fontsize=11)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _name_variants(figure: Figure, names: Sequence[str], *, colors: Mapping[str, str]) -> None:
    """The legend, in as many columns as the names leave room for."""
    shown = names[:_MOST_ROWS]
    inches = 0.8 + 0.085 * max(len(name) for name in shown)
    figure.legend(
        handles=[
            Line2D([], [], color=colors[name], linewidth=2, label=literal(name)) for name in shown
        ],
        loc="outside upper center",
        ncols=max(1, min(5, len(shown), int(figure.get_figwidth() / inches))),
        frameon=False,
    )


def _members(result: ComparisonResult, runs: Sequence[RunData]) -> dict[str, list[RunData]]:
    """The runs that count, by their variant's name."""
    by_path = {str(run.folder.path): run for run in runs}
    return {variant.name: [by_path[path] for path in variant.paths] for variant in result.variants}


def _rows(result: ComparisonResult, members: Mapping[str, Sequence[RunData]]) -> list[list[_Panel]]:
    """The panels, two a row: the losses, then D(x) beside D(G(z)); at least one."""
    keys = result.losses[:_MOST_LOSSES] or ["loss_g"]
    losses = [_Panel(key, f"loss of the {player_of(key)}") for key in keys]
    rows = [losses[i : i + 2] for i in range(0, len(losses), 2)]
    for scale, addition in (("probability", ""), ("raw", ", raw output")):
        series = [
            run.series
            for variant in result.variants
            if variant.d_scale == scale
            for run in members[variant.name]
        ]
        if any(is_known(one, key) for one in series for key in ANSWERS):
            titles = zip(ANSWERS, ("D(x)", "D(G(z))"), strict=True)
            rows.append([_Panel(key, f"{title}{addition}", scale) for key, title in titles])
    return rows


def _variant_curve(
    axes: Axes, members: Sequence[RunData], *, panel: _Panel, color: str, single: int
) -> None:
    """The mean of a variant's runs, and so many of them."""
    if not members:
        return
    end = max(float(run.series["step"][-1]) for run in members)
    grid = np.linspace(1, end, num=300)
    curves = _smoothed(members, panel.key, grid=grid)
    for curve in thinned(curves, single) if len(members) > 1 else ():
        axes.plot(grid, curve, color=color, linewidth=0.7, alpha=0.35)
    stacked = np.array(curves)
    # Where no run has a value yet the mean is nan, which is what is wanted.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean = np.nanmean(stacked, axis=0)
        spread = np.nanstd(stacked, axis=0, ddof=1) if len(members) > 1 else np.zeros_like(mean)
    axes.fill_between(grid, mean - spread, mean + spread, color=color, alpha=0.18, linewidth=0)
    axes.plot(grid, mean, color=color, linewidth=1.8)
    if panel.scale != "probability":
        spare_spikes(
            axes, *[np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.get_lines()]
        )


def _smoothed(
    members: Sequence[RunData], key: str, *, grid: npt.NDArray[np.float64]
) -> list[npt.NDArray[np.float64]]:
    """The curve of each run at the steps of a grid; runs of one length are smoothed together."""
    by_length: dict[int, list[RunData]] = {}
    for run in members:
        by_length.setdefault(len(run.series["step"]), []).append(run)
    found = {}
    for length, alike in by_length.items():
        values = np.array([bridged(run.series[key]) for run in alike])
        for run, curve in zip(alike, smooth(values, max(5, length // 50)), strict=True):
            at_grid = np.interp(grid, run.series["step"], fp=curve, left=np.nan, right=np.nan)
            found[run.folder.path] = at_grid
    return [found[run.folder.path] for run in members]


def plot_cost(result: ComparisonResult, *, path: Path) -> None:
    """Write the picture of quality against cost; where there is none, no older one stays."""
    view = cost_view(result)
    if view.column is None or not view.panels:
        path.unlink(missing_ok=True)
        return
    save(cost_figure(view, view.column, colors=colors_of(result)), path)


def cost_figure(view: CostView, column: ScoreColumn, *, colors: Mapping[str, str]) -> Figure:
    """A panel a cost: means over seeds with their 95% intervals.

    The variants that nothing dominates are rimmed and joined.
    """
    figure = Figure(figsize=(0.5 + 3.7 * len(view.panels), 4.2), layout="constrained")
    grid = figure.subplots(1, len(view.panels), sharey=True, squeeze=False)[0]
    for axes, panel in zip(grid, view.panels, strict=True):
        _cost_points(axes, panel, colors=colors)
        if column.real is not None:
            axes.axhline(column.real, color=GRAY, linewidth=1, linestyle=":")
    scores = [point.score for panel in view.panels for point in panel.points]
    _limit(grid[0], "y", scores, [] if column.real is None else [column.real])
    real = "" if column.real is None else f"; dotted: real, {short(column.real)}"
    grid[0].set_ylabel(literal(heading_of(column)) + real)
    names = dict.fromkeys(point.variant for panel in view.panels for point in panel.points)
    _name_variants(figure, list(names), colors=colors)
    return figure


def _cost_points(axes: Axes, panel: CostPanel, *, colors: Mapping[str, str]) -> None:
    best = sorted((p for p in panel.points if not p.dominated), key=lambda p: p.cost.mean)
    axes.plot(
        [p.cost.mean for p in best],
        [p.score.mean for p in best],
        color=GRAY,
        linewidth=1,
        drawstyle="steps-post",
        zorder=1,
    )
    for point in panel.points:
        color = colors[point.variant]
        x, y = point.cost.mean, point.score.mean
        for low, high, draw in (
            (point.cost.low, point.cost.high, axes.hlines),
            (point.score.low, point.score.high, axes.vlines),
        ):
            if low is not None and high is not None and high > low:
                fixed = y if draw == axes.hlines else x
                draw(fixed, low, high, color=color, linewidth=1.3, alpha=0.6, zorder=2)
        rim, size = ("none", 5) if point.dominated else ("black", 9)
        axes.plot(x, y, "o", color=color, markersize=size, mec=rim, mew=1.4, zorder=3)
    _limit(axes, "x", [point.cost for point in panel.points])
    axes.set_xlabel(literal(panel.title))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _limit(
    axes: Axes, way: str, summaries: Sequence[Summary], further: Sequence[float] = ()
) -> None:
    """Limits of x or y around all runs, logarithmic where they span more than a factor of five.

    An interval of two or three runs may be far wider than they are: it is cut off there.
    """
    values = [value for summary in summaries for value in summary.values] + list(further)
    low, high = min(values), max(values)
    axis = axes.xaxis if way == "x" else axes.yaxis
    if low > 0 and high > _WIDE * low:
        margin = (high / low) ** 0.12
        axes.set(**{f"{way}scale": "log", f"{way}lim": (low / margin, high * margin)})
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
        axis.set_minor_formatter(NullFormatter())
    else:
        margin = 0.12 * (high - low) or 0.1 * abs(high) or 1.0
        axes.set(**{f"{way}lim": (low - margin, high + margin)})
    axis.set_major_formatter(FuncFormatter(_tick))


def _tick(value: float, _: int) -> str:
    return EngFormatter(sep="")(value) if value >= 10_000 else short(value)


def plot_variants(result: ComparisonResult, runs: Sequence[RunData], *, path: Path) -> None:
    """Write the picture of all variants' samples.

    Images have a row a variant: the same cells of its last sample grid, and real ones above them.
    Points have the last picture of each variant, and the real ones before them.
    """
    last = _last_pictures(result, runs)
    scatters = [shown for shown in last if shown[1].record.noun == "points"]
    if scatters and len(scatters) == len(last):
        _plot_scatters(scatters, path=path)
        return
    rows: list[tuple[str, npt.NDArray[np.uint8]]] = []
    for variant, run, step in last:
        if run.record.noun == "points":
            continue
        strip = _first_cells(run.folder.sample_grid(step), run.folder)
        if strip is None:
            continue
        real = _first_cells(run.folder.real_file, run.folder)
        if not rows and real is not None:
            rows.append(("real images", real))
        rows.append((f"{literal(variant.name)}\n{seed_and_step(run.record, step)}", strip))
    if not rows:
        return
    figure = Figure(figsize=(11, 1.08 * len(rows) + 0.2), layout="constrained")
    for axes, (title, strip) in zip(
        np.atleast_1d(figure.subplots(len(rows), 1)), rows, strict=True
    ):
        axes.imshow(strip, interpolation="nearest")
        axes.set_ylabel(title, rotation=0, ha="right", va="center", fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
    save(figure, path)


def _last_pictures(
    result: ComparisonResult, runs: Sequence[RunData]
) -> list[tuple[Variant, RunData, int]]:
    """For each variant its first run that drew samples, and the last step at which it did."""
    by_path = {str(run.folder.path): run for run in runs}
    found = []
    for variant in result.variants[:_MOST_ROWS]:
        for run in (by_path[path] for path in variant.paths):
            if grids := run.folder.sample_grids():
                found.append((variant, run, list(grids)[-1]))
                break
    return found


def _plot_scatters(last: Sequence[tuple[Variant, RunData, int]], *, path: Path) -> None:
    shown = [("real points", last[0][1].folder.real_file)]
    for variant, run, step in last:
        title = f"{literal(variant.name)}\n{seed_and_step(run.record, step)}"
        shown.append((title, run.folder.sample_grid(step)))
    rows = -(-len(shown) // _COLUMNS)
    figure = Figure(figsize=(11, 3.95 * rows), layout="constrained")
    for axes in figure.subplots(rows, _COLUMNS, squeeze=False).flat:
        axes.axis("off")
    for axes, (title, file) in zip(figure.axes, shown, strict=False):
        axes.set_title(title, fontsize=9)
        with contextlib.suppress(*_UNREADABLE):
            axes.imshow(read_picture(file))
    save(figure, path)


def _first_cells(file: Path, folder: RunFolder) -> npt.NDArray[np.uint8] | None:
    """The first ten cells of a sample grid, side by side; None where it cannot be read."""
    try:
        sample_grid = json.loads(read_text(folder.sheet_file))
        columns, rows, padding = (
            int(sample_grid["columns"]),
            int(sample_grid["rows"]),
            int(sample_grid.get("padding", 2)),
        )
        picture = read_picture(file)
        height, width = (
            (picture.shape[0] - padding) // rows,
            (picture.shape[1] - padding) // columns,
        )
        if not (padding >= 0 and rows > 0 and columns > 0 and min(height, width) > padding):
            return None
        cells = [
            picture[
                padding + (i // columns) * height : (i // columns + 1) * height,
                padding + (i % columns) * width : (i % columns + 1) * width,
            ]
            for i in range(min(_CELLS, rows * columns))
        ]
        gap = np.full((cells[0].shape[0], padding, 3), 255, dtype=np.uint8)
        return np.concatenate([part for cell in cells for part in (cell, gap)], axis=1)
    except (
        *_UNREADABLE,
        KeyError,
        TypeError,
        IndexError,
        ZeroDivisionError,
        RecursionError,
        OverflowError,
    ):
        return None
