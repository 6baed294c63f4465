"""The page of a comparison, or of one run.

It is one HTML file that holds everything and asks the network for nothing.
"""

from __future__ import annotations

import base64
import hashlib
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup
from PIL import Image

from gantool._version import __version__
from gantool.report import tables
from gantool.report.colors import ALL, colors_of
from gantool.report.columns import shown_in
from gantool.report.compare import position, score_columns
from gantool.report.cost import cost_view, machines_in
from gantool.report.curves import (
    heading_of_loss,
    losses_in,
    player_of,
    terms_in,
    without_answers,
)
from gantool.report.facts import fields_and_facts
from gantool.report.format import cut, plain, short, spread
from gantool.report.load import RunData
from gantool.report.result import ComparisonResult, Variant
from gantool.report.scoreboard import OnData
from gantool.report.series import ANSWERS, AXES, Series, is_known, means_between
from gantool.report.statistics.explained import LEAST_NUMBERS, LEAST_OF_A_VALUE, LEAST_RUNS
from gantool.report.statistics.summaries import quantile
from gantool.report.strips import strip_groups
from gantool.runs.folder import FINDING, thinned

_ASSETS = {"page_css": "page.css", "chart_css": "uplot.min.css", "chart_js": "uplot.min.js"}
# The parts of the page's script, those first that others use.
_SCRIPTS = ("state", "choice", "tables", "curves", "samples", "explorer", "pair", "controls")
_POINTS = 300  # of a curve
_ALL_POINTS = 12_000  # of all runs' curves of one metric
_PICTURE_BYTES = 8_000_000  # of all sample grids together, before base64 adds a third
_MOST_GRIDS = 20  # of a run
_MOST_RUNS_WITH_GRIDS = 24
_MOST_TERMS = 24  # that have a chart of their own
_MOST_SIDE_BY_SIDE = 8  # variants that have a column of their own in tables of options
_MOST_SIDE = 640  # pixels of a sample grid; larger ones are halved until they fit


def render(
    result: ComparisonResult,
    runs: Sequence[RunData],
    *,
    title: str,
    single: bool = False,
    again: float | None = None,
    cost: Path | None = None,
    every_grid: bool = False,
) -> str:
    """The whole page.

    Args:
        result: the comparison.
        runs: the runs that it was made from.
        title: of the page.
        single: whether it is the report of one run.
        again: seconds after which the page shall load itself anew, or None.
        cost: file of the picture of quality against cost, which need not be there.
        every_grid: whether it holds the sample grids of all runs at all steps, however large that
            makes it; else as many as a page of a few MB can hold.
    """
    colors = colors_of(result)
    counted = {row.path for row in result.runs if row.repeat_of is None}
    chosen = [run for run in runs if str(run.folder.path) in counted]
    numbers = {str(run.folder.path): number for number, run in enumerate(chosen)}
    having = _in_rank(result, chosen)
    with_grids = having if every_grid else _with_room(result, having)
    data = _data(
        result,
        chosen,
        colors=colors,
        numbers=numbers,
        with_grids=with_grids,
        budget=None if every_grid else _PICTURE_BYTES // max(1, len(with_grids)),
    )
    return template("page.html.j2").render(
        title=title,
        single=single,
        result=result,
        noun=result.noun,
        scatter_note=_scatter_note(result),
        colors=colors,
        heading_of=tables.heading_of,
        shown_in=shown_in,
        heading_of_loss=heading_of_loss,
        objectives=_objectives(result),
        alike={
            key: value
            for variant in result.variants
            for key, value in variant.config.items()
            if key not in result.differences
        },
        no_answers=without_answers(result.variants),
        not_computed=_not_computed(result, chosen),
        strip_groups=strip_groups(result),
        several_seeds=any(len(variant.runs) > 1 for variant in result.variants),
        grids_left_out=_grids_left_out(len(having), len(with_grids)),
        numbers=numbers,
        explorer=len(chosen) > 1 and bool(result.columns),
        least={"runs": LEAST_RUNS, "of_a_value": LEAST_OF_A_VALUE, "numbers": LEAST_NUMBERS},
        transposed=len(result.variants) > _MOST_SIDE_BY_SIDE,
        cost=None if cost is None else _picture(cost),
        cost_notes=[] if cost is None else cost_view(result).notes,
        machines=machines_in(result) or ["unknown"],
        status_of=tables.status_of,
        noted=tables.noted,
        from_elsewhere=tables.ELSEWHERE,
        runs_of={variant.name: tables.runs_of(result, variant) for variant in result.variants},
        contrasts=tables.contrasts(result),
        conditions=tables.conditions(result),
        correction=tables.correction(result),
        lost=tables.lost(result),
        chances=result.chances_of_first.get(result.sorted_by or "", {}),
        findings=_findings(chosen) if single else [],
        data={**data, "again": again},
        more_terms=terms_in(chosen)[_MOST_TERMS:],
        version=__version__,
        page_js=script(),
        **{name: asset(file) for name, file in _ASSETS.items()},
    )


