"""The pictures of a run, drawn from its folder alone."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from gantool.report.colors import BLUE, FURTHER, GRAY, ORANGE
from gantool.report.curves import no_answers, player_of
from gantool.report.format import plain
from gantool.report.series import Series, bridged, losses_of, read_series
from gantool.runs.files import write_bytes
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord

_PLAYERS = {"loss_d": BLUE, "loss_g": ORANGE}  # the others follow


def plot_losses(folder: RunFolder) -> None:
    """Write losses.png: the losses of all players, and D(x) and D(G(z)) where there are any.

    The 1/2 of equilibrium is drawn where D(x) and D(G(z)) are probabilities.
    """
    save(losses_figure(folder.read(), read_series(folder.metrics_file)), folder.losses_figure)


def losses_figure(record: RunRecord, series: Series) -> Figure:
    """The picture of a run's losses, and below it that of the discriminator's answers.

    A model that gives no answers has one panel, and the reason below it.
    """
    answered = record.d_scale is not None
    figure = Figure(figsize=(9, 6.5 if answered else 4.2), layout="constrained")
    panels = figure.subplots(2 if answered else 1, 1, sharex=True, squeeze=False)[:, 0]
    _draw_losses(panels[0], series)
    if answered:
        probabilities = record.d_scale == "probability"
        _draw_answers(panels[1], series, probabilities=probabilities, noun=record.noun)
    else:
        reason = no_answers([record.model], discriminator=record.has_discriminator)
        figure.supxlabel(literal(reason), fontsize=10, color=GRAY)
    data, seed = record.data.get("name", "?"), record.config.get("seed")
    figure.suptitle(f"{record.name}: {record.model} on {data}, seed {seed}", parse_math=False)
    panels[-1].set_xlabel(x_label("loss_g" in losses_of(series)))
    for axes in panels:
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(
            handles=axes.get_legend_handles_labels()[0],
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=3,
            frameon=False,
            borderaxespad=0.2,
        )
    return figure


def _draw_losses(axes: Axes, series: Series) -> None:
    keys = losses_of(series)
    further = iter(FURTHER)
    for key in keys:
        color = _PLAYERS.get(key) or next(further, GRAY)
        _curve(axes, series, key=key, color=color, label=literal(player_of(key)))
    spare_spikes(axes, *(series[key] for key in keys))
    axes.set_ylabel("loss")


def _draw_answers(axes: Axes, series: Series, *, probabilities: bool, noun: str) -> None:
    _curve(axes, series, key="d_real", color=BLUE, label=f"D(x), real {noun}")
    _curve(axes, series, key="d_fake", color=ORANGE, label="D(G(z)), before D's update")
    if probabilities:
        axes.axhline(0.5, color=GRAY, linestyle="--", linewidth=1, label="1/2: equilibrium")
        axes.set_ylim(-0.02, 1.02)
        axes.set_ylabel("probability of “real”")
    else:
        axes.set_ylabel("D's raw output")


def x_label(generator_moves: bool) -> str:
    """The label of an axis of steps."""
    return "step (generator updates)" if generator_moves else "step"


def literal(text: str) -> str:
    """Text that matplotlib takes for text, not for mathematics."""
    return plain(text).replace("$", r"\$")


def _curve(axes: Axes, series: Series, *, key: str, color: str, label: str) -> None:
    steps = series.get("step", np.empty(0))
    values = bridged(series.get(key, np.full(len(steps), np.nan)))
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

    Where a value is nan the result is too, and the average goes on behind it.

    Args:
        values: one curve [steps], or several [curves, steps].
        span: in steps.
    """
    decay = 1 - 2 / (span + 1)
    result = np.full_like(values, np.nan)
    total, weight = np.zeros((2, *values.shape[:-1]))
    for i in range(values.shape[-1]):
        value = values[..., i]
        known = np.isfinite(value)
        total = np.where(known, decay * total + (1 - decay) * value, total)
        weight = np.where(known, decay * weight + (1 - decay), weight)
        np.divide(total, weight, out=result[..., i], where=known)
    return result


def plot_samples(folder: RunFolder) -> None:
    """Write samples.png: real images or points beside the last sample grid."""
    record = folder.read()
    sample_grids = folder.sample_grids()
    if not sample_grids or not folder.real_file.exists():
        return
    step, sample_grid = list(sample_grids.items())[-1]
    panels = (
        (read_picture(folder.real_file), f"real {record.noun}"),
        (read_picture(sample_grid), f"samples of {record.model}{_when(record, step)}"),
    )
    height, width, _ = panels[1][0].shape
    figure = Figure(figsize=(11, 5.5 * height / width + 0.4), layout="constrained")
    for axes, (picture, title) in zip(figure.subplots(1, 2), panels, strict=True):
        axes.imshow(picture, interpolation=interpolation_of(record))
        axes.set_title(title)
        axes.axis("off")
    save(figure, folder.samples_figure)


def _when(record: RunRecord, step: int) -> str:
    return f" at step {step:,}" if record.origin is None else ", drawn elsewhere"


def seed_and_step(record: RunRecord, step: int) -> str:
    """The origin of a run's sample grid, as far as it is known, in a few words."""
    seed = record.config.get("seed")
    if record.origin is None:
        return f"seed {seed}, step {step:,}"
    return "drawn elsewhere" if seed is None else f"seed {seed}, drawn elsewhere"


def interpolation_of(record: RunRecord) -> Literal["nearest", "antialiased"]:
    """The way to resize a run's pictures: pixels are to be seen of images, and not of scatters."""
    return "antialiased" if record.noun == "points" else "nearest"


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
