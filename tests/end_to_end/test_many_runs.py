"""`gantool list-runs`, `note` and `--where` through the command line, and hostile folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from made_runs import make_run
from support import Cli

import gantool
from gantool.errors import ConfigError
from gantool.report.compare import compare
from gantool.report.listing import Listing, matching
from gantool.report.load import read_records, read_runs
from gantool.report.write import write_report
from gantool.runs.folder import RunFolder
from gantool.runs.notes import add_note


@pytest.fixture
def experiments(tmp_path: Path) -> Path:
    """dcgan at two rates, two seeds each; vanilla with one seed, not scored; newest last."""
    where = tmp_path / "experiments"
    for i, (model, lr, seed) in enumerate(
        [("dcgan", 2e-4, 0), ("dcgan", 2e-4, 1), ("dcgan", 1e-3, 0), ("dcgan", 1e-3, 1)]
    ):
        scores = {"frechet-distance": 9.0 - i, "recall": 0.1 * i}
        make_run(where / f"{model}-{i}", model=model, seed=seed, config={"lr": lr}, scores=scores)
    make_run(where / "vanilla", model="vanilla", seed=2, config={"lr": 2e-4})
    return where


def names(listing: Listing) -> list[str]:
    return [run.record.name for run in listing.runs]


def test_the_newest_runs_are_first_unless_something_sorts(experiments: Path) -> None:
    every = Listing(read_records([experiments]).runs)
    assert names(every.ordered(None, reverse=False))[0] == "vanilla"
    by_distance = ["dcgan-3", "dcgan-2", "dcgan-1", "dcgan-0", "vanilla"]  # lower is better
    assert names(every.ordered("frechet-distance", reverse=False)) == by_distance
    assert names(every.ordered("recall", reverse=False)) == by_distance  # higher is
    assert names(every.ordered("recall", reverse=True)) == [*by_distance[3::-1], "vanilla"]
    assert names(every.ordered("lr", reverse=False))[-2:] == ["dcgan-2", "dcgan-3"]
    assert names(every.ordered("model", reverse=True))[0] == "vanilla"


def test_the_newest_score_of_a_metric_counts(tmp_path: Path) -> None:
    path = make_run(tmp_path / "r", scores={"frechet-distance": 5.0}, score_steps=(100, 50))
    (found,) = Listing(read_records([path]).runs).documents(["frechet-distance"])
    assert found == {"run": str(path), "frechet-distance": 5.0}  # at step 50 it was 5.5


def test_runs_are_listed_and_filtered(experiments: Path, cli: Cli) -> None:
    done = cli("list-runs")
    assert done.code == 0, done.err
    assert "experiments/vanilla" in done.out
    assert "5 of 5 runs" in done.out
    words = ("--where", "lr>=1e-3 or model=vanilla", "--sort", "frechet-distance")
    found = cli("list-runs", experiments, *words, "--json")
    assert [run["name"] for run in found.json] == ["dcgan-3", "dcgan-2", "vanilla"]
    assert found.json[0]["scores"]["frechet-distance"] == 6.0
    assert found.json[0]["options"]["lr"] == 1e-3
    shown = cli("list-runs", experiments, "--columns", "name,lr", "--limit", "1", *words)
    assert [line.split() for line in shown.out.splitlines() if "dcgan" in line] == [
        ["dcgan-3", "0.001"]
    ]
    assert "1 of 5 runs; 2 more" in shown.out
    nothing = cli("list-runs", experiments, "--where", "seed>5", "--json")
    assert (nothing.code, nothing.json) == (0, [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--where", "lrr>1"), "'lrr'. Did you mean 'lr'?"),
        (("--where", "lr>1 modle=x"), "expected 'and' or 'or', not 'modle'"),
        (("--sort", "frechet"), "'frechet'. Did you mean 'frechet-distance'?"),
        (("--columns", "model,sede"), "'sede'. Did you mean 'seed'?"),
    ],
)
def test_unknown_names_are_refused(
    experiments: Path, cli: Cli, words: tuple[str, ...], message: str
) -> None:
    done = cli("list-runs", *words)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_a_folder_without_runs_is_one_message(tmp_path: Path, cli: Cli) -> None:
    done = cli("list-runs")
    assert (done.code, done.out) == (2, "")
    assert "experiments (not there)" in done.err


def test_a_comparison_of_some_runs_says_so(experiments: Path, cli: Cli) -> None:
    done = cli("compare", experiments, "--where", "lr<1e-3 and frechet-distance<100", "--json")
    assert done.code == 0, done.err
    assert sorted(run["name"] for run in done.json["runs"]) == ["dcgan-0", "dcgan-1"]
    assert any("2 of 5" in flag["message"] for flag in done.json["flags"])
    none = cli("compare", experiments, "--where", "model=biggan")
    assert none.code == 2
    assert "none of 5 runs matches" in none.err
    assert not (experiments.parent / "comparison").exists()


def test_notes_are_shown_and_filtered_by(experiments: Path, cli: Cli) -> None:
    write_report(RunFolder(experiments / "dcgan-0"))
    done = cli("note", experiments / "dcgan-0", "sharp <b>strokes</b>", "--tag", "good")
    assert done.code == 0, done.err
    assert "sharp <b>strokes</b>" in done.out
    assert "sharp &lt;b&gt;strokes" in (experiments / "dcgan-0" / "report.html").read_text()
    found = cli("list-runs", "--where", "tag=good and note~STROKES", "--json").json
    assert [(run["name"], run["tags"]) for run in found] == [("dcgan-0", ["good"])]
    cli("note", experiments / "dcgan-0", "--remove-tag", "good", "--tag", "paper")
    shown = cli("note", experiments / "dcgan-0", "--json").json
    assert shown["tags"] == ["paper"]
    assert [note["text"] for note in shown["notes"]] == ["sharp <b>strokes</b>"]
    assert "[paper] sharp" in cli("list-runs").out
    wrong = cli("note", experiments / "dcgan-9", "text")
    assert wrong.code == 2
    assert "is not a run" in wrong.err


def test_notes_change_no_variant(experiments: Path) -> None:
    before = compare(read_runs([experiments]).runs)
    add_note(experiments / "dcgan-0" / "notes.jsonl", "odd", tags=["bad"])
    after = compare(read_runs([experiments]).runs)
    assert before.variants == after.variants
    (row,) = (row for row in after.runs if row.tags)
    assert (row.name, row.tags, row.notes) == ("dcgan-0", ["bad"], ["odd"])


def test_names_that_steer_a_terminal_do_not(tmp_path: Path, cli: Cli) -> None:
    make_run(tmp_path / "experiments" / "a", name="x\x1b[31m\nred", scores={"s\x1b[0m\n": 1.0})
    add_note(tmp_path / "experiments" / "a" / "notes.jsonl", "\x1b]0;title\x07 note")
    for words in ((), ("--columns", "name,note"), ("--where", "name=5")):
        done = cli("list-runs", *words)
        assert done.code == 0, done.err
        assert "\x1b" not in done.out + done.err
    done = cli("note", tmp_path / "experiments" / "a")
    assert "\x1b" not in done.out


def test_a_folder_that_vanishes_meanwhile_is_left_out(
    experiments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = RunFolder.read

    def gone(folder: RunFolder) -> object:
        if folder.path.name == "dcgan-1":
            shutil.rmtree(folder.path)
        return read(folder)

    monkeypatch.setattr(RunFolder, "read", gone)
    found = read_runs([experiments])
    assert len(found.runs) == 4
    assert "cannot be read" in found.skipped[str(experiments / "dcgan-1")]


def test_records_with_odd_values_are_listed(experiments: Path) -> None:
    file = experiments / "dcgan-0" / "run.json"
    content = json.loads(file.read_text())
    content["config"] |= {"lr": {"a": [1]}, "seed": 10**400, "odd": [1, 2]}
    file.write_text(json.dumps(content))
    found = matching(read_records([experiments]), "lr<1 and seed<1e300 or odd~1")
    assert len(found.runs) == 5
    for by in ("lr", "seed", "odd"):
        assert len(Listing(found.runs).ordered(by, reverse=False).table(by=by)[1]) == 5


def test_from_python(experiments: Path) -> None:
    run = gantool.open(experiments / "dcgan-0")
    run.note("odd", tags=["bad"])
    assert (run.notes.tags, str(run.notes)) == (["bad"], "[bad] odd")
    found = gantool.compare(experiments, where="tag=bad")
    assert [row.name for row in found.result.runs] == ["dcgan-0"]
    with pytest.raises(ConfigError, match="none of 5 runs matches"):
        gantool.compare(experiments, where="tag=worse")
