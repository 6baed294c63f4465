"""A comparison of any runs: scores that are missing, equal, 0, negative or far too large."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from made_runs import make_run

from gantool.report import page, tables
from gantool.report.compare import compare
from gantool.report.load import RunData, read_run
from gantool.runs.records import Score

MOST = 9
VALUES = [None, math.nan, -1.0, 0.0, 1e-300, 0.5, 0.5, 2.0, 2.5, 40.0, 1e160, 1e300]


def score(metric: str, value: float | None, *, step: int) -> Score:
    higher = metric == "recall"
    return Score(
        step=step,
        metric=metric,
        value=value,
        better="higher" if higher else "lower",
        ratio=not higher,
        real=0.1,
        protocol={"n_fake": 300 if metric == "kernel-distance" and step < 100 else 1000},
    )


values = st.sampled_from(VALUES)
run_of = st.fixed_dictionaries(
    {
        "model": st.sampled_from("abc"),
        "seed": st.integers(0, 2),
        "steps": st.sampled_from([50, 100]),
        "status": st.sampled_from(["finished", "finished", "interrupted", "diverged"]),
        "scores": st.dictionaries(
            st.sampled_from(["frechet-distance", "kernel-distance", "recall"]), values
        ),
    }
)


@dataclass(frozen=True, repr=False)  # a failure shows what was drawn, and not nine runs
class Patterns:
    runs: list[RunData]


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Patterns:
    where = tmp_path_factory.mktemp("patterns")
    return Patterns([read_run(make_run(where / str(number))) for number in range(MOST)])


def runs_of(patterns: Patterns, drawn: Sequence[dict[str, Any]]) -> list[RunData]:
    runs = []
    for number, (pattern, run) in enumerate(zip(patterns.runs, drawn, strict=False)):
        record = pattern.record.model_copy(
            update={
                "name": f"{run['model']}-{number}",
                "model": run["model"],
                "config": {**pattern.record.config, "seed": run["seed"]},
                "steps": run["steps"],
                "status": run["status"],
            }
        )
        scores = [score(metric, v, step=run["steps"]) for metric, v in run["scores"].items()]
        runs.append(replace(pattern, record=record, status=run["status"], scores=scores))
    return runs


@given(
    drawn=st.lists(run_of, min_size=1, max_size=MOST),
    options=st.fixed_dictionaries(
        {
            "paired": st.booleans(),
            "corrected": st.booleans(),
            "matters": st.sampled_from([None, 0.1, 1e300]),
        }
    ),
)
@settings(max_examples=60, phases=[Phase.generate])  # to shrink takes minutes
def test_any_runs_have_a_comparison(
    patterns: Patterns, drawn: list[dict[str, Any]], options: dict[str, Any]
) -> None:
    runs = runs_of(patterns, drawn)
    result = compare(runs, **options, baseline=drawn[0]["model"])
    assert result.verdict
    assert {row.name for row in result.runs} == {run.record.name for run in runs}
    for table in (tables.full, tables.headline, tables.scores, tables.contrasts, tables.lost):
        tables.markdown(table(result))
    tables.as_csv(result)
    json.loads(result.model_dump_json())
    page.render(result, runs, title="any")
