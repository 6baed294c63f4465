"""Seeds that are added until two variants can be told apart."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from made_runs import make_run

from gantool.errors import ConfigError
from gantool.plugins.registry import load_registry
from gantool.report.load import read_runs
from gantool.report.scoreboard import compare_by_data
from gantool.report.statistics import contrast
from gantool.study.file import Study
from gantool.study.job import expand
from gantool.study.sequential import Pursuit, looks


def test_looks_are_few_and_grow_in_equal_ratios() -> None:
    assert looks(3, 20) == (3, 5, 8, 12, 20)
    assert looks(5, 5) == (5,)
    assert looks(5, 6) == (5, 6)
    assert looks(2, 4) == (2, 3, 4)
    for first in range(2, 10):
        for most in range(first, 60):
            found = looks(first, most)
            assert found[0] == first
            assert found[-1] == most
            assert len(found) <= 5


def study(**changes: object) -> Study:
    content = {
        "models": ["vanilla"],
        "data": ["ring"],
        "seeds": [0, 1, 7],
        "budget": {"steps": 5},
        "grid": {"lr": [1e-3, 2e-3]},
        **changes,
    }
    return Study.model_validate(content)


def pursuit(a: str, b: str, **changes: object) -> Pursuit:
    registry = load_registry()
    wanted = study(**changes)
    return Pursuit.of((a, b), wanted, jobs=expand(wanted, registry), registry=registry, most=8)


def test_seeds_are_added_to_both_variants_alone() -> None:
    registry = load_registry()
    wanted = study(grid={"lr": [1e-3, 2e-3, 4e-3]})
    jobs = expand(wanted, registry)
    found = Pursuit.of(
        ("vanilla lr=0.001", "vanilla lr=0.004"), wanted, jobs=jobs, registry=registry, most=8
    )
    members = found.jobs(jobs, n=5)
    assert members[: len(jobs)] == jobs
    added = [(job.options["lr"], job.seed) for job in members[len(jobs) :]]
    assert added == [(0.001, 2), (0.001, 3), (0.004, 2), (0.004, 3)]
    # They are the runs that the study itself would have with these seeds.
    whole = expand(study(grid={"lr": [1e-3, 2e-3, 4e-3]}, seeds=[0, 1, 7, 2, 3]), registry)
    assert {job.name for job in members} <= {job.name for job in whole}


@pytest.mark.parametrize(
    ("a", "b", "changes", "words"),
    [
        ("vanilla", "vanilla lr=0.002", {}, "2 variants of the study"),
        ("vanilla lr=5", "vanilla lr=0.002", {}, "no variant of the study"),
        ("vanilla lr=0.002", "vanilla lr=0.002", {}, "the same variant"),
        ("vanilla lr=0.001", "vanilla lr=0.002", {"seeds": [0]}, "begins with 2 to 8 seeds"),
        ("vanilla lr=0.001", "vanilla lr=0.002", {"data": ["ring", "grid"]}, "one data set"),
    ],
)
def test_what_cannot_be_pursued_is_refused(
    a: str, b: str, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        pursuit(a, b, **changes)


@pytest.mark.parametrize(("distance", "found"), [(3.0, False), (9.0, True)])
def test_a_look_is_corrected_for_all_looks(distance: float, found: bool, tmp_path: Path) -> None:
    """p is 0.02 at logarithms three deviations apart: enough for one look, and not for five."""
    registry, wanted = load_registry(), study(data=["mnist5k"])
    jobs = expand(wanted, registry)
    for job in jobs:
        shift = distance if job.options["lr"] == 1e-3 else 0.0
        make_run(
            tmp_path / job.name,
            model="vanilla",
            seed=job.seed,
            scores={"frechet-distance": math.exp(shift + {0: 0.0, 1: 1.0, 7: 2.0}[job.seed])},
            config=dict(job.options),
        )
    pair = ("vanilla lr=0.001", "vanilla lr=0.002")
    plan = Pursuit.of(pair, wanted, jobs=jobs, registry=registry, most=8)

    (judged,), apart = plan.judged(compare_by_data(read_runs([tmp_path]).runs), jobs=jobs, look=1)

    assert plan.looks == (3, 4, 5, 6, 8)
    assert apart is found
    (claim,) = judged.result.claims
    assert claim.verdict == ("holds" if found else "cannot tell yet")
    assert "corrected for looks at 3, 4, 5, 6, 8 seeds" in claim.why
    assert "only the claim keeps to its 5%, not the table" in judged.result.flags[-1].message


def test_equals_are_called_different_in_a_twentieth_of_pursuits() -> None:
    """By the rule itself, on 500 pairs of equal variants; looking at each n is far worse."""
    rng = np.random.default_rng(0)
    plan = looks(3, 20)
    kept, peeked, rounds = 0, 0, 500
    for _ in range(rounds):
        a, b = rng.normal(size=(2, 20))
        kept += any(_apart(a[:n], b[:n], len(plan)) for n in plan)
        peeked += any(_apart(a[:n], b[:n], 1) for n in range(3, 21))
    assert kept / rounds <= 0.05
    assert peeked / rounds >= 0.12


def _apart(a: np.ndarray, b: np.ndarray, family: int) -> bool:
    sides = (dict(enumerate(side.tolist())) for side in (a, b))
    found = contrast(*sides, better="lower", family=family)
    assert found is not None
    return found.verdict in ("better", "worse")
