"""The language of conditions, against Python's own operators on the same values."""

from __future__ import annotations

import operator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gantool.errors import ConfigError
from gantool.report.where import known_as, parse_where

FACTS = {
    "model": ["dcgan"],
    "lr": [2e-4],
    "batch_size": [64],
    "ema": [None],
    "augment": [False],
    "frechet_distance": [5.5],
    "started": ["2026-01-02T03:04:05+00:00"],
    "note": ["Looks Sharp, but grey"],
    "tag": ["good", "v1.0"],
}


def holds(text: str, facts: dict[str, Any] = FACTS) -> bool:
    return parse_where(text).holds(facts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model=dcgan", True),
        ("model = DCGAN", True),
        ("model==vanilla", False),
        ("lr=0.0002 and lr=2e-4", True),
        ("lr>1e-4", True),
        ("lr<=0.0001", False),
        ("batch-size>=64", True),
        ("BATCH_SIZE!=64", False),
        ("ema=none", True),
        ("ema<1", False),
        ("ema>=1", False),
        ("augment=false", True),
        ("augment<1", False),
        ("frechet-distance < 6", True),
        ("model>1", False),
        ("started>2026-01-01 and started<2026-01-03", True),
        ("note ~ sharp", True),
        ('note~"but grey"', True),
        ("tag=good", True),
        ("tag='v1.0'", True),
        ("tag!=good", False),
        ("tag!=bad", True),
        ("model in (vanilla, dcgan)", True),
        ("batch_size in (32,64.0)", True),
        ("model in (vanilla)", False),
        ("not model=dcgan", False),
        ("not not model=dcgan", True),
        ("model=x or lr>0 and tag=bad", False),
        ("(model=x or lr>0) and tag=good", True),
        ("model=dcgan OR model=x AND tag=bad", True),
        ("'frechet-distance'>5 and (not (tag=bad))", True),
    ],
)
def test_a_condition_holds_or_not(text: str, expected: bool) -> None:
    assert holds(text) is expected


def test_a_run_without_a_value_has_none() -> None:
    facts = {**FACTS, "frechet_distance": [], "tag": []}
    assert holds("frechet-distance=none and tag=none and tag!=good", facts)
    assert not holds("frechet-distance<1000 or frechet-distance>=0 or tag~o", facts)
    assert holds("ema=none") and not holds("ema~on")


@pytest.mark.parametrize(
    ("text", "reason", "place"),
    [
        ("", "expected an option", 0),
        ("   ", "expected an option", 3),
        ("model", "expected a comparison behind 'model'", 5),
        ("model=", "expected a value, not the end", 6),
        ("model=dcgan lr>1", "expected 'and' or 'or', not 'lr'", 12),
        ("(model=dcgan", "a bracket is not closed", 12),
        ("model=dcgan)", "expected 'and' or 'or', not ')'", 11),
        ("lr>'1", "a quote is not closed", 3),
        ("lr!1", "'!' means nothing", 2),
        ("lr>>1", "expected a value, not '>'", 3),
        ("model in dcgan", "expected '('", 9),
        ("model in (a b)", "a bracket is not closed", 12),
        ("model=a and", "expected an option", 11),
        ("not", "expected an option", 3),
        ("(" * 60 + "lr>1" + ")" * 60, "more than 50", 50),
    ],
)
def test_a_mistake_is_pointed_at(text: str, reason: str, place: int) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_where(text)
    first, shown, pointer = str(caught.value).split("\n")[:3]
    assert reason in first
    assert shown == f"  {text}"
    assert pointer == " " * (place + 2) + "^"


def test_what_is_too_long_or_steers_a_terminal_is_one_message() -> None:
    with pytest.raises(ConfigError, match="at most 2,000 characters"):
        parse_where("lr>1 and " * 1000)
    with pytest.raises(ConfigError) as caught:
        parse_where("lr>1 \x1b[31m\n lr")
    assert "\x1b" not in str(caught.value)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}


@given(own=NUMBERS, wanted=NUMBERS, sign=st.sampled_from(sorted(SIGNS)))
@settings(max_examples=50, deadline=None)
def test_numbers_are_compared_as_python_does(own: float, wanted: float, sign: str) -> None:
    assert holds(f"lr {sign} {wanted!r}", {"lr": [own]}) is SIGNS[sign](own, wanted)


TERMS = st.recursive(
    st.sampled_from(["a=1", "b=1", "c=1"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
        ),
        inner.map(lambda text: f"not ({text})"),
    ),
    max_leaves=6,
)


@given(text=TERMS, values=st.tuples(*[st.booleans()] * 3))
@settings(max_examples=50, deadline=None)
def test_words_mean_what_they_mean_in_python(text: str, values: tuple[bool, ...]) -> None:
    known = dict(zip("abc", values, strict=True))
    facts = {name: [int(value)] for name, value in known.items()}
    assert holds(text, facts) is bool(eval(text.replace("=1", ""), {}, known))


PARTS = ["lr", "(", ")", "and", "or", "not", "in", "=", "<", "'", '"', ",", " ", "1e-4", "\x00"]


@given(text=st.text(max_size=40) | st.lists(st.sampled_from(PARTS)).map(" ".join))
@settings(max_examples=100, deadline=None)
def test_any_text_is_a_condition_or_one_message(text: str) -> None:
    try:
        where = parse_where(text)
    except ConfigError:
        return
    assert isinstance(where.holds({known_as(name): [1, "x", None] for name in where.names}), bool)
