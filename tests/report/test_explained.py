"""Options that scores go along with, against closed forms."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import make_run

from gantool.report.compare import compare
from gantool.report.load import read_runs
from gantool.report.page import render
from gantool.report.statistics import explained
from gantool.runs.notes import add_note


def test_an_option_that_parts_all_ranks_explains_them() -> None:
    scores = [1.0, 2, 3, 4, 5, 11, 12, 13, 14, 15]
    (one,) = explained({"loss": ["a"] * 5 + ["b"] * 5}, scores)
    # The ranks' sums are 15 and 40: H = 12 / 110 (15² / 5 + 40² / 5) - 33 = 6.818...
    h = 12 / 110 * (15**2 / 5 + 40**2 / 5) - 33
    assert one.options == ["loss"]
    assert (one.n, one.values, one.correlation) == (10, 2, None)
    assert one.share == pytest.approx((h - 1) / 8)
    assert one.p == pytest.approx(math.erfc(math.sqrt(h / 2)))  # of one degree of freedom


def test_numbers_that_hardly_repeat_have_a_correlation() -> None:
    (one,) = explained({"lr": [float(n) for n in range(12)]}, [-float(n) for n in range(12)])
    assert one.correlation == pytest.approx(-1)
    assert one.share == pytest.approx(1)


def test_an_optimum_in_the_middle_is_seen_by_values_and_not_by_the_correlation() -> None:
    lr = [1.0, 2.0, 3.0] * 4
    scores = [{1.0: 9, 2.0: 1, 3.0: 9}[rate] + 0.01 * i for i, rate in enumerate(lr)]
    (one,) = explained({"lr": lr}, scores)
    assert one.share is not None and one.share > 0.5
    assert one.correlation is not None and abs(one.correlation) < 0.2


@pytest.mark.parametrize(
    ("values", "scores"),
    [
        (["a"] * 5 + ["b"] * 4, range(9)),  # nine runs
        (["a"] * 10 + ["b"] * 2, range(12)),  # two runs of a value
        ([1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 4], range(11)),  # four numbers, one of which repeats
        (["a"] * 6 + ["b"] * 6, [1] * 12),  # scores without ranks
    ],
)
def test_too_few_is_too_few(values: list[object], scores: list[int]) -> None:
    (one,) = explained({"option": values}, [float(score) for score in scores])
    assert (one.share, one.correlation, one.p) == (None, None, None)


def test_options_that_change_together_stand_in_one_line_and_constants_in_none() -> None:
    options = {"model": ["a", "b"] * 6, "lr": [1, 2] * 6, "seed": list(range(12)), "nz": [8] * 12}
    found = explained(options, [float(n) for n in range(12)])
    assert {tuple(one.options) for one in found} == {("model", "lr"), ("seed",)}


def test_runs_without_the_score_do_not_count() -> None:
    (one,) = explained({"loss": ["a", "b"] * 6 + ["c"]}, [*map(float, range(12)), None])
    assert (one.n, one.values) == (12, 2)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=30))
def test_shares_are_shares_and_holm_only_raises(rows: list[tuple[int, int]]) -> None:
    found = explained(
        {"x": [x for x, _ in rows], "y": [str(x % 2) for x, _ in rows]},
        [float(score) for _, score in rows],
    )
    for one in found:
        assert one.share is None or 0 <= one.share <= 1
        assert one.p is None or 0 <= one.p <= 1
    shares = [-1 if one.share is None else one.share for one in found]
    assert shares == sorted(shares, reverse=True)


def test_a_comparison_and_its_page_have_them_and_the_groups_of_scores(
    tmp_path: Path,
) -> None:
    for number in range(12):
        make_run(
            tmp_path / f"r{number}",
            seed=number // 2,
            config={"lr": (1e-4, 1e-3)[number % 2]},
            scores={"frechet-distance": 5.0 + 9 * (number % 2) + number, "recall": 0.5},
        )
    add_note(tmp_path / "r3" / "notes.jsonl", tags=["good"])
    runs = read_runs([tmp_path]).runs
    result = compare(runs)
    assert [one.options for one in result.explained["frechet-distance"]] == [["lr"]]
    assert {column.id: column.group for column in result.columns} == {
        "frechet-distance": "fidelity",
        "recall": "diversity",
    }
    page = render(result, runs, title="it")
    assert '"id": "run:tags"' in page
    assert "Fidelity" in page and "Diversity" in page and "Copying" not in page
