"""Seeds that are added until two variants can be told apart."""

from __future__ import annotations

import numpy as np
import pytest

from gantool.errors import ConfigError
from gantool.plugins.registry import load_registry
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
