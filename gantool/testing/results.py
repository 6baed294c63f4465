"""Outcomes of checks, equal faults together, and the place of a fault in the author's code."""

from __future__ import annotations

import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check.

    Attributes:
        check: the name of the check.
        shapes: the data that it was made on; empty for checks that need none.
        problem: the fault and its remedy; empty if there is none.
        refused: the reason why the model does not take such data, where it raises a ConfigError.
        place: of the fault in the author's code, as `gantool_mine/model.py:31, in build`; empty
            where it is known to be in none of its lines.
    """

    check: str
    shapes: str = ""
    problem: str = ""
    refused: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Equal faults of several checks and kinds of data.

    Attributes:
        example: the first of them.
        times: how often it was found.
        combinations: of a check and a kind of data, all that were tried.
    """

    example: CheckResult
    times: int
    combinations: int

    @property
    def title(self) -> str:
        """The number of times that it was found, and the first place."""
        found = self.example
        where = f"{found.check} [{found.shapes}]" if found.shapes else found.check
        if self.times == 1:
            return where
        return f"{self.times} of {self.combinations} combinations, as {where}"

    def __str__(self) -> str:
        place = f"\n{self.example.place}" if self.example.place else ""
        return f"{self.title}\n{self.example.problem}{place}"


def faults_in(results: Iterable[CheckResult]) -> list[Fault]:
    """The faults, each once; those that differ in numbers alone are equal."""
    results = list(results)
    combinations = sum(bool(result.shapes) and not result.refused for result in results)
    found: dict[tuple[str, str], list[CheckResult]] = {}
    for result in results:
        if result.problem:
            found.setdefault((_NUMBER.sub("#", result.problem), result.place), []).append(result)
    return [Fault(equal[0], len(equal), combinations) for equal in found.values()]


class AuthorsCode:
    """The package (or the one module) that a model's implementation is in.

    Args:
        implementation: `"package.module:Class"`.
    """

    def __init__(self, implementation: str) -> None:
        self.package = implementation.partition(":")[0].partition(".")[0]

    def line_of(self, error: BaseException) -> str:
        """The innermost line of this code that an error came through, or ""."""
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if self._has(frame.filename):
                return self._named(frame.filename, frame.lineno, name=frame.name)
        return ""

    def line_where(self, function: Callable[..., Any]) -> str:
        """The first line of a function, or "" where it is not of this code."""
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is None or not self._has(code.co_filename):
            return ""
        return self._named(code.co_filename, code.co_firstlineno, name=code.co_name)

    def _has(self, file: str) -> bool:
        module = sys.modules.get(self.package)
        folders = getattr(module, "__path__", None)
        if folders is None:
            return file == getattr(module, "__file__", None)
        return any(Path(file).is_relative_to(folder) for folder in folders)

    def _named(self, file: str, line: int | None, *, name: str) -> str:
        folders = getattr(sys.modules[self.package], "__path__", [Path(file)])
        inside = next(f for f in folders if Path(file).is_relative_to(f))
        return f"{Path(file).relative_to(Path(inside).parent).as_posix()}:{line}, in {name}"
