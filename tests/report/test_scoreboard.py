"""Runs on several data sets are compared on each alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from made_runs import make_run
from support import Cli

from gantool.errors import GantoolError
from gantool.report.compare import UnknownNameError
from gantool.report.load import read_runs
from gantool.report.scoreboard import OnData, compare_by_data, overview
from gantool.report.write import write_comparisons

DISTANCES = {
    "mnist5k": {"dcgan": 5.0, "vanilla": 9.0, "wgan": 7.0},
    "robots": {"dcgan": 900.0, "vanilla": 300.0},
}


def make(where: Path, values: Mapping[str, Mapping[str, float]] = DISTANCES) -> Path:
    for data, models in values.items():
        for model, value in models.items():
            for seed in (0, 1):
                run = make_run(
                    where / f"{model}-{data}-{seed}",
                    model=model,
                    seed=seed,
                    scores={"frechet-distance": value + seed},
                )
                record = json.loads((run / "run.json").read_text())
                record["data"] |= {"fingerprint": data[0] * 64, "name": data}
                (run / "run.json").write_text(json.dumps(record))
    return where


def boards(where: Path, **options: str) -> list[OnData]:
    return compare_by_data(read_runs([where]).runs, **options)


def test_each_data_set_has_a_comparison_of_its_own(tmp_path: Path) -> None:
    found = {each.data: each for each in boards(make(tmp_path))}
    assert set(found) == {"mnist5k", "robots"}
    assert [v.name for v in found["mnist5k"].result.variants] == ["dcgan", "wgan", "vanilla"]
    assert [v.name for v in found["robots"].result.variants] == ["vanilla", "dcgan"]
    assert len(found["robots"].result.runs) == 4
    for each in found.values():
        assert not any("different images" in flag.message for flag in each.result.flags)


def test_one_table_has_all_of_them_by_the_mean_of_their_places(tmp_path: Path) -> None:
    headings, rows = overview(boards(make(tmp_path)))
    assert headings[1:] == ["mnist5k: frechet-distance ↓", "robots: frechet-distance ↓"]
    # places as shares: wgan 2/3; vanilla (3/3 + 1/2) / 2; dcgan (1/3 + 2/2) / 2
    assert [row[0] for row in rows] == ["dcgan", "wgan", "vanilla", "real samples"]
    assert rows[0][1:] == ["5.50 ± 0.71 (1)", "900.50 ± 0.71 (2)"]
    assert rows[1][1:] == ["7.50 ± 0.71 (2)", "-"]


def test_equals_share_a_place(tmp_path: Path) -> None:
    for model, value in (("a", 8.0), ("b", 8.0), ("c", 8.0), ("d", 5.0)):
        make_run(tmp_path / model, model=model, scores={"modes-covered": value})
    (each,) = boards(tmp_path)
    best = each.result.sorted_by == "modes-covered" and each.column()
    assert best
    ahead = ["a", "b", "c"] if best.better == "higher" else ["d"]
    places = each.ranks()
    assert [name for name, place in places.items() if place == 1] == ahead
    assert sorted(each.shares().values()) in ([0.5, 0.5, 0.5, 1.0], [0.25, 0.75, 0.75, 0.75])


def test_a_baseline_of_some_data_counts_there(tmp_path: Path) -> None:
    found = {each.data: each.result for each in boards(make(tmp_path), baselines=["wgan"])}
    assert (found["mnist5k"].baseline, found["robots"].baseline) == ("wgan", None)
    with pytest.raises(UnknownNameError, match="wgann"):
        boards(tmp_path, baselines=["wgann"])
    with pytest.raises(UnknownNameError, match="beauty"):
        boards(tmp_path, sort="beauty")


def test_each_data_set_takes_the_first_baseline_that_was_trained_there(
    cli: Cli, tmp_path: Path
) -> None:
    runs, names = make(tmp_path), ["wgan", "vanilla"]
    found = {each.data: each.result.baseline for each in boards(runs, baselines=names)}
    assert found == {"mnist5k": "wgan", "robots": "vanilla"}
    outcome = cli("compare", runs, "--baseline", "vanilla", "--baseline", "wgann")
    assert outcome.code == 2
    assert "no variant 'wgann' in this comparison. Did you mean 'wgan'?" in outcome.err


def test_the_command_writes_a_page_for_each_and_one_that_leads(cli: Cli, tmp_path: Path) -> None:
    runs, output = make(tmp_path / "runs"), tmp_path / "out"
    outcome = cli("compare", runs, "--output", output)
    assert outcome.code == 0, outcome.err
    for words in ("on mnist5k:", "on robots:", "on all data:", f"page: {output / 'index.html'}"):
        assert words in outcome.out
    leading = (output / "index.html").read_text()
    for data in DISTANCES:
        assert f'href="{data}/index.html"' in leading
        assert (output / data / "index.html").is_file()
        assert (output / data / "comparison.json").is_file()
    assert "3 variants on 2 data sets, 10 runs" in leading


def test_no_page_is_written_into_a_run(tmp_path: Path) -> None:
    runs = make(tmp_path / "runs")
    run = next(runs.iterdir())
    before = sorted(run.rglob("*"))
    with pytest.raises(GantoolError, match="would mix with it"):
        write_comparisons(run, boards(runs))
    assert sorted(run.rglob("*")) == before


def test_tables_of_several_data_sets(cli: Cli, tmp_path: Path) -> None:
    runs = make(tmp_path)
    shown = cli("compare", runs, "--markdown").out
    assert "## mnist5k" in shown and "## robots" in shown and "| dcgan | 5.50 ± 0.71 (1) |" in shown
    assert "% robots" in cli("compare", runs, "--latex").out
    document = cli("compare", runs, "--json").json
    assert set(document["data"]) == set(DISTANCES)
    assert document["data"]["robots"]["variants"][0]["name"] == "vanilla"


def test_a_variant_that_was_alone_on_data_has_no_place_there(tmp_path: Path) -> None:
    on_ring = {"vanilla": 1.0, "wgan": 3.0, "lsgan": 5.0, "bigan": 7.0}
    values = {"mnist5k": {"dcgan": 5.0, "vanilla": 9.0}, "ring": on_ring}
    alone = {"robots": {"vanilla": 300.0}}
    _, rows = overview(boards(make(tmp_path, values | alone)))
    _, without = overview(boards(make(tmp_path / "w", values)))
    assert [row[0] for row in rows] == [row[0] for row in without]
