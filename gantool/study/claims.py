"""The claims of a study: which runs they are about, and what these say of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from gantool.errors import ConfigError
from gantool.plugins.registry import Registry
from gantool.report.format import short
from gantool.report.result import ClaimVerdict, ComparisonResult, RunRow
from gantool.report.scoreboard import OnData
from gantool.report.statistics import Contrast, contrast
from gantool.study.file import Claim, ModelChoice, Study, choice_of
from gantool.study.job import Job, kind_of


def check_claims(study: Study, jobs: Sequence[Job], registry: Registry) -> None:
    """See that each claim is about two variants and a score of the study.

    Raises:
        ConfigError: an unknown score, data that the study does not have, or a side that is no
            variant or several.
    """
    for number, claim in enumerate(study.claims):
        place = f"claims.{number}"
        if claim.score not in registry.metrics:
            known = ", ".join(sorted(registry.metrics))
            raise ConfigError(f"{place}: there is no score {claim.score!r}.", f"There are {known}.")
        if study.scores is not None and claim.score not in study.scores:
            raise ConfigError(f"{place}: the study's `scores` lack {claim.score}.", "Add it.")
        if claim.data is None and len({job.data for job in jobs}) > 1:
            raise ConfigError(f"{place}: the study has several data sets.", "Name one: `data`.")
        if not any(_is_on(job, claim.data) for job in jobs):
            raise ConfigError(f"{place}: the study has no data {claim.data!r}.", "Name one of its.")
        if study.scores is None and registry.metrics[claim.score].on_request:
            raise ConfigError(
                f"{place}: {claim.score} is computed on request only.", "Name it in `scores`."
            )
        data = next(job.data for job in jobs if _is_on(job, claim.data))
        if kind_of(data, registry) not in registry.metrics[claim.score].kinds:
            raise ConfigError(
                f"{place}: {claim.score} is no score of {data}.",
                "`gantool list-metrics` says what each is a score of.",
            )
        sides = []
        for side in (claim.better, claim.than):
            variants = {job.variant for job in about(side, claim.data, jobs=jobs)}
            sides.append(variants)
            if len(variants) != 1:
                found = f"{len(variants)} variants" if variants else "no variant"
                known = ", ".join(sorted({spelled(job) for job in jobs}))
                raise ConfigError(
                    f"{place}: {spelled(choice_of(side))} is {found} of the study.",
                    f"There are: {known}. Preset and options are named as in "
                    '{ model = "unrolled", options = { unrolled_steps = 0 } }.',
                )
        if sides[0] == sides[1]:
            raise ConfigError(
                f"{place}: both sides are {spelled(choice_of(claim.better))}.", "Name two."
            )


def with_claims(study: Study, jobs: Sequence[Job], comparisons: Iterable[OnData]) -> list[OnData]:
    """The comparisons, each with what its runs say of the claims about its data."""
    found = []
    for each in comparisons:
        names = {Path(row.path).name for row in each.result.runs}
        here = [job for job in jobs if job.name in names]
        claims = [
            _judged(claim, here, each.result, family=len(study.claims))
            for claim in study.claims
            if any(_is_on(job, claim.data) for job in here)
        ]
        result = each.result.model_copy(update={"claims": claims})
        found.append(replace(each, result=result))
    return found


def _judged(
    claim: Claim, jobs: Sequence[Job], result: ComparisonResult, *, family: int
) -> ClaimVerdict:
    better, than = (
        values_of(side, claim.data, claim.score, jobs=jobs, rows=result.runs)
        for side in (claim.better, claim.than)
    )
    column = next((column for column in result.columns if column.id == claim.score), None)
    made = (
        contrast(better, than, better=column.better, ratios=column.ratio, family=family)
        if column is not None
        else None
    )
    where = f" on {claim.data}" if claim.data else ""
    names = [spelled(choice_of(side)) for side in (claim.better, claim.than)]
    return ClaimVerdict(
        claim=f"{names[0]} is better than {names[1]} in {claim.score}{where}",
        paper=claim.paper,
        verdict=_verdict(made),
        why=_why(made),
    )


def _verdict(made: Contrast | None) -> Literal["holds", "does not hold", "cannot tell yet"]:
    if made is not None and made.verdict == "better":
        return "holds"
    if made is not None and made.verdict == "worse":
        return "does not hold"
    return "cannot tell yet"


def _why(made: Contrast | None) -> str:
    if made is None:
        return "one side has no run with that score"
    if made.p is None:
        return f"difference {short(made.difference)}; one run says nothing of the spread"
    name, value, low, high = made.told
    interval = f", 95% interval {short(low)} to {short(high)}" if low is not None else ""
    together = f", corrected for {made.family} claims" if made.family > 1 else ""
    return (
        f"{name} {short(value)}{interval}, p = {made.p:.2g}{together}, "
        f"n = {made.n_a} and {made.n_b}"
    )


def values_of(
    side: str | ModelChoice,
    data: str | None,
    score: str,
    *,
    jobs: Sequence[Job],
    rows: Iterable[RunRow],
) -> dict[int, float]:
    """The score of each run of a side, by its seed."""
    seeds = {job.name: job.seed for job in about(side, data, jobs=jobs)}
    return {
        seeds[name]: row.scores[score]
        for row in rows
        if (name := Path(row.path).name) in seeds and score in row.scores
    }


def about(side: str | ModelChoice, data: str | None, *, jobs: Iterable[Job]) -> list[Job]:
    """The runs that a side is about, on these data or on all.

    Of several variants that it fits, it is the one that has nothing beside what the others have.
    """
    wanted = choice_of(side)
    fitting = [
        job
        for job in jobs
        if job.model == wanted.model
        and _is_on(job, data)
        and (wanted.preset is None or job.preset == wanted.preset)
        and wanted.options.items() <= dict(job.options).items()
    ]
    variants = {job.variant: job for job in fitting}
    plain = {
        name
        for name, job in variants.items()
        if all(
            job.preset in (None, other.preset) and job.options.items() <= other.options.items()
            for other in variants.values()
        )
    }
    return [job for job in fitting if job.variant in plain] or fitting


def spelled(variant: Job | ModelChoice) -> str:
    """A variant of a study in the words that name it."""
    options = (f"{key}={value}" for key, value in variant.options.items())
    return " ".join(word for word in (variant.model, variant.preset, *options) if word)


def _is_on(job: Job, data: str | None) -> bool:
    return data in (None, job.data) or str(Path(str(data)).expanduser().resolve()) == job.data
