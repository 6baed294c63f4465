"""A comparison as tables: for the terminal, for papers, for spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence

from gantool.report.columns import COLUMNS, Column, shown_in
from gantool.report.curves import heading_of_loss
from gantool.report.format import cut, plain, short, spread, text_of, whole
from gantool.report.result import ComparisonResult, Pair, RunRow, ScoreColumn, Variant
from gantool.report.statistics import Contrast
from gantool.runs.notes import in_a_line
from gantool.runs.records import ARROWS

Table = tuple[list[str], list[list[str]]]
ELSEWHERE = "from elsewhere"  # the status of samples that another program drew
_WIDTH = 100
_GAP = 3  # between two columns of the terminal's table
_LONGEST_NOTE = 300
# Characters with a meaning in LaTeX.
_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"±": r"$\pm$", "↓": r"$\downarrow$", "↑": r"$\uparrow$"},
    **{"<": r"\textless{}", ">": r"\textgreater{}"},
}


def status_of(variant: Variant) -> str:
    """The ends of a variant's runs, where not all are finished and sound; in a few words."""
    ends = sorted(variant.statuses.items())
    parts = [f"{n} {status}" for status, n in ends if status != "finished"]
    if variant.collapsed:
        parts.append(f"{variant.collapsed} collapsed")
    if variant.elsewhere and not parts:
        return ELSEWHERE
    return ", ".join(parts) or "finished"


def runs_of(result: ComparisonResult, variant: Variant) -> str:
    """The runs of a variant, and of how many of them its scores are where that is not all."""
    summary = variant.scores.get(result.sorted_by or "")
    n = len(variant.runs)
    return str(n) if summary is None or summary.n == n else f"{summary.n} of {n}"


def noted(row: RunRow) -> str:
    """The tags and notes of a run in a line: "[good] looks sharp; but few modes"."""
    text = plain(in_a_line(row.tags, row.notes))
    return text if len(text) <= _LONGEST_NOTE else text[: _LONGEST_NOTE - 1] + "…"


def headline(result: ComparisonResult, width: int = _WIDTH) -> Table:
    """One row a variant; as many scores as fit the width, that which ranks first."""
    head = [
        ("variant", [cut(plain(variant.name)) for variant in result.variants]),
        ("n", [runs_of(result, variant) for variant in result.variants]),
        ("status", [status_of(variant) for variant in result.variants]),
        *_declared(result, shown_in("terminal", result.variants, before_scores=True)),
    ]
    tail = [
        *_chances(result),
        *_declared(result, shown_in("terminal", result.variants, before_scores=False)),
    ]
    room = width - sum(_width(*column) for column in (*head, *tail))
    shown: list[tuple[str, list[str]]] = []
    for column in _ranked_first(result):
        cells = [spread(variant.scores.get(column.id)) for variant in result.variants]
        room -= _width(heading_of(column), cells)
        if room < 0 and shown:
            break
        shown.append((heading_of(column), cells))
    columns = [*head, *shown, *tail]
    rows = zip(*(cells for _, cells in columns), strict=True)
    return [heading for heading, _ in columns], [list(row) for row in rows]


def _chances(result: ComparisonResult) -> list[tuple[str, list[str]]]:
    chances = result.chances_of_first.get(result.sorted_by or "")
    if chances is None:
        return []
    return [("P(best)", [_percent_of(chances.get(variant.name)) for variant in result.variants])]


def _percent_of(share: float | None) -> str:
    return "-" if share is None else _percent(share)


def _declared(result: ComparisonResult, columns: Sequence[Column]) -> list[tuple[str, list[str]]]:
    return [
        (
            column.heading_for(result.noun),
            [column.text(variant.values[column.key], variant) for variant in result.variants],
        )
        for column in columns
    ]


def scores(result: ComparisonResult) -> Table:
    """One row a score, one column a variant: all those that the headline has no room for."""
    names = [cut(plain(variant.name)) for variant in result.variants]
    rows = [
        [
            heading_of(column),
            *(spread(variant.scores.get(column.id)) for variant in result.variants),
            short(column.real),
            short(column.noise),
        ]
        for column in _ranked_first(result)
    ]
    return ["score", *names, f"real {result.noun}", "noise"], rows


