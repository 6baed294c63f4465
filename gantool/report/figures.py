"""The pictures of a run, drawn from its folder alone."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from gantool.report.colors import BLUE, GRAY, ORANGE
from gantool.report.load import Series, read_series
from gantool.runs.files import write_bytes
from gantool.runs.folder import RunFolder


def plot_losses(folder: RunFolder) -> None:
    """Write losses.png: both losses, D(x) and D(G(z)).

    The 1/2 of equilibrium is drawn where D(x) and D(G(z)) are probabilities.
    """
    record = folder.read()
    series = read_series(folder.metrics_file)
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    steps = _column(series, "step")
    losses = _column(series, "loss_d"), _column(series, "loss_g")
    _curve(above, steps, values=losses[0], color=BLUE, label="discriminator")
    _curve(above, steps, values=losses[1], color=ORANGE, label="generator")
    spare_spikes(above, *losses)
    above.set_ylabel("loss")
    data, seed = record.data.get("name", "?"), record.config.get("seed")
    figure.suptitle(f"{record.name}: {record.model} on {data}, seed {seed}", parse_math=False)
    _curve(below, steps, values=_column(series, "d_real"), color=BLUE, label="D(x), real images")
    _curve(
        below,
        steps,
        values=_column(series, "d_fake"),
        color=ORANGE,
        label="D(G(z)), before D's update",
    )
    if record.d_scale == "probability":
        below.axhline(0.5, color=GRAY, linestyle="--", linewidth=1, label="1/2: equilibrium")
        below.set_ylim(-0.02, 1.02)
        below.set_ylabel("probability of “real”")
    else:
        below.set_ylabel("D's raw output")
    below.set_xlabel("step (generator updates)")
    for axes in (above, below):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2
        )
    save(figure, folder.losses_figure)


def _column(series: Series, key: str) -> npt.NDArray[np.float64]:
    return series.get(key, np.full(len(series.get("step", ())), np.nan))


def _curve(
    axes: Axes,
    steps: npt.NDArray[np.float64],
    values: npt.NDArray[np.float64],
    color: str,
    label: str,
) -> None:
    if len(values) < 50:
        axes.plot(steps, values, color=color, linewidth=1.4, label=label)
        return
    axes.plot(steps, values, color=color, linewidth=0.6, alpha=0.25)
    axes.plot(
        steps, smooth(values, max(5, len(values) // 50)), color=color, linewidth=1.6, label=label
    )


def spare_spikes(axes: Axes, *curves: npt.NDArray[np.float64]) -> None:
    """Let the axis end where nearly all of every curve is: a few spikes would flatten the rest."""
    seen = [values[np.isfinite(values)] for values in curves if np.isfinite(values).any()]
    if not seen:
        return
    low = min(np.percentile(values, 0.2) for values in seen)
    high = max(np.percentile(values, 99.8) for values in seen)
    margin = 0.05 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)


def smooth(values: npt.NDArray[np.float64], span: int) -> npt.NDArray[np.float64]:
    """Exponential moving average over about `span` values, debiased at the start.

    Values that are nan are passed over.
    """
    decay = 1 - 2 / (span + 1)
    result, total, weight = np.empty_like(values), 0.0, 0.0
    for i, value in enumerate(values):
        if np.isfinite(value):
            total = decay * total + (1 - decay) * value
            weight = decay * weight + (1 - decay)
        result[i] = total / weight if weight else np.nan
    return result


def plot_samples(folder: RunFolder) -> None:
    """Write samples.png: real images beside the last sample grid."""
    record = folder.read()
    sample_grids = folder.sample_grids()
    if not sample_grids or not folder.real_file.exists():
        return
    step, sample_grid = list(sample_grids.items())[-1]
    panels = (
        (read_picture(folder.real_file), "real images"),
        (read_picture(sample_grid), f"samples of {record.model} at step {step:,}"),
    )
    height, width, _ = panels[1][0].shape
    figure = Figure(figsize=(11, 5.5 * height / width + 0.4), layout="constrained")
    for axes, (picture, title) in zip(figure.subplots(1, 2), panels, strict=True):
        axes.imshow(picture, interpolation="nearest")
        axes.set_title(title)
        axes.axis("off")
    save(figure, folder.samples_figure)


def read_picture(file: Path) -> npt.NDArray[np.uint8]:
    """A PNG as uint8 [height, width, 3]."""
    with Image.open(file, formats=["PNG"]) as image:
        return np.asarray(image.convert("RGB"))


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # a name's letters that the font lacks are drawn as boxes
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        FigureCanvasAgg(figure).print_png(buffer)
    write_bytes(path, buffer.getvalue())
