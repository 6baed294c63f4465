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


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2), st.integers(0, 2)), min_size=1),
    st.integers(0, 5),
)
def test_splits_made_anew_have_the_sizes_of_before_but_for_equal_images(
    images: list[tuple[int, int, int]], seed: int
) -> None:
    content, labels, codes = (np.array(column) for column in zip(*images, strict=True))
    digests = np.zeros((len(content), 32), dtype=np.uint8)
    digests[:, 3] = content

    found = splits.anew(digests, codes, labels, seed=seed)

    for number in np.unique(content):
        assert len(set(found[content == number].tolist())) == 1
    if len(set(content.tolist())) == len(content):
        for label in np.unique(labels):
            of_class = labels == label
            assert sorted(found[of_class].tolist()) == sorted(codes[of_class].tolist())


def test_splits_made_anew_follow_the_seed_and_the_pixels_alone() -> None:
    digests = np.random.default_rng(0).integers(0, 256, (1000, 32), dtype=np.uint8)
    codes, order = np.repeat([0, 1, 2], [900, 50, 50]), np.random.default_rng(1).permutation(1000)

    first, again, other = (splits.anew(digests, codes, None, seed=s) for s in (0, 0, 1))

    assert np.bincount(first).tolist() == [900, 50, 50]
    assert (first == again).all()
    assert (first != other).any()
    # wherever an image lies
    assert (splits.anew(digests[order], codes, None, seed=0) == first[order]).all()
    # a twentieth tests, and of these a twentieth tests at another seed
    assert ((first == 2) & (other == 2)).sum() < 15