def render_overview(
    comparisons: Sequence[OnData],
    links: Mapping[str, str],
    *,
    table: tables.Table,
    skipped: Mapping[str, str],
    pages: Mapping[str, str] | None = None,
) -> str:
    """The page that leads to those of several data sets.

    Args:
        comparisons: one on each data set.
        links: the page of each data set, from this page's folder.
        table: of all variants on all data.
        skipped: paths that were no run, with the reason.
        pages: of each data set, to stand in this page instead of links.
    """
    headings, rows = table
    runs = sum(row.repeat_of is None for each in comparisons for row in each.result.runs)
    return template("overview.html.j2").render(
        title=f"{len(rows) - 1} variants on {len(comparisons)} data sets, {runs} runs",
        comparisons=comparisons,
        links=links,
        pages=pages or {},
        headings=headings[1:],
        rows=rows[:-1],
        real=rows[-1],
        skipped=skipped,
        version=__version__,
        page_css=asset("page.css"),
        theme_js=asset("theme.js"),
    )


def template(name: str) -> jinja2.Template:
    """A template of a page, which escapes all that it is given."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gantool.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"plain": plain, "short": short, "spread": spread, "cut": cut}
    return environment.get_template(name)


def asset(name: str) -> Markup:
    """A style sheet or script, to stand in a page."""
    text = (resources.files("gantool.report") / "assets" / name).read_text(encoding="utf-8")
    return Markup(text)


def script() -> Markup:
    """The page's own script: its parts in one function, so that nothing else sees their names."""
    parts = [asset(f"page/{name}.js") for name in _SCRIPTS]
    return Markup('"use strict";\n(() => {\n') + Markup("\n").join(parts) + Markup("})();")


def _not_computed(result: ComparisonResult, runs: Sequence[RunData]) -> dict[str, str]:
    """The reason of each score that applies to a run and that none of the runs has."""
    computed = {column.metric for column in result.columns}
    return {
        score.metric: score.reason
        for run in runs
        for score in run.scores
        if score.value is None and score.metric not in computed
    }


def _objectives(result: ComparisonResult) -> list[dict[str, Any]]:
    """Each objective once, with its losses, its paper and the variants that have it."""
    found: dict[tuple[str, ...], list[Variant]] = {}
    for variant in (variant for variant in result.variants if not variant.elsewhere):
        game = (variant.objective, variant.formula, variant.source)
        found.setdefault(game, []).append(variant)
    return [
        {"name": name, "formula": formula, "source": source, "variants": variants}
        for (name, formula, source), variants in found.items()
    ]


def _scatter_note(result: ComparisonResult) -> str:
    """The meaning of a picture of points."""
    words = "Points: real ones behind, samples before, the same latents and bounds at every step."
    if not any(variant.has_discriminator for variant in result.variants):
        return words
    return (
        f"{words} Shading: D, from low (blue gray) to high (amber). "
        "Arrows: where the gradient of the generator's loss moves a sample."
    )


