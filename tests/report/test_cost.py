"""Cost beside quality: columns, domination, and times within one machine only."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from made_runs import make_run

from gantool.report import tables
from gantool.report.compare import compare
from gantool.report.cost import CostPanel, cost_view, dominates
from gantool.report.load import read_runs
from gantool.report.result import ComparisonResult
from gantool.report.write import write_comparison

HERE = {"platform": "Linux-6", "device": "cpu", "device_name": "EPYC", "threads": 1}
THERE = {**HERE, "threads": 2}


def variants(
    where: Path, *costs: tuple[str, float, int, int], machines: Any = (HERE, HERE)
) -> ComparisonResult:
    """Two seeds of each (model, distance, parameters, multiply-adds), one on each machine."""
    for model, score, parameters, adds in costs:
        for seed, machine in enumerate(machines):
            make_run(
                where / f"{model}-{seed}",
                model=model,
                seed=seed,
                scores={"frechet-distance": score + seed},
                networks={"generator": parameters},
                environment=machine,
                drawing={"multiply_adds": adds, "samples_per_second": 50.0 + seed, **machine},
            )
    return compare(read_runs([where]).runs)


THREE = (("dcgan", 10.0, 2000, 100), ("flow", 5.0, 1000, 2000), ("vanilla", 20.0, 3000, 150))


def panel(result: ComparisonResult, key: str) -> CostPanel:
    (found,) = [panel for panel in cost_view(result).panels if panel.key == key]
    return found


def undominated(found: CostPanel) -> set[str]:
    return {point.variant for point in found.points if not point.dominated}


def test_what_nothing_dominates_is_marked(tmp_path: Path) -> None:
    result = variants(tmp_path, *THREE)
    assert [found.key for found in cost_view(result).panels] == [
        "seconds",
        "parameters",
        "multiply_adds",
    ]
    assert undominated(panel(result, "parameters")) == {"flow"}
    assert undominated(panel(result, "multiply_adds")) == {"flow", "dcgan"}
    (dcgan,) = [p for p in panel(result, "multiply_adds").points if p.variant == "dcgan"]
    assert (dcgan.cost.mean, dcgan.score.mean, dcgan.score.n) == (100, 10.5, 2)
    assert dcgan.score.low is not None and dcgan.score.low < 10.5


@pytest.mark.parametrize(
    ("a", "b", "better", "expected"),
    [
        ((1, 1), (2, 2), "lower", True),
        ((1, 1), (1, 2), "lower", True),
        ((1, 1), (1, 1), "lower", False),
        ((1, 3), (2, 2), "lower", False),
        ((1, 3), (2, 2), "higher", True),
        ((2, 3), (1, 2), "higher", False),
    ],
)
def test_domination(a: Any, b: Any, better: Any, expected: bool) -> None:
    assert dominates(a, b, better=better) is expected


def test_times_of_several_machines_are_no_picture_and_the_reason_is_said(tmp_path: Path) -> None:
    result = variants(tmp_path / "runs", *THREE, machines=(HERE, THERE))
    view = cost_view(result)
    assert [found.key for found in view.panels] == ["parameters", "multiply_adds"]
    assert "different machines or numbers of threads" in view.notes[0]
    assert any("speeds cannot be compared" in flag.message for flag in result.flags)
    page = write_comparison(tmp_path / "out", result, read_runs([tmp_path / "runs"]).runs)
    text = page.read_text()
    assert "No picture of seconds" in text
    assert "Linux-6, cpu (EPYC), 1 thread; Linux-6, cpu (EPYC), 2 threads" in text


def test_samples_a_second_of_several_machines_are_flagged(tmp_path: Path) -> None:
    for seed, machine in enumerate((HERE, THERE)):
        drawing = {"samples_per_second": 5.0, **machine}
        make_run(tmp_path / str(seed), seed=seed, environment=HERE, drawing=drawing)
    result = compare(read_runs([tmp_path]).runs)
    (flag,) = [flag for flag in result.flags if "samples/s" in flag.message]
    assert not flag.unfair


def test_costs_are_columns_everywhere(tmp_path: Path) -> None:
    result = variants(tmp_path / "runs", *THREE)
    headings, rows = tables.headline(result)
    assert dict(zip(headings, rows[0], strict=True))["MACs"] == "2k"
    row = next(iter(csv.DictReader(io.StringIO(tables.as_csv(result)))))
    assert (row["multiply_adds"], row["samples_per_second"]) == ("100.0", "50.0")
    assert row["machine"] == "Linux-6, cpu (EPYC), 1 thread"
    written = result.model_dump(mode="json")["variants"][0]
    assert (written["multiply_adds"], written["samples_per_second"]) == (2000, 50.5)
    page = write_comparison(tmp_path / "out", result, read_runs([tmp_path / "runs"]).runs)
    assert "Rimmed and joined" in page.read_text()
    assert (tmp_path / "out" / "cost.png").read_bytes().startswith(b"\x89PNG")


def test_runs_that_know_no_cost_of_drawing_are_named_and_have_no_old_picture(
    tmp_path: Path,
) -> None:
    for model in ("dcgan", "vanilla"):
        make_run(tmp_path / "runs" / model, model=model, scores={"frechet-distance": 3.0})
    runs = read_runs([tmp_path / "runs"]).runs
    result = compare(runs)
    assert "multiply_adds" not in [found.key for found in cost_view(result).panels]
    (note,) = cost_view(result).notes
    assert note.startswith("Without multiply-adds") and "dcgan, vanilla" in note
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "cost.png").write_bytes(b"old")
    unscored = compare(runs[:1])
    write_comparison(tmp_path / "out", unscored, runs[:1])
    assert not (tmp_path / "out" / "cost.png").exists()
