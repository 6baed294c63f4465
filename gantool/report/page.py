"""The page of a comparison, or of one run: one HTML file that holds everything and asks the network for nothing."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup
from PIL import Image

from gantool._version import __version__
from gantool.report import tables
from gantool.report.colours import colours_of
from gantool.report.comparison import position, score_columns
from gantool.report.reading import AXES, RunData, Series
from gantool.report.result import Comparison, Variant
from gantool.report.statistics import Summary
from gantool.report.verdict import short
from gantool.runs import ARROWS

_ASSETS = {
    "page_css": "page.css",
    "page_js": "page.js",
    "chart_css": "uplot.min.css",
    "chart_js": "uplot.min.js",
}
_POINTS = 300  # of a curve
_ALL_POINTS = 12_000  # of all runs' curves of one figure
_PICTURE_BYTES = 8_000_000  # of all sheets together, before base64 adds a third
_MOST_SHEETS = 20  # of a run
_MOST_RUNS_WITH_SHEETS = 24
_MOST_SIDE = 640  # pixels of a sheet; larger ones are halved until they fit


def render(
    result: Comparison, runs: Sequence[RunData], *, title: str, single: bool = False, again: float | None = None
) -> str:
    """The whole page.

    Args:
        result: the comparison.
        runs: the runs that it was made from.
        title: of the page.
        single: whether it is the report of one run.
        again: seconds after which the page shall load itself anew, or None.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gantool.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"plain": tables.plain, "short": short, "spread": tables.spread}
    colours = colours_of(result)
    counted = {row.path for row in result.runs if row.repeat_of is None}
    chosen = [run for run in runs if str(run.folder.path) in counted]
    return environment.get_template("page.html.j2").render(
        title=title,
        single=single,
        result=result,
        colours=colours,
        arrows=ARROWS,
        strips=_strips(result),
        status_of=tables.status_of,
        contrasts=tables.contrasts(result),
        data=_data(result, chosen, colours) | {"again": again},
        version=__version__,
        **{name: _asset(file) for name, file in _ASSETS.items()},
    )


def _asset(name: str) -> Markup:
    text = (resources.files("gantool.report") / "assets" / name).read_text(encoding="utf-8")
    return Markup(text)


def _strips(result: Comparison) -> list[dict[str, Any]]:
    """For each score, where every run, mean and interval lies between the least and the greatest value, in percent."""
    strips = []
    for column in result.columns:
        having = [(variant, variant.scores[column.id]) for variant in result.variants if column.id in variant.scores]
        points = [value for _, summary in having for value in _extent(summary)]
        reference = [column.real] if column.real is not None else []
        low, high = min([*points, *reference]), max([*points, *reference])
        reach = (high - low) or abs(high) or 1.0
        low, high = (max(0.0, low - 0.03 * reach) if low >= 0 else low - 0.03 * reach), high + 0.03 * reach

        def place(value: float, low: float = low, high: float = high) -> float:
            return round(100 * (value - low) / (high - low), 2)

        strips.append(
            {
                "column": column,
                "low": low,
                "high": high,
                "real": None if column.real is None else place(column.real),
                "rows": [_strip_row(variant, summary, place) for variant, summary in having],
            }
        )
    return strips


def _extent(summary: Summary) -> list[float]:
    ends = [end for end in (summary.low, summary.high) if end is not None]
    reach = max(summary.values) - min(summary.values)
    # An interval from two or three values may be far wider than they are; the strip shows up to twice their reach.
    inside = [min(max(end, summary.mean - 2 * reach), summary.mean + 2 * reach) for end in ends]
    return [*summary.values, *inside]


def _strip_row(variant: Variant, summary: Summary, place: Any) -> dict[str, Any]:
    interval = None
    if summary.low is not None and summary.high is not None:
        left, right = (min(100.0, max(0.0, place(end))) for end in (summary.low, summary.high))
        interval = (left, round(right - left, 2))
    return {
        "variant": variant,
        "summary": summary,
        "dots": [(place(value), value) for value in summary.values],
        "mean": place(summary.mean),
        "interval": interval,
    }


