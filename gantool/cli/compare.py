"""`gantool compare PATH...`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gantool.errors import printable

if TYPE_CHECKING:
    from gantool.report.load import RunData
    from gantool.report.result import ComparisonResult

_WATCH_SECONDS = 5.0


def compare(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Run folders, or folders of them.")
    ],
    output: Annotated[
        Path, typer.Option(help="Folder for the page, the pictures and the tables.")
    ] = Path("comparison"),
    sort: Annotated[
        str | None, typer.Option(metavar="SCORE", help="Rank by this score (unset: the first).")
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(metavar="VARIANT", help="Give each variant's difference from this one."),
    ] = None,
    budget: Annotated[
        Literal["images", "step", "seconds"],
        typer.Option(help="What the same budget is measured in."),
    ] = "images",
    paired: Annotated[
        bool, typer.Option("--paired", help="Pair runs by seed where variants are contrasted.")
    ] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a Markdown table; write no files.")
    ] = False,
    latex: Annotated[
        bool, typer.Option("--latex", help="Print a LaTeX table; write no files.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Write the page anew as runs go on, until Ctrl-C.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the comparison as JSON; write no files.")
    ] = False,
) -> None:
    """Compare runs: a table with statistics, and a page with curves and samples side by side."""
    from gantool.cli.output import print_json
    from gantool.errors import ConfigError, did_you_mean
    from gantool.report import tables
    from gantool.report.compare import UnknownNameError, compare
    from gantool.report.load import read_runs

    if sum((markdown, latex, json, watch)) > 1:
        raise ConfigError("give one of --markdown, --latex, --json and --watch")

    def look() -> tuple[ComparisonResult, list[RunData]]:
        reading = read_runs(paths)
        try:
            result = compare(
                reading.runs,
                sort=sort,
                baseline=baseline,
                budget_axis=budget,
                paired=paired,
                skipped=reading.skipped,
            )
        except UnknownNameError as error:
            known = ", ".join(error.known) or "none"
            raise ConfigError(
                f"{error}.{did_you_mean(error.name, error.known)}",
                f"{error.kind.capitalize()}s: {known}.",
            ) from None
        return result, reading.runs

    result, runs = look()
    if json:
        print_json(result.model_dump(mode="json"))
    elif markdown:
        print(tables.markdown(tables.full(result)), end="")
    elif latex:
        print(tables.latex(tables.full(result)), end="")
    else:
        from gantool.report.write import write_comparison

        _print(result)
        page = write_comparison(output, result, runs=runs, again=_WATCH_SECONDS if watch else None)
        print(f"page: {page}")
        while watch:
            _wait(_WATCH_SECONDS)
            result, runs = look()
            going = any(row.status == "running" for row in result.runs)
            write_comparison(output, result, runs=runs, again=_WATCH_SECONDS if going else None)
            if not going:
                print("no run is going on any more; the page is complete.")
                break


def _wait(seconds: float) -> None:
    import time

    time.sleep(seconds)


def _print(result: ComparisonResult) -> None:
    from gantool.cli.output import print_table
    from gantool.report import tables
    from gantool.report.format import plain

    print_table(*tables.headline(result))
    if len(result.columns) > 1:
        print_table(*tables.scores(result))
    print_table(*tables.losses(result))
    if any(pair.column == result.sorted_by for pair in result.pairs):
        print(f"in {result.sorted_by}:")
        print_table(*tables.contrasts(result))
    print(printable(" ".join(result.verdict)))
    for flag in result.flags:
        print(f"- {printable(flag.message)}")
    if result.skipped:
        names = ", ".join(
            f"{plain(name)} ({reason})" for name, reason in list(result.skipped.items())[:5]
        )
        more = f" and {len(result.skipped) - 5} more" if len(result.skipped) > 5 else ""
        print(printable(f"not runs: {names}{more}"))