def conditions(result: ComparisonResult) -> Table:
    """One row a condition of training that differs between variants, one column a variant."""
    names = [variant.name for variant in result.variants]
    rows = [
        [key, *(plain(text_of(values.get(name))) for name in names)]
        for key, values in result.conditions.items()
    ]
    return ["differs", *(cut(plain(name)) for name in names)], rows


def losses(result: ComparisonResult) -> Table:
    """One row a loss, one column a variant: means over the last tenth of the steps."""
    names = [cut(plain(variant.name)) for variant in result.variants]
    rows = [
        [heading_of_loss(key), *(short(variant.losses.get(key)) for variant in result.variants)]
        for key in result.losses
    ]
    return ["over the last tenth", *names], rows


def contrasts(result: ComparisonResult) -> Table:
    """Each variant against the baseline, or the first one against each other, in the first score.

    The first score is the one that ranks.
    """
    rows = []
    by_ratio = _by_ratio(result)
    shown = _shown(result)
    undecided = any(pair.contrast.detectable is not None for pair in shown)
    for pair in shown:
        found = pair.contrast
        rows.append(
            [
                cut(plain(pair.a)),
                outcome(found),
                cut(plain(pair.b)),
                f"{found.n_a}, {found.n_b}",
                short(found.difference),
                *([short(found.ratio)] if by_ratio else []),
                _from_to(*found.told[2:], short),
                "-" if found.p is None else f"{found.p:.2g}",
                f"{found.wins:.0%}{_from_to(found.wins_low, found.wins_high, _percent, ' (', ')')}",
                *([_runs_needed(found), short(found.detectable)] if undecided else []),
            ]
        )
    return [
        "variant",
        "verdict",
        "against",
        "n",
        "difference",
        *(["ratio"] if by_ratio else []),
        interval_of(result),
        "p",
        "pairs won",
        *(["runs needed", "these could show"] if undecided else []),
    ], rows


def _shown(result: ComparisonResult) -> list[Pair]:
    """The contrasts of the score that ranks: against the baseline, or of the first variant."""
    first = result.variants[0].name
    return [
        pair
        for pair in result.pairs
        if pair.column == result.sorted_by and (result.baseline is not None or pair.a == first)
    ]


def interval_of(result: ComparisonResult) -> str:
    """The heading of the intervals: of ratios where these are compared."""
    return "95% interval of the ratio" if _by_ratio(result) else "95% interval"


def correction(result: ComparisonResult) -> str:
    """The error that the verdicts keep to, and what the intervals are."""
    tested = [pair for pair in _shown(result) if pair.contrast.p is not None]
    family = _family(result)
    means = " Ratios are those of geometric means." if _by_ratio(result) else ""
    if not tested:
        return f"A test needs two runs of each side: none of these differences has them.{means}"
    if not result.corrected:
        return (
            "Not corrected for the number of comparisons: of twenty between equals one is called "
            f"different.{means}"
        )
    if family == 1:
        return f"One comparison is tested: the chance that it is false is at most 5%.{means}"
    which = "" if len(tested) == family else f", {len(tested)} of which are shown"
    return (
        f"Corrected for {family} comparisons (Holm){which}: the chance that any verdict is false "
        "is at most 5%. The intervals (Bonferroni) hold together with 95%; they are more cautious, "
        f"so that one may reach over equality where the verdict does not.{means}"
    )


def _by_ratio(result: ComparisonResult) -> bool:
    """Whether variants are told apart in the score that ranks by ratios."""
    return any(p.contrast.ratio is not None for p in result.pairs if p.column == result.sorted_by)


def _family(result: ComparisonResult) -> int:
    return max((p.contrast.family for p in result.pairs if p.column == result.sorted_by), default=1)


def outcome(found: Contrast) -> str:
    """The verdict of a contrast, with the smallest difference that matters where it counted."""
    if found.verdict == "equal":
        return f"equal within {short(found.matters)}"
    if found.verdict in ("better", "worse") and found.small:
        return f"{found.verdict}, by less than {short(found.matters)}"
    return found.verdict