def _data(result: Comparison, runs: Sequence[RunData], colours: Mapping[str, str]) -> dict[str, Any]:
    """What the page's script draws from."""
    rows = {row.path: row for row in result.runs}
    points = max(40, min(_POINTS, _ALL_POINTS // max(1, len(runs))))
    shown = _with_sheets(result, runs)
    budget = _PICTURE_BYTES // max(1, len(shown))
    return {
        "variants": [
            {"name": tables.plain(variant.name), "colour": colours[variant.name], "raw": variant.d_scale == "raw"}
            for variant in result.variants
        ],
        "runs": [
            {
                "name": tables.plain(run.record.name),
                "variant": next(
                    i for i, v in enumerate(result.variants) if v.name == rows[str(run.folder.path)].variant
                ),
                "series": thinned(run.series, points),
                "scores": _scores_by_step(result, run),
            }
            for run in runs
        ],
        "columns": [{"id": column.id, "better": column.better} for column in result.columns],
        "sheets": [
            _sheets(run, next(i for i, v in enumerate(result.variants) if v.name == rows[str(run.folder.path)].variant),
                    rows[str(run.folder.path)].seed, budget)
            for run in shown
        ],
    }  # fmt: skip


def thinned(series: Series, points: int) -> dict[str, list[float | None]]:
    """At most so many points a curve: the mean of the figures in each of as many stretches, the axes' last values."""
    length = len(series.get("step", ()))
    if not length:
        return {}
    edges = np.unique(np.linspace(0, length, min(points, length) + 1).astype(int))
    wanted = [*AXES, "loss_d", "loss_g", "d_real", "d_fake"]
    found: dict[str, list[float | None]] = {}
    for key in wanted:
        if key not in series:
            continue
        values = series[key]
        if key in AXES:
            column = values[edges[1:] - 1]
        else:
            known = np.isfinite(values)
            total = np.add.reduceat(np.where(known, values, 0.0), edges[:-1])
            count = np.add.reduceat(known.astype(float), edges[:-1])
            column = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
        found[key] = [_rounded(value) for value in column]
    return found


def _rounded(value: float) -> float | None:
    return float(f"{value:.5g}") if np.isfinite(value) else None


def _scores_by_step(result: Comparison, run: RunData) -> dict[str, list[dict[str, float]]]:
    """Every evaluation of the run, by column, where there are at least two."""
    found: dict[str, list[dict[str, float]]] = {}
    for column, score in score_columns(result, run):
        if score.value is not None:
            where: dict[str, float] = {axis: position(run, score.step, axis) for axis in AXES}
            found.setdefault(column, []).append({**where, "value": score.value})
    return {column: points for column, points in found.items() if len(points) > 1}


def _with_sheets(result: Comparison, runs: Sequence[RunData]) -> list[RunData]:
    """The runs whose samples are shown: all, or the first of each variant where there are many."""
    having = [run for run in runs if run.folder.sheets()]
    if len(having) > _MOST_RUNS_WITH_SHEETS:
        firsts = {variant.paths[0] for variant in result.variants}
        having = [run for run in having if str(run.folder.path) in firsts][:_MOST_RUNS_WITH_SHEETS]
    rank = {path: i for i, variant in enumerate(result.variants) for path in variant.paths}
    return sorted(having, key=lambda run: rank.get(str(run.folder.path), len(rank)))


def _sheets(run: RunData, variant: int, seed: int | None, budget: int) -> dict[str, Any]:
    """A run's sheets as pictures in text, as many as the budget of bytes allows, and its real images."""
    files = list(run.folder.sheets().items())
    real = _picture(run.folder.real_file)
    chosen = np.unique(np.linspace(0, len(files) - 1, min(len(files), _MOST_SHEETS)).round().astype(int))
    pictures = {files[i][0]: _picture(files[i][1]) for i in chosen}
    while len(pictures) > 2 and sum(len(picture or "") for picture in pictures.values()) * 3 / 4 > budget:
        steps = list(pictures)
        for step in steps[1:-1:2]:  # the first and the last stay
            del pictures[step]
    return {
        "run": tables.plain(run.record.name),
        "variant": variant,
        "seed": seed,
        "real": real,
        "frames": [
            {**{axis: position(run, step, axis) if step else 0 for axis in AXES}, "picture": picture}
            for step, picture in pictures.items()
        ],
    }


def _picture(file: Path) -> str | None:
    """A PNG as a data address, as small as it gets without visible loss; None where it cannot be read."""
    try:
        content = file.read_bytes()
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            picture = image.convert("RGB")
            while max(picture.size) > 2 * _MOST_SIDE:
                picture = picture.reduce(2)
            buffer = io.BytesIO()
            picture.save(buffer, format="WEBP", quality=82, method=2)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    kind, content = min(("png", content), ("webp", buffer.getvalue()), key=lambda pair: len(pair[1]))
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
