"""Write the tables of docs/scoreboard.md from the study's runs: `python tools/make_scoreboard.py`.

They are those of `gantool compare experiments/studies/scoreboard`, with what a run costs.
"""

from __future__ import annotations

from pathlib import Path

from gantool.report import tables
from gantool.report.beside import with_what_lies_beside
from gantool.report.columns import COLUMNS, shown_in
from gantool.report.load import read_runs
from gantool.report.result import ComparisonResult
from gantool.report.scoreboard import compare_by_data, overview

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "scoreboard.md"
BEGIN, END = "<!-- made by tools/make_scoreboard.py -->", "<!-- by hand from here on -->"
_STUDY = Path("experiments/studies/scoreboard")
_BASELINES = ("dcgan", "vanilla")  # of images and of points
_COST = """\
What a run cost, a mean over its seeds, two runs at a time of one thread each: steps of G, seconds
of training, real samples in one of them, parameters of all networks, multiply-adds of a sample
(MACs), and samples drawn in a second.
"""


def made() -> str:
    """All tables, each data set's under a heading of its own, with the verdict above them."""
    reading = read_runs([ROOT / _STUDY])
    found = compare_by_data(
        with_what_lies_beside(reading.runs), baselines=_BASELINES, left_out=reading.left_out
    )
    parts = [tables.markdown(overview(found))]
    for each in found:
        parts += [
            f"## {each.data}\n",
            f"{' '.join(each.result.verdict)}\n",
            *_cautions(each.result),
            tables.markdown(tables.full(each.result)),
            f"{tables.correction(each.result)}\n",
            tables.markdown(tables.contrasts(each.result)),
            _COST,
            tables.markdown(_cost(each.result)),
        ]
    return "\n".join(parts)


def _cautions(result: ComparisonResult) -> list[str]:
    """A line each, those first that make a ranking unfair."""
    flags = sorted(result.flags, key=lambda flag: not flag.unfair)
    return ["\n".join(f"- {flag.message}" for flag in flags) + "\n"] if flags else []


def _cost(result: ComparisonResult) -> tables.Table:
    """One row a variant, the fastest first."""
    (steps,) = (column for column in COLUMNS if column.key == "steps")
    columns = [steps, *(c for c in shown_in("cost", result.variants) if c.key != "images")]
    variants = sorted(result.variants, key=lambda variant: variant.values["seconds"] or 0)
    rows = [
        [variant.name, *(column.text(variant.values[column.key], variant) for column in columns)]
        for variant in variants
    ]
    return ["variant", *(column.heading_for(result.noun) for column in columns)], rows


def main() -> None:
    """Put the tables between the two comments of the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{made()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