def _runs_needed(found: Contrast) -> str:
    """The runs of each side that would show what was not."""
    if found.detectable is None or found.difference == 0:
        return "-"
    return "over 1,000" if found.runs is None else f"{found.runs:,} of each"


def lost(result: ComparisonResult) -> Table:
    """The variants that lost runs: how many, the share behind it, and the scores of the others."""
    rows = [
        [
            cut(plain(variant.name)),
            f"{variant.lost.k} of {variant.lost.n}",
            _from_to(variant.lost.low, variant.lost.high, _percent),
            spread(variant.scores.get(result.sorted_by or "")),
            spread(variant.scores_of_others.get(result.sorted_by or "")),
        ]
        for variant in result.variants
        if variant.lost.k
    ]
    by = result.sorted_by or "score"
    headings = [
        "variant",
        "diverged or collapsed",
        "95% interval",
        f"{by} of all scored",
        "of the others",
    ]
    return headings, rows


def _from_to(
    low: float | None,
    high: float | None,
    text: Callable[[float], str],
    before: str = "",
    after: str = "",
) -> str:
    if low is None or high is None:
        return "" if before else "-"
    return f"{before}{text(low)} to {text(high)}{after}"


def _percent(share: float) -> str:
    return f"{share:.0%}"


def full(result: ComparisonResult) -> Table:
    """For papers: one row a variant, every score that all of them have."""
    columns = [column for column in _ranked_first(result) if column.shared] or list(
        _ranked_first(result)
    )
    headings = ["variant", "n", result.noun, *(heading_of(column) for column in columns)]
    rows = [
        [
            plain(variant.name),
            runs_of(result, variant),
            whole(variant.values["images"]),
            *(spread(variant.scores.get(column.id)) for column in columns),
        ]
        for variant in result.variants
    ]
    for name, found in (
        (f"real {result.noun}", [column.real for column in columns]),
        ("noise", [column.noise for column in columns]),
    ):
        if any(value is not None for value in found):
            rows.append([name, "", "", *(short(value) for value in found)])
    return headings, rows


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
        return (
            " & ".join(
                "".join(_LATEX.get(character, character) for character in cell) for cell in cells
            )
            + r" \\"
        )

    body = [r"\toprule", line(headings), r"\midrule", *(line(row) for row in rows), r"\bottomrule"]
    return (
        "\n".join([rf"\begin{{tabular}}{{l{'r' * (len(headings) - 1)}}}", *body, r"\end{tabular}"])
        + "\n"
    )


def as_csv(result: ComparisonResult) -> str:
    """One row a run, every column; a cell that a spreadsheet would run gets an apostrophe."""
    identity = ["variant", "name", "path", "seed", "status", "repeat_of", "machine"]
    keys = [column.key for column in COLUMNS]
    scores = [column.id for column in result.columns]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*identity, *keys, *result.losses, "collapses", *scores])
    for row in result.runs:
        spells = [f"{spell.detector} at {spell.step}" for spell in row.collapses]
        cells = [
            *(getattr(row, key) for key in identity),
            *(row.values[key] for key in keys),
            *(row.losses.get(key) for key in result.losses),
            "; ".join(spells),
            *(row.scores.get(column) for column in scores),
        ]
        writer.writerow(["" if cell is None else _safe(cell) for cell in cells])
    return buffer.getvalue()


def _safe(value: object) -> object:
    runs = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if runs else value


def _ranked_first(result: ComparisonResult) -> list[ScoreColumn]:
    return sorted(
        result.columns, key=lambda column: (column.id != result.sorted_by, not column.shared)
    )


def heading_of(column: ScoreColumn) -> str:
    """A score's name, unit, and arrow to the better side."""
    unit = f" ({column.unit})" if column.unit else ""
    return f"{column.id}{unit} {ARROWS[column.better]}"


def _width(heading: str, cells: Sequence[str]) -> int:
    return max(map(len, (heading, *cells))) + _GAP
