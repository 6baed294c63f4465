"""Conditions on runs: `model=dcgan and (lr>1e-4 or not tag=bad)`.

    condition  = and-list { "or" and-list }
    and-list   = term { "and" term }
    term       = "not" term | "(" condition ")" | comparison
    comparison = name ("=" | "!=" | "<" | "<=" | ">" | ">=" | "~") value
               | name "in" "(" value { "," value } ")"

Names and values are words, or stand in quotes. Two numbers are compared as numbers, all else as
text, whatever its case; `~` is "contains". Of a name with several values (`tag`) one suffices. A
run without a value has `none`, which is neither more nor less than anything.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from gantool.errors import ConfigError
from gantool.report.format import plain, text_of

Facts = Mapping[str, Sequence[Any]]  # of a run: the values of each name
_Test = Callable[[Facts], bool]

_LONGEST = 2000  # characters
_DEEPEST = 50  # brackets and "not" within each other
_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"[^"]*"|'[^']*')|(?P<sign>!=|<=|>=|==|[=<>~(),])|(?P<word>[^\s"'!=<>~(),]+))"""
)
_ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_SIGNS = ("=", "==", "!=", *_ORDERS, "~")


def known_as(name: str) -> str:
    """The form of a name by which it is found: options have `_` in files and `-` in flags."""
    return name.strip().lower().replace("-", "_")


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on runs.

    Attributes:
        text: as it was given.
        names: those that it speaks of, each with its place in the text.
        holds: whether it holds for a run, of which it is given the values by `known_as` names.
    """

    text: str
    names: Mapping[str, int]
    holds: _Test

    def refuse(self, reason: str, place: int, *, remedy: str = "") -> NoReturn:
        """Raise an error that points at a place in the text."""
        _refuse(self.text, reason, place=place, remedy=remedy)


def parse_where(text: str) -> Where:
    """Read a condition.

    Raises:
        ConfigError: it is none; the message points at the place.
    """
    if len(text) > _LONGEST:
        raise ConfigError(f"--where has at most {_LONGEST:,} characters; this has {len(text):,}.")
    parser = _Parser(text)
    test = parser.condition()
    if parser.kind:
        parser.refuse(f"expected 'and' or 'or', not {parser.token!r}.")
    return Where(text, parser.names, test)


def _refuse(text: str, reason: str, *, place: int, remedy: str = "") -> NoReturn:
    raise ConfigError(
        f"--where: {reason}\n  {plain(text)}\n  {' ' * place}^",
        remedy or """For example: --where "model=dcgan and lr>1e-4 and not tag=bad".""",
    )


class _Parser:
    """The condition, read from left to right; `kind` is that of the token ahead, "" at the end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: dict[str, int] = {}
        self.kind, self.token, self.place = "", "", 0
        self._end, self._depth = 0, 0
        self._advance()

    def refuse(self, reason: str) -> NoReturn:
        _refuse(self.text, reason, place=self.place)

    def condition(self) -> _Test:
        tests = [self._and_list()]
        while self._takes("or"):
            tests.append(self._and_list())
        return lambda facts: any(test(facts) for test in tests)

    def _and_list(self) -> _Test:
        tests = [self._term()]
        while self._takes("and"):
            tests.append(self._term())
        return lambda facts: all(test(facts) for test in tests)

    def _term(self) -> _Test:
        if self._depth >= _DEEPEST:
            self.refuse(f"more than {_DEEPEST} brackets and 'not' within each other.")
        self._depth += 1
        if self._takes("not"):
            inner = self._term()
            test: _Test = lambda facts: not inner(facts)  # noqa: E731
        elif self._takes("("):
            test = self.condition()
            if not self._takes(")"):
                self.refuse("a bracket is not closed.")
        else:
            test = self._comparison()
        self._depth -= 1
        return test

    def _comparison(self) -> _Test:
        place = self.place
        name = self._value("an option, a field or a score")
        self.names.setdefault(name, place)
        key = known_as(name)
        if self._takes("in"):
            if not self._takes("("):
                self.refuse("expected '(' and values behind 'in'.")
            wanted = [self._value("a value")]
            while self._takes(","):
                wanted.append(self._value("a value"))
            if not self._takes(")"):
                self.refuse("a bracket is not closed.")
            return lambda facts: any(_is(facts[key], value) for value in wanted)
        sign = self.token
        if self.kind != "sign" or sign not in _SIGNS:
            self.refuse(f"expected a comparison behind {name!r}: {' '.join(_SIGNS)} in.")
        self._advance()
        value = self._value("a value")
        if sign in ("=", "=="):
            return lambda facts: _is(facts[key], value)
        if sign == "!=":
            return lambda facts: not _is(facts[key], value)
        if sign == "~":
            return lambda facts: any(_folded(one, value) for one in facts[key] if one is not None)
        order = _ORDERS[sign]
        return lambda facts: any(_ordered(order, one, value=value) for one in facts[key])

    def _value(self, expected: str) -> str:
        if self.kind not in ("word", "quoted"):
            found = repr(self.token) if self.kind else "the end"
            self.refuse(f"expected {expected}, not {found}.")
        value = self.token
        self._advance()
        return value

    def _takes(self, token: str) -> bool:
        """Whether the token ahead is this one, which is then behind."""
        kind = "sign" if token in "()," else "word"
        if self.kind != kind or self.token.lower() != token:
            return False
        self._advance()
        return True

    def _advance(self) -> None:
        rest = self.text[self._end :]
        self.place = self._end + len(rest) - len(rest.lstrip())
        found = _TOKEN.match(self.text, self._end)
        if found:
            self.kind = str(found.lastgroup)
            self.token, self._end = found[self.kind], found.end()
            if self.kind == "quoted":
                self.token = self.token[1:-1]
        elif rest.strip():
            quote = rest.strip()[0]
            self.refuse("a quote is not closed." if quote in "\"'" else f"{quote!r} means nothing.")
        else:
            self.kind = self.token = ""


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _is(values: Sequence[Any], wanted: str) -> bool:
    number = _number(wanted)
    return any(
        number == own
        if number is not None and (own := _number(value)) is not None
        else text_of(value).casefold() == wanted.casefold()
        for value in values or (None,)
    )


def _folded(value: Any, part: str) -> bool:
    return part.casefold() in text_of(value).casefold()


def _ordered(order: Callable[[Any, Any], bool], own: Any, *, value: str) -> bool:
    number, wanted = _number(own), _number(value)
    if number is not None and wanted is not None:
        return order(number, wanted)
    if own is None or (number is None) != (wanted is None):
        return False
    return order(text_of(own).casefold(), value.casefold())
