"""A comparison as tables: for the terminal, for papers, for spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from gantool.report.result import Column, Comparison, Variant
from gantool.report.statistics import Summary
from gantool.report.verdict import short, with_deviation
from gantool.runs import ARROWS

Table = tuple[list[str], list[list[str]]]
_WIDTH = 100
_GAP = 3  # between two columns of the terminal's table
_LONGEST_NAME = 19
# Characters with a meaning in LaTeX; those that Unicode hides text with are dropped from every table.
_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"±": r"$\pm$", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "<": r"\textless{}", ">": r"\textgreater{}"},
}
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def plain(text: str) -> str:
    """Text on one line, without characters that no one sees or that turn its direction."""
    return _INVISIBLE.sub(" ", text)


def spread(summary: Summary | None) -> str:
    """Mean ± standard deviation to the deviation's second digit, or the mean of one run, or a dash."""
    if summary is None:
        return "-"
    if summary.deviation is None:
        return short(summary.mean)
    return with_deviation(summary.mean, summary.deviation)


def status_of(variant: Variant) -> str:
    """How a variant's runs ended, where not all are finished and sound; in a few words."""
    parts = [f"{n} {status}" for status, n in sorted(variant.statuses.items()) if status != "finished"]
    if variant.collapsed:
        parts.append(f"{variant.collapsed} collapsed")
    return ", ".join(parts) or "finished"


def headline(result: Comparison, width: int = _WIDTH) -> Table:
    """One row a variant; as many scores as fit the width, that which ranks first."""
    fixed = [
        ("variant", [_cut(plain(variant.name)) for variant in result.variants]),
        ("n", [str(len(variant.runs)) for variant in result.variants]),
        ("status", [status_of(variant) for variant in result.variants]),
        ("steps", [f"{variant.steps:,}" for variant in result.variants]),
    ]
    tail = [
        ("D(x)", [_answer(variant, variant.d_real) for variant in result.variants]),
        ("D(G(z))", [_answer(variant, variant.d_fake) for variant in result.variants]),
        ("img/s", [short(variant.images_per_second) for variant in result.variants]),
        ("params", [_millions(variant.parameters) for variant in result.variants]),
    ]
    room = width - sum(_width(*column) for column in (*fixed, *tail))
    shown: list[tuple[str, list[str]]] = []
    for column in _ranked_first(result):
        candidate = (_heading(column), [spread(variant.scores.get(column.id)) for variant in result.variants])
        room -= _width(*candidate)
        if room < 0 and shown:
            break
        shown.append(candidate)
    columns = [*fixed, *shown, *tail]
    rows = zip(*(cells for _, cells in columns), strict=True)
    return [heading for heading, _ in columns], [list(row) for row in rows]


def scores(result: Comparison) -> Table:
    """One row a score, one column a variant: what the headline has no room for."""
    names = [_cut(plain(variant.name)) for variant in result.variants]
    rows = [
        [_heading(column), *(spread(variant.scores.get(column.id)) for variant in result.variants),
         short(column.real), short(column.noise)]
        for column in _ranked_first(result)
    ]  # fmt: skip
    return ["score", *names, "real images", "noise"], rows


def contrasts(result: Comparison) -> Table:
    """Each variant against the baseline, or the first one against each other, in the score that ranks."""
    rows = []
    for pair in result.pairs:
        first = result.variants[0].name
        if pair.column != result.sorted_by or (result.baseline is None and pair.a != first):
            continue
        found = pair.contrast
        interval = "-" if found.low is None else f"{short(found.low)} to {short(found.high)}"
        rows.append(
            [
                *(_cut(plain(pair.a)), _cut(plain(pair.b)), short(found.difference), interval),
                *(f"{found.wins:.0%}", f"{found.verdict} (n = {found.n_a}, {found.n_b})"),
            ]
        )
    return ["variant", "against", "difference", "95% interval", "better in", "so it is"], rows


def full(result: Comparison) -> Table:
    """For papers: one row a variant, every score that all of them have."""
    columns = [column for column in _ranked_first(result) if column.shared] or list(_ranked_first(result))
    headings = ["variant", "n", "images", *(_heading(column) for column in columns)]
    rows = [
        [
            *(plain(variant.name), str(len(variant.runs)), f"{variant.images:,}"),
            *(spread(variant.scores.get(column.id)) for column in columns),
        ]
        for variant in result.variants
    ]
    real = ["real images", "", "", *(short(column.real) for column in columns)]
    return headings, [*rows, real] if any(column.real is not None for column in columns) else rows


def markdown(table: Table) -> str:
    """A table in Markdown."""
    headings, rows = table

    def line(cells: Sequence[str]) -> str:
        escaped = (re.sub(r"([\\|<>*_`\[\]])", r"\\\1", cell) for cell in cells)
        return f"| {' | '.join(escaped)} |"

    rule = f"|{'|'.join(['---'] + ['---:'] * (len(headings) - 1))}|"
    return "\n".join([line(headings), rule, *(line(row) for row in rows)]) + "\n"


def latex(table: Table) -> str:
    r"""A table in LaTeX, for the package booktabs."""
    headings, rows = table

    def line(cells: Sequence[str]) -> str:
        return " & ".join("".join(_LATEX.get(character, character) for character in cell) for cell in cells) + r" \\"

    body = [r"\toprule", line(headings), r"\midrule", *(line(row) for row in rows), r"\bottomrule"]
    return "\n".join([rf"\begin{{tabular}}{{l{'r' * (len(headings) - 1)}}}", *body, r"\end{tabular}"]) + "\n"


def as_csv(result: Comparison) -> str:
    """One row a run, every figure; a cell that a spreadsheet would take for a formula gets an apostrophe."""
    keys = ["variant", "name", "path", "seed", "status", "repeat_of", "steps", "epochs", "images", "seconds"]
    keys += ["images_per_second", "parameters", "d_real", "d_fake", "equilibrium"]
    columns = [column.id for column in result.columns]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*keys, "collapses", *columns])
    for row in result.runs:
        collapses = "; ".join(f"{collapse.detector} at {collapse.step}" for collapse in row.collapses)
        values = [*(getattr(row, key) for key in keys), collapses, *(row.scores.get(column) for column in columns)]
        writer.writerow(["" if value is None else _safe(value) for value in values])
    return buffer.getvalue()


def _safe(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _ranked_first(result: Comparison) -> list[Column]:
    return sorted(result.columns, key=lambda column: (column.id != result.sorted_by, not column.shared))


def _heading(column: Column) -> str:
    unit = f" ({column.unit})" if column.unit else ""
    return f"{column.id}{unit} {ARROWS[column.better]}"


def _answer(variant: Variant, value: float | None) -> str:
    return f"{short(value)} raw" if value is not None and variant.d_scale == "raw" else short(value)


def _millions(count: int) -> str:
    return f"{count / 1e6:.1f}M" if count >= 1e6 else f"{count / 1e3:.0f}k" if count >= 1e3 else str(count)


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _width(heading: str, cells: Sequence[str]) -> int:
    return max(map(len, (heading, *cells))) + _GAP
