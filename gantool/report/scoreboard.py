"""Runs on several data sets: a comparison on each, and one table of them all."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from gantool.report.compare import UnknownNameError, compare
from gantool.report.format import plain, short, spread
from gantool.report.load import RunData
from gantool.report.result import ComparisonResult, ScoreColumn
from gantool.report.series import Axis
from gantool.report.tables import Table, heading_of
from gantool.report.variants import grouped, named, with_defaults


@dataclass(frozen=True, slots=True)
class OnData:
    """The comparison of the runs on one data set.

    Attributes:
        data: its name.
        result: of the comparison.
        runs: that it was made from.
    """

    data: str
    result: ComparisonResult
    runs: Sequence[RunData]

    def column(self) -> ScoreColumn | None:
        """That of the score which ranks; None where there is no score."""
        return next((c for c in self.result.columns if c.id == self.result.sorted_by), None)

    def heading(self) -> str:
        """The data's name and the score's."""
        column = self.column()
        return f"{self.data}: {heading_of(column)}" if column else self.data

    def real(self) -> float | None:
        """The score of real samples."""
        column = self.column()
        return column.real if column else None

    def cell(self, name: str) -> str:
        """A variant's score, and its place; a dash where it was not trained on these data."""
        place = self.ranks().get(name)
        if place is None or self.result.sorted_by is None:
            return "-"
        (variant,) = (v for v in self.result.variants if v.name == name)
        return f"{spread(variant.scores[self.result.sorted_by])} ({place})"

    def ranks(self) -> dict[str, int]:
        """The place of each variant that has the score which ranks, from 1; equals share one."""
        return {name: 1 + ahead for name, (ahead, _) in self._counts().items()}

    def shares(self) -> dict[str, float]:
        """The place of each variant as a share of all; that of equals is the middle of theirs."""
        found = self._counts()
        return {
            name: (ahead + (1 + equal) / 2) / len(found) for name, (ahead, equal) in found.items()
        }

    def _counts(self) -> dict[str, tuple[int, int]]:
        """For each scored variant how many are ahead of it, and how many equal, itself too."""
        by = self.result.sorted_by or ""
        found = {v.name: v.scores[by].center for v in self.result.variants if by in v.scores}
        centers = list(found.values())
        return {n: (centers.index(center), centers.count(center)) for n, center in found.items()}


def compare_by_data(
    runs: Sequence[RunData],
    *,
    sort: str | None = None,
    baselines: Sequence[str] = (),
    budget_axis: Axis = "images",
    paired: bool = False,
    corrected: bool = True,
    matters: float | None = None,
    left_out: str = "",
) -> list[OnData]:
    """A comparison on each data set, as `compare` makes it, in the order of the runs.

    Scores on different data are on different scales. A column that only some data have counts
    there, and of the baselines, on each data set, the first that was trained there.

    Raises:
        UnknownNameError: no data have that column, or one of the baselines.
    """
    by_data: dict[str, list[RunData]] = {}
    for run in runs:
        by_data.setdefault(str(run.record.data.get("name", "?")), []).append(run)
    found: list[OnData] = []
    unknown: dict[str, list[UnknownNameError]] = {}
    for data, members in by_data.items():
        names = named(grouped(with_defaults(members))) if baselines else []
        for name in set(baselines) - set(names):
            unknown.setdefault(name, []).append(UnknownNameError("variant", name, known=names))
        baseline = next((name for name in baselines if name in names), None)
        result, column = None, sort
        while result is None:
            try:
                result = compare(
                    members,
                    sort=column,
                    baseline=baseline,
                    budget_axis=budget_axis,
                    paired=paired,
                    corrected=corrected,
                    matters=matters,
                    left_out=left_out,
                )
            except UnknownNameError as error:
                unknown.setdefault(error.name, []).append(error)
                column = None
        found.append(OnData(data, result, members))
    for errors in unknown.values():
        if len(errors) == len(by_data):
            raise errors[0]
    return found


def overview(comparisons: Sequence[OnData]) -> Table:
    """A row a variant and a column a data set: the score that ranks there.

    The rows are in the order of the mean of their places, each counted as a share of the variants
    there; where there is only one variant it has no place.
    """
    places = [each.shares() for each in comparisons]

    def mean_place(name: str) -> float:
        shares = [found[name] for found in places if name in found and len(found) > 1]
        return statistics.mean(shares) if shares else 2

    names = dict.fromkeys(v.name for each in comparisons for v in each.result.variants)
    rows = [
        [plain(name), *(each.cell(name) for each in comparisons)]
        for name in sorted(names, key=lambda name: (mean_place(name), name))
    ]
    headings = ["variant", *(each.heading() for each in comparisons)]
    return headings, [*rows, ["real samples", *(short(each.real()) for each in comparisons)]]