def _data(
    result: ComparisonResult,
    runs: Sequence[RunData],
    *,
    colors: Mapping[str, str],
    numbers: Mapping[str, int],
    with_grids: Sequence[RunData],
    budget: int | None,
) -> dict[str, Any]:
    """The content that the page's script draws from.

    Args:
        result: the comparison.
        runs: those that count.
        colors: of each variant.
        numbers: of the runs, by their paths.
        with_grids: the runs whose sample grids are shown.
        budget: bytes that each of these has for them; all grids where it is None.
    """
    rows = {row.path: row for row in result.runs}
    number = {variant.name: i for i, variant in enumerate(result.variants)}
    points = max(40, min(_POINTS, _ALL_POINTS // max(1, len(runs))))
    variants = [
        {
            "name": plain(variant.name),
            "color": colors[variant.name],
            "scale": variant.d_scale,
        }
        for variant in result.variants
    ]
    losses, terms = losses_in(runs), terms_in(runs)[:_MOST_TERMS]
    fields, facts = fields_and_facts(result, runs)
    curves = [
        {
            "name": plain(run.record.name),
            "key": _key_of(run),
            "facts": own,
            "variant": number[rows[str(run.folder.path)].variant],
            "series": stretches(run.series, points, keys=[*losses, *ANSWERS, *terms]),
            "scores": _scores_by_step(result, run),
        }
        for run, own in zip(runs, facts, strict=True)
    ]
    sheets = [
        {
            "number": numbers[str(run.folder.path)],
            "seed": rows[str(run.folder.path)].seed,
            "elsewhere": run.record.origin is not None,
            **_sample_grids(run, budget),
        }
        for run in with_grids
    ]
    columns = [{"id": column.id, "better": column.better} for column in result.columns]
    return {
        "noun": result.noun,
        "variants": variants,
        "runs": curves,
        "losses": [{"id": key, "title": f"Loss of the {player_of(key)}"} for key in losses],
        "terms": [{"id": key, "title": plain(key)} for key in terms],
        "columns": columns,
        "sheets": sheets,
        "fields": fields,
        "palette": list(ALL),
        "explained": {
            column: [
                one.model_dump() | {"options": [plain(name) for name in one.options]}
                for one in found
            ]
            for column, found in result.explained.items()
        },
        "score": f"score:{result.sorted_by}",
        "against": _against(result, fields),
        "t": [round(quantile(n), 4) for n in range(1, len(runs))] if len(runs) > 1 else [],
    }


def _against(result: ComparisonResult, fields: Sequence[Mapping[str, Any]]) -> str:
    """The field that the score that ranks is drawn against first: what explains most of it."""
    found = result.explained.get(result.sorted_by or "", [])
    known = [f"option:{plain(one.options[0])}" for one in found]
    return next((key for key in known if any(field["id"] == key for field in fields)), "")


def stretches(series: Series, points: int, *, keys: Iterable[str]) -> dict[str, list[float | None]]:
    """The axes and these curves of a run, with at most so many points each.

    A point is the mean of a stretch of steps, and on an axis the stretch's last value. A curve
    without any value is left out.
    """
    length = len(series.get("step", ()))
    if not length:
        return {}
    edges = np.unique(np.linspace(0, length, num=min(points, length) + 1).astype(int))
    shown = {key: series[key] for key in (*AXES, *keys) if is_known(series, key)}
    means = means_between(shown, edges)
    return {key: [_rounded(value) for value in values.tolist()] for key, values in means.items()}


def _rounded(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None


def _scores_by_step(result: ComparisonResult, run: RunData) -> dict[str, list[dict[str, float]]]:
    """Every evaluation of the run, by column, where there are at least two."""
    found: dict[str, list[dict[str, float]]] = {}
    for column, score in score_columns(result, run):
        if score.value is not None:
            found.setdefault(column, []).append({**_places(run, score.step), "value": score.value})
    return {column: points for column, points in found.items() if len(points) > 1}


def _key_of(run: RunData) -> str:
    """The same for a run whenever and wherever the page is made, and another one for each run."""
    about = f"{run.record.name} {run.record.started}"
    return hashlib.sha256(about.encode()).hexdigest()[:12]


def _in_rank(result: ComparisonResult, runs: Iterable[RunData]) -> list[RunData]:
    """The runs that have sample grids, those of the best variants first."""
    rank = {path: i for i, variant in enumerate(result.variants) for path in variant.paths}
    having = [run for run in runs if run.folder.sample_grids()]
    return sorted(having, key=lambda run: rank.get(str(run.folder.path), len(rank)))


def _with_room(result: ComparisonResult, having: Sequence[RunData]) -> Sequence[RunData]:
    """The runs whose samples are shown: all, or the first of each variant where there are many."""
    if len(having) <= _MOST_RUNS_WITH_GRIDS:
        return having
    firsts = {variant.paths[0] for variant in result.variants}
    return [run for run in having if str(run.folder.path) in firsts][:_MOST_RUNS_WITH_GRIDS]


def _grids_left_out(having: int, shown: int) -> str:
    """A sentence on the runs whose sample grids the page has no room for."""
    if shown == having:
        return ""
    return (
        f"Of {having} runs with grids {shown} are here, one of a variant, the best variants first; "
        "`gantool compare --embed` has all."
    )


def _sample_grids(run: RunData, budget: int | None) -> dict[str, Any]:
    """A run's sample grids and its real images, as pictures in text.

    There are as many sample grids as the budget of bytes allows; all without one.
    """
    grids = list(run.folder.sample_grids().items())
    chosen = grids if budget is None else thinned(grids, _MOST_GRIDS)
    pictures = {step: _picture(file) for step, file in chosen}
    while budget is not None and len(pictures) > 2 and _bytes(pictures.values()) > budget:
        steps = list(pictures)
        for step in steps[1:-1:2]:  # the first and the last stay
            del pictures[step]
    return {
        "noun": run.record.noun,
        "real": _picture(run.folder.real_file),
        "frames": [{**_places(run, step), "picture": made} for step, made in pictures.items()],
    }


def _findings(runs: Sequence[RunData]) -> list[dict[str, str]]:
    """The pictures that the latest scores of runs left, each once, with the score's caption."""
    found: dict[str, dict[str, str]] = {}
    for run in runs:
        for score in run.scores:
            named = score.detail.get("pictures")
            for name, caption in named.items() if isinstance(named, dict) else ():
                picture = _picture(run.folder.finding(name)) if FINDING.fullmatch(name) else None
                if picture:
                    found[name] = {"picture": picture, "caption": str(caption)}
    return list(found.values())


def _bytes(pictures: Iterable[str | None]) -> float:
    """The size of pictures before base64 added a third."""
    return sum(len(picture or "") for picture in pictures) * 3 / 4


def _places(run: RunData, step: int) -> dict[str, float]:
    """A step on every axis; 0 before the first one."""
    return {axis: position(run, step, axis=axis) if step else 0 for axis in AXES}


def _picture(file: Path) -> str | None:
    """A PNG as a data address, as small as it gets without visible loss.

    It is None where the file cannot be read.
    """
    try:
        content = file.read_bytes()
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            picture = image.convert("RGB")
            while max(picture.size) > 2 * _MOST_SIDE:
                picture = picture.reduce(2)
            return data_address(picture, png=content)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def data_address(picture: Image.Image, *, png: bytes | None = None) -> str:
    """A picture as a data address: the given or a new PNG, or WebP where that is smaller."""
    if png is None:
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG")
        png = buffer.getvalue()
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP", quality=82, method=2)
    kind, content = min(("png", png), ("webp", buffer.getvalue()), key=lambda pair: len(pair[1]))
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
