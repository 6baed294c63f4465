"""Splits that are the same on every machine."""

from __future__ import annotations

import hashlib

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


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=60))
def test_split_by_content_depends_on_each_digest_alone(digests: list[bytes]) -> None:
    whole = splits.by_content(np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 32))
    for digest, code in zip(digests, whole.tolist(), strict=True):
        draw = int.from_bytes(digest[:4], "big") % 100
        assert code == (draw >= 90) + (draw >= 95)


def test_split_by_content_is_about_90_5_5() -> None:
    digests = [hashlib.sha256(str(i).encode()).digest() for i in range(10_000)]
    codes = splits.by_content(np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 32))
    train, validation, test = np.bincount(codes).tolist()
    assert train == pytest.approx(9000, abs=150)
    assert validation == pytest.approx(500, abs=100)
    assert test == pytest.approx(500, abs=100)
