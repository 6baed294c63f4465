"""The files that a comparison and a report consist of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gantool.errors import GantoolError
from gantool.report import comparison_figures, page, tables
from gantool.report.comparison import compare
from gantool.report.reading import RunData, read_run
from gantool.report.result import Comparison
from gantool.runs import RunFolder, RunRecord, write_bytes, write_json


def write_comparison(output: Path, result: Comparison, runs: Sequence[RunData], *, again: float | None = None) -> Path:
    """Write index.html, comparison.json, comparison.csv, losses.png and samples.png; the page's path.

    Raises:
        GantoolError: the folder cannot be written, or is a run's.
    """
    if (output / "run.json").exists():
        raise GantoolError(f"{output} is a run; a comparison there would mix with it.", "Give another --output.")
    try:
        output.mkdir(parents=True, exist_ok=True)
        write_json(output / "comparison.json", result.model_dump(mode="json"))
        write_bytes(output / "comparison.csv", tables.as_csv(result).encode())
        comparison_figures.draw_comparison(result, runs, output / "losses.png")
        comparison_figures.draw_variants(result, runs, output / "samples.png")
        content = page.render(result, runs, title=_title(result), again=again)
        write_bytes(output / "index.html", content.encode())
    except OSError as error:
        raise GantoolError(
            f"cannot write to {output}: {error.strerror or error}", "Name another place with --output."
        ) from error
    return output / "index.html"


def write_report(folder: RunFolder, record: RunRecord | None = None) -> Path:
    """Write report.html, the page of one run; its path. `record` is what run.json is about to say, where it is not yet.

    Raises:
        GantoolError: it is no run, or its record is damaged.
    """
    run = read_run(folder.path)
    if record is not None:
        run = replace(run, record=record, status=record.status)
    result = compare([run])
    title = f"{run.record.name}: {run.record.model} on {run.record.data.get('name', '?')}"
    write_bytes(folder.report_file, page.render(result, [run], title=title, single=True).encode())
    return folder.report_file


def _title(result: Comparison) -> str:
    data = sorted({variant.data for variant in result.variants})
    runs = sum(row.repeat_of is None for row in result.runs)
    plural = "s" if len(result.variants) != 1 else ""
    return f"{len(result.variants)} variant{plural} on {', '.join(data)}, {runs} run{'s' if runs != 1 else ''}"
