"""The files of a comparison and of a report."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gantool.errors import GantoolError
from gantool.report import page, tables
from gantool.report.compare import compare
from gantool.report.load import RunData, read_run
from gantool.report.result import ComparisonResult
from gantool.report.scoreboard import OnData, overview
from gantool.runs.files import slug, write_bytes, write_json
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord


def write_comparison(
    output: Path,
    result: ComparisonResult,
    runs: Sequence[RunData],
    *,
    again: float | None = None,
    embed: bool = False,
) -> Path:
    """Write the page, index.html, and return its path; with `embed` it holds every sample grid.

    Beside it are written comparison.json, comparison.csv, losses.png and samples.png, and cost.png
    where there is something to show.

    Raises:
        GantoolError: the folder cannot be written, or is a run's.
    """
    from gantool.report import comparison_figures  # matplotlib; a run's own page needs none

    _refuse_run(output)
    with _writing_to(output):
        output.mkdir(parents=True, exist_ok=True)
        write_json(output / "comparison.json", result.model_dump(mode="json"))
        write_bytes(
            output / "comparison.csv", tables.as_csv(result).encode(errors="backslashreplace")
        )
        comparison_figures.plot_comparison(result, runs, path=output / "losses.png")
        comparison_figures.plot_variants(result, runs, path=output / "samples.png")
        comparison_figures.plot_cost(result, path=output / "cost.png")
        cost = output / "cost.png"
        content = page.render(
            result, runs, title=_title(result), again=again, cost=cost, every_grid=embed
        )
        write_bytes(output / "index.html", content.encode(errors="backslashreplace"))
    return output / "index.html"


def _refuse_run(output: Path) -> None:
    if (output / "run.json").exists():
        raise GantoolError(
            f"{output} is a run; a comparison there would mix with it.", "Give another --output."
        )


def write_comparisons(
    output: Path,
    comparisons: Sequence[OnData],
    *,
    skipped: Mapping[str, str] | None = None,
    again: float | None = None,
    embed: bool = False,
) -> Path:
    """Write a page for each data set in a folder of its own, and one that leads to them.

    With one data set that is its page alone, as `write_comparison` writes it. The path of the
    page that leads is returned; with `embed` that page holds all others, and needs none of them.

    Raises:
        GantoolError: the folder cannot be written, or is a run's.
    """
    if len(comparisons) == 1:
        (only,) = comparisons
        result = only.result.model_copy(update={"skipped": dict(skipped or {})})
        return write_comparison(output, result, runs=only.runs, again=again, embed=embed)
    _refuse_run(output)
    pages: dict[str, Path] = {}
    for each in comparisons:
        folder = output / (slug(each.data) or "data")
        while folder in pages.values():
            folder = folder.with_name(f"{folder.name}-2")
        pages[each.data] = folder
        write_comparison(folder, each.result, runs=each.runs, again=again, embed=embed)
    links = {data: f"{folder.name}/index.html" for data, folder in pages.items()}
    inner = {data: (folder / "index.html").read_text("utf-8") for data, folder in pages.items()}
    content = page.render_overview(
        comparisons,
        links,
        table=overview(comparisons),
        skipped=skipped or {},
        pages=inner if embed else None,
    )
    with _writing_to(output):
        write_bytes(output / "index.html", content.encode(errors="backslashreplace"))
    return output / "index.html"


@contextlib.contextmanager
def _writing_to(output: Path) -> Iterator[None]:
    """Say what fails; a folder that was not there before goes again."""
    is_new = not output.exists()
    try:
        yield
    except OSError as error:
        if is_new:
            shutil.rmtree(output, ignore_errors=True)
        raise GantoolError(
            f"cannot write to {output}: {error.strerror or error}",
            "Name another place with --output.",
        ) from error


def write_report(
    folder: RunFolder, record: RunRecord | None = None, *, embed: bool = False
) -> Path:
    """Write report.html, the page of one run, and return its path.

    `record` is the record that run.json is about to hold, where it does not hold it yet; with
    `embed` the page holds the sample grids of all steps.

    Raises:
        GantoolError: it is no run, or its record is damaged.
    """
    run = read_run(folder.path)
    if record is not None:
        run = replace(run, record=record, status=record.status)
    result = compare([run])
    title = f"{run.record.name}: {run.record.model} on {run.record.data.get('name', '?')}"
    content = page.render(result, [run], title=title, single=True, every_grid=embed)
    write_bytes(folder.report_file, content.encode(errors="backslashreplace"))
    return folder.report_file


def try_report(
    folder: RunFolder, say: Callable[[str], None], *, record: RunRecord | None = None
) -> None:
    """Write a run's page; whatever goes wrong with that is only said.

    The run is whole without its page.
    """
    try:
        write_report(folder, record)
    except Exception as error:
        say(f"no report: {error}; try `gantool report {folder.path}`.")


def _title(result: ComparisonResult) -> str:
    data = sorted({variant.data for variant in result.variants})
    runs = sum(row.repeat_of is None for row in result.runs)
    variants = f"{len(result.variants)} variant{'s' if len(result.variants) != 1 else ''}"
    return f"{variants} on {', '.join(data)}, {runs} run{'s' if runs != 1 else ''}"
