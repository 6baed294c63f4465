"""Splits that are the same on every machine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantool.data import splits


def test_stratified_split_is_disjoint_and_complete() -> None:
    labels = np.array([0] * 10 + [1] * 6)
    parts = splits.stratified(labels, validation=2, test=1)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(16))
    assert np.bincount(labels[parts["test"]]).tolist() == [1, 1]


@given(st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=60, unique=True))
def test_split_by_name_depends_on_each_name_alone(names: list[bytes]) -> None:
    whole = splits.by_name(names)
    assert sorted(np.concatenate(list(whole.values())).tolist()) == list(range(len(names)))
    (alone,) = (k for k, v in splits.by_name(names[:1]).items() if len(v))
    assert 0 in whole[alone]


def test_split_by_name_is_about_90_5_5() -> None:
    parts = splits.by_name([f"{i}.png".encode() for i in range(10_000)])
    assert len(parts["train"]) == pytest.approx(9000, abs=150)
    assert len(parts["validation"]) == pytest.approx(500, abs=100)
