"""The index of runs is only a cache: whatever befalls it, comparisons are the same."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_runs import make_run

from gantool.report import index as index_module
from gantool.report.compare import compare
from gantool.report.index import Condensed, opened
from gantool.report.load import read_runs


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an index of the test's own, which keeps short runs too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(index_module, "_SHORT", 0)
    return tmp_path / "cache" / "gantool" / "runs.sqlite"


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run", steps=400) / "metrics.jsonl"


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read, one entry each time."""
    found: list[Path] = []
    read = index_module.read_series

    def noted(file: Path) -> Any:
        found.append(file)
        return read(file)

    monkeypatch.setattr(index_module, "read_series", noted)
    return found


def look(file: Path, ends: tuple[int, ...] = (50, 400)) -> tuple[Condensed, list[str]]:
    """The metrics through the index, and what it says."""
    said: list[str] = []
    with opened(said.append) as index:
        return index.condensed(file, ends), said


def same(a: Condensed, b: Condensed) -> bool:
    columns = a.series.keys() == b.series.keys() and all(
        np.array_equal(a.series[key], b.series[key], equal_nan=True) for key in a.series
    )
    return columns and (a.last_losses, a.last_answers) == (b.last_losses, b.last_answers)


def test_a_run_is_read_once(cache: Path, metrics: Path, readings: list[Path]) -> None:
    first, second = look(metrics), look(metrics)
    assert same(first[0], second[0])
    assert same(first[0], Condensed.of(metrics, (50, 400)))
    assert first[1] == second[1] == []
    assert len(readings) == 2  # the second one is the line above


def test_other_places_to_end_at_are_another_entry(
    cache: Path, metrics: Path, readings: list[Path]
) -> None:
    look(metrics)
    assert 77 in look(metrics, ends=(77,))[0].series["step"]
    assert len(readings) == 2


def grown(file: Path) -> None:
    with file.open("a") as stream:
        stream.write('{"step": 401, "loss_d": 7.5}\n')


def exchanged(file: Path) -> None:
    """Other content of the same size and time."""
    before = file.stat()
    file.write_text(file.read_text().replace('"d_real": 0.6', '"d_real": 0.7'))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [grown, exchanged])
def test_a_changed_run_is_read_again(
    cache: Path, metrics: Path, readings: list[Path], change: Any
) -> None:
    before = look(metrics)[0]
    change(metrics)
    after = look(metrics)[0]
    assert not same(before, after)
    assert same(after, Condensed.of(metrics, (50, 400)))


def test_a_run_that_is_gone_has_no_metrics(cache: Path, metrics: Path) -> None:
    look(metrics)
    metrics.unlink()
    assert look(metrics)[0].series == {}


def garbage(cache: Path) -> None:
    cache.write_bytes(b"this is no index" * 1000)


def torn(cache: Path) -> None:
    cache.write_bytes(cache.read_bytes()[:5000])


def another_table(cache: Path) -> None:
    cache.unlink()
    with sqlite3.connect(cache) as base:
        base.execute("CREATE TABLE metrics (something INTEGER)")


@pytest.mark.parametrize("damage", [garbage, torn, another_table])
def test_a_damaged_index_is_made_anew_with_one_line(
    cache: Path, metrics: Path, readings: list[Path], damage: Any
) -> None:
    first = look(metrics)[0]
    damage(cache)
    found, said = look(metrics)
    assert same(first, found)
    assert len(said) == 1
    assert "made anew" in said[0]
    look(metrics)
    assert same(look(metrics)[0], first)
    assert len(readings) == 3


HEAD = {"keys": ["step"], "length": 1, "last_losses": {}, "last_answers": None}


@pytest.mark.parametrize(
    "content",
    [
        5,
        "text",
        None,
        b"",
        b"\n",
        b"[]\n",
        b'{"keys": 7}\n',
        json.dumps(HEAD).encode() + b"\n" + bytes(7),
        json.dumps({**HEAD, "length": 10**9}).encode() + b"\n" + bytes(8),
        json.dumps({**HEAD, "length": -1}).encode() + b"\n" + bytes(8),
        json.dumps({**HEAD, "last_losses": {"loss_d": "low"}}).encode() + b"\n" + bytes(8),
        json.dumps({**HEAD, "last_answers": [1, 2]}).encode() + b"\n" + bytes(8),
    ],
)
def test_an_entry_made_by_hand_is_passed_over(cache: Path, metrics: Path, content: Any) -> None:
    first = look(metrics)[0]
    with sqlite3.connect(cache) as base:
        base.execute("UPDATE metrics SET content = ?, used = 'never'", (content,))
    assert same(look(metrics)[0], first)
    assert same(look(metrics)[0], first)


def test_a_place_that_cannot_be_written_is_said_once(cache: Path, metrics: Path) -> None:
    cache.parent.parent.write_text("a file where the cache folder should be")
    found, said = look(metrics)
    assert same(found, Condensed.of(metrics, (50, 400)))
    assert len(said) == 1
    assert "all are read again" in said[0]


def test_the_entries_that_were_not_used_for_longest_go(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "_MOST", 2)
    files = [make_run(tmp_path / name, steps=5) / "metrics.jsonl" for name in "abc"]
    for day, file in enumerate(files):
        monkeypatch.setattr(index_module.time, "time", lambda day=day: 86_400.0 * day)
        look(file)
    with sqlite3.connect(cache) as base:
        kept = {
            Path(os.fsdecode(row[0])).parent.name
            for row in base.execute("SELECT file FROM metrics")
        }
    assert kept == {"b", "c"}


@pytest.fixture
def experiments(tmp_path: Path) -> Iterator[Path]:
    for model in ("dcgan", "vanilla"):
        for seed in range(2):
            scores = {"frechet-distance": 3.0 + seed}
            path = tmp_path / "experiments" / f"{model}-{seed}"
            make_run(path, model=model, seed=seed, scores=scores, steps=350)
    yield tmp_path / "experiments"


def test_a_comparison_is_the_same_without_and_with_the_index(
    cache: Path, experiments: Path
) -> None:
    first, second = (compare(read_runs([experiments]).runs) for _ in range(2))
    cache.unlink()
    third = compare(read_runs([experiments]).runs)
    assert first == second == third
