"""`gantool compare PATH...`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gantool.cli.list_runs import WhereOption
from gantool.errors import printable, some_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gantool.report.result import ComparisonResult
    from gantool.report.scoreboard import OnData

_WATCH_SECONDS = 5.0


def compare(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Run folders, folders of them, or pretrained:NAME."),
    ],
    output: Annotated[
        Path, typer.Option(help="Folder for the page, the pictures and the tables.")
    ] = Path("comparison"),
    where: WhereOption = None,
    sort: Annotated[
        str | None, typer.Option(metavar="SCORE", help="Rank by this score (unset: the first).")
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VARIANT",
            help="Give each variant's difference from this one. May be repeated: each data set "
            "takes the first that was trained there.",
        ),
    ] = None,
    budget: Annotated[
        Literal["images", "step", "seconds"],
        typer.Option(help="What the same budget is measured in."),
    ] = "images",
    paired: Annotated[
        bool, typer.Option("--paired", help="Pair runs by seed where variants are contrasted.")
    ] = False,
    uncorrected: Annotated[
        bool,
        typer.Option(
            "--uncorrected",
            help="Do not correct contrasts for their number; the table says so.",
        ),
    ] = False,
    matters: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="DIFFERENCE",
            help="Smallest difference that matters in the score that ranks; by default the "
            "distance between real images.",
        ),
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown tables; write no files.")
    ] = False,
    latex: Annotated[
        bool, typer.Option("--latex", help="Print LaTeX tables; write no files.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Write the page anew as runs go on, until Ctrl-C.")
    ] = False,
    embed: Annotated[
        bool,
        typer.Option(
            "--embed",
            help="Put everything into the one page, to give it away alone: all runs' sample grids "
            "of all steps, and the pages of several data sets.",
        ),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the comparison as JSON; write no files.")
    ] = False,
) -> None:
    """Compare runs: a table with statistics, and a page with curves and samples side by side.

    Runs on different data are compared on each alone, and one table leads to them all.
    """
    from gantool.cli.output import print_json
    from gantool.errors import ConfigError, did_you_mean
    from gantool.machine.garbage import uncollected
    from gantool.plugins.pretrained import run_at
    from gantool.report import tables
    from gantool.report.beside import with_what_lies_beside
    from gantool.report.compare import UnknownNameError
    from gantool.report.listing import matching
    from gantool.report.load import read_runs
    from gantool.report.scoreboard import compare_by_data, overview

    if sum((markdown, latex, json, watch)) > 1:
        raise ConfigError("give one of --markdown, --latex, --json and --watch")
    if embed and (markdown or latex or json or watch):
        raise ConfigError("--embed is for a page that is written once: leave the other option out")

    if matters is not None and not math.isfinite(matters):
        raise ConfigError(f"--matters {matters}: no such difference.", "Give a finite one.")

    places = [run_at(path) for path in paths]

    @uncollected()
    def look() -> tuple[list[OnData], dict[str, str]]:
        reading = read_runs(places, chosen=lambda reading: matching(reading, where))
        try:
            found = compare_by_data(
                with_what_lies_beside(reading.runs),
                sort=sort,
                baselines=baseline or (),
                budget_axis=budget,
                paired=paired,
                corrected=not uncorrected,
                matters=matters,
                left_out=reading.left_out,
            )
        except UnknownNameError as error:
            known = ", ".join(error.known) or "none"
            raise ConfigError(
                f"{error}.{did_you_mean(error.name, error.known)}",
                f"{error.kind.capitalize()}s: {known}.",
            ) from None
        return found, reading.skipped

    found, skipped = look()
    if json:
        results = {each.data: each.result.model_dump(mode="json") for each in found}
        if len(results) == 1:
            print_json({**next(iter(results.values())), "skipped": skipped})
        else:
            print_json({"data": results, "skipped": skipped})
    elif markdown or latex:
        in_words = tables.markdown if markdown else tables.latex
        parts = [in_words(overview(found))] if len(found) > 1 else []
        for each in found:
            if len(found) > 1:
                parts.append(f"{'##' if markdown else '%'} {each.data}\n")
            parts.append(in_words(tables.full(each.result)))
            if each.result.baseline is not None:
                correction = f"{'' if markdown else '% '}{tables.correction(each.result)}\n"
                parts += [correction, in_words(tables.contrasts(each.result))]
        print("\n".join(parts), end="")
    else:
        from gantool.report.write import write_comparisons

        _print(found, skipped)
        again = _WATCH_SECONDS if watch else None
        with uncollected():
            page = write_comparisons(output, found, skipped=skipped, again=again, embed=embed)
        size = f" ({page.stat().st_size / 1e6:,.1f} MB, needs no other file)" if embed else ""
        print(f"page: {page}{size}")
        while watch:
            _wait(_WATCH_SECONDS)
            found, skipped = look()
            going = any(row.status == "running" for each in found for row in each.result.runs)
            again = _WATCH_SECONDS if going else None
            write_comparisons(output, found, skipped=skipped, again=again)
            if not going:
                print("no run is going on any more; the page is complete.")
                break


def _wait(seconds: float) -> None:
    import time

    time.sleep(seconds)


def _print(comparisons: Sequence[OnData], skipped: Mapping[str, str]) -> None:
    from gantool.cli.output import print_table
    from gantool.report.format import plain
    from gantool.report.scoreboard import overview

    for each in comparisons:
        if len(comparisons) > 1:
            print(printable(f"on {each.data}:"))
        _print_one(each.result)
    if len(comparisons) > 1:
        print("on all data:")
        print_table(*overview(comparisons))
    if skipped:
        names = [f"{plain(name)} ({why})" for name, why in skipped.items()]
        print(printable(f"not runs: {some_of(names, 5)}"))


def _print_one(result: ComparisonResult) -> None:
    from gantool.cli.output import print_table
    from gantool.report import tables

    if (conditions := tables.conditions(result))[1]:
        print_table(*conditions)
    print_table(*tables.headline(result))
    if len(result.columns) > 1:
        print_table(*tables.scores(result))
    print_table(*tables.losses(result))
    if any(pair.column == result.sorted_by for pair in result.pairs):
        print(f"in {result.sorted_by}:")
        print_table(*tables.contrasts(result))
        print(tables.correction(result))
    if (lost := tables.lost(result))[1]:
        print_table(*lost)
    print(printable(" ".join(result.verdict)))
    for flag in result.flags:
        print(f"- {printable(flag.message)}")
