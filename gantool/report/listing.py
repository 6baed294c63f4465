"""Runs as a list: the values by which they are filtered, sorted and shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from gantool.errors import ConfigError, did_you_mean
from gantool.report.columns import COLUMNS
from gantool.report.format import plain, short, text_of
from gantool.report.load import Reading, RunData
from gantool.report.tables import Table
from gantool.report.where import Facts, Where, known_as, parse_where
from gantool.runs.records import ARROWS, Score

_OF_METRICS = ("d_real", "d_fake", "equilibrium")  # columns whose value needs metrics.jsonl


def _of_training(value: Callable[[RunData], Any]) -> Callable[[RunData], Any]:
    """A value that runs have, and samples from elsewhere have not."""
    return lambda run: value(run) if run.record.origin is None else None


_FIELDS: dict[str, Callable[[RunData], Any]] = {
    "run": lambda run: str(run.folder.path),
    "name": lambda run: run.record.name,
    "model": lambda run: run.record.model,
    "data": lambda run: run.record.data.get("name"),
    "preset": lambda run: run.record.preset,
    "status": lambda run: run.status,
    "started": lambda run: run.record.started or None,
    "ended": lambda run: run.record.ended,
    "total_steps": _of_training(lambda run: run.record.total_steps),
    **{c.key: _of_training(c.of_run) for c in COLUMNS if c.key not in _OF_METRICS},
    "note": lambda run: "; ".join(line.text for line in run.notes.texts) or None,
}
_USUAL = ("run", "model", "data", "seed", "status", "steps")
_MOST_TEXT = 60  # characters of a cell


def facts_of(run: RunData) -> dict[str, Sequence[Any]]:
    """The values of a run by their names: fields of its record, options, last scores, tags."""
    found: dict[str, Sequence[Any]] = {name: [s.value] for name, s in final_scores(run).items()}
    found |= {key: [value] for key, value in run.record.config.items()}
    found |= {name: [value(run)] for name, value in _FIELDS.items()}
    return {known_as(name): values for name, values in found.items()} | {"tag": run.notes.tags}


def final_scores(run: RunData) -> dict[str, Score]:
    """The newest score of each metric on the test split that has a value."""
    found: dict[str, Score] = {}
    for score in run.scores:
        before = found.get(score.metric)
        if score.value is not None and (before is None or score.step >= before.step):
            found[score.metric] = score
    return found


class Listing:
    """Runs with their values.

    Args:
        runs: of which metrics need not be there.
    """

    def __init__(self, runs: Sequence[RunData]) -> None:
        self.runs = list(runs)
        self._facts: list[dict[str, Sequence[Any]]] = [facts_of(run) for run in runs]
        self._known = dict.fromkeys(name for facts in self._facts for name in facts)
        self._scores = {name: s for run in runs for name, s in final_scores(run).items()}

    def filtered(self, where: Where) -> Listing:
        """The runs for which a condition holds.

        Raises:
            ConfigError: it speaks of what none of the runs has.
        """
        for name, place in where.names.items():
            if known_as(name) not in self._known:
                where.refuse(self._unknown(name), place, remedy=self._names())
        nothing = dict.fromkeys(self._known, ())
        chosen = [
            run
            for run, facts in zip(self.runs, self._facts, strict=True)
            if where.holds({**nothing, **facts})
        ]
        return Listing(chosen)

    def check(self, names: Iterable[str], option: str) -> None:
        """Refuse names that none of the runs has, given with an option of the command line.

        Raises:
            ConfigError: there is one.
        """
        for name in names:
            if known_as(name) not in self._known:
                raise ConfigError(f"{option}: {self._unknown(name)}", self._names())

    def ordered(self, by: str | None, *, reverse: bool) -> Listing:
        """The runs in an order: scores the best first, all else from small to large.

        Unless `by` names something the newest are first. Runs without a value are last.
        """
        descending = by is None
        if by is not None:
            metrics = {known_as(name): score for name, score in self._scores.items()}
            descending = known_as(by) in metrics and metrics[known_as(by)].better == "higher"
        values = [self._value(facts, by or "started") for facts in self._facts]
        having = [i for i, value in enumerate(values) if value is not None]
        having.sort(key=lambda i: _rank(values[i]), reverse=descending != reverse)
        return Listing(
            [self.runs[i] for i in having]
            + [run for run, value in zip(self.runs, values, strict=True) if value is None]
        )

    def first(self, most: int) -> Listing:
        """At most so many of the runs, the first ones."""
        return Listing(self.runs[:most])

    def table(self, columns: Sequence[str] = (), *, by: str | None = None) -> Table:
        """Headings and rows; the usual columns with one score unless some are named."""
        names = list(columns) or [*_USUAL, *self._chosen(by)]
        headings = [self._heading(name) for name in names]
        rows = [
            [_cell(self._value(facts, name), name) for name in names]
            + ([] if columns else [_cut(plain(str(run.notes)))])
            for run, facts in zip(self.runs, self._facts, strict=True)
        ]
        return headings + ([] if columns else ["notes"]), rows

    def documents(self, columns: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Each run for JSON: all that is known of it, or the columns that are named."""
        if columns:
            return [
                {"run": str(run.folder.path)} | {name: self._value(facts, name) for name in columns}
                for run, facts in zip(self.runs, self._facts, strict=True)
            ]
        return [
            {
                **{name: value(run) for name, value in _FIELDS.items() if name != "note"},
                "options": run.record.config,
                "scores": {name: score.value for name, score in final_scores(run).items()},
                "tags": list(run.notes.tags),
                "notes": [line.model_dump(include={"time", "text"}) for line in run.notes.texts],
            }
            for run in self.runs
        ]

    def _chosen(self, by: str | None) -> list[str]:
        """The column that sorts, where it is not there anyway; else the score that most have."""
        if by is not None:
            return [by] if known_as(by) not in _USUAL else []
        having = Counter(name for run in self.runs for name in final_scores(run))
        return [name for name, _ in having.most_common(1)]

    def _heading(self, name: str) -> str:
        score = next((s for m, s in self._scores.items() if known_as(m) == known_as(name)), None)
        return plain(name) if score is None else f"{plain(name)} {ARROWS[score.better]}"

    @staticmethod
    def _value(facts: Facts, name: str) -> Any:
        values = facts.get(known_as(name), ())
        if known_as(name) == "tag":
            return ", ".join(values) or None
        return values[0] if values else None

    def _unknown(self, name: str) -> str:
        names = [*_FIELDS, "tag", *self._scores, *(k for r in self.runs for k in r.record.config)]
        inside = [known for known in names if len(name) > 2 and known_as(name) in known_as(known)]
        near = f" Did you mean {inside[0]!r}?" if inside else did_you_mean(name, names)
        return f"none of {len(self.runs):,} runs has {plain(name)[:60]!r}.{near}"

    def _names(self) -> str:
        scores = ", ".join(plain(name) for name in self._scores) or "none"
        return f"There are: {', '.join(_FIELDS)}, tag; scores: {scores}; and every option of a run."


def matching(reading: Reading, where: str | None) -> Reading:
    """The runs for which a condition holds, with the word on those that were left out.

    Raises:
        ConfigError: the condition is none, speaks of what none of the runs has, or holds for none.
    """
    if where is None:
        return reading
    found = Listing(reading.runs).filtered(parse_where(where)).runs
    every, shown = len(reading.runs), plain(where)
    if not found:
        raise ConfigError(
            f"--where: none of {every:,} runs matches {shown!r}.",
            "`gantool list-runs` shows what they have.",
        )
    if len(found) == every:
        return replace(reading, runs=found)
    message = f"Only the runs that match {shown!r} are here: {len(found):,} of {every:,}."
    return replace(reading, runs=found, left_out=message)


def _rank(value: Any) -> tuple[bool, Any]:
    number = isinstance(value, int | float)
    return (not number, value if number else text_of(value).casefold())


def _cell(value: Any, name: str) -> str:
    if value is None:
        return "-"
    if isinstance(value, float) and not isinstance(value, bool):
        return short(value)
    text = plain(text_of(value))
    return text if known_as(name) in ("run", "name") else _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…"
