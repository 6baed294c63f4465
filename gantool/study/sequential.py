"""Seeds added until two variants can be told apart, with an error that is kept to.

Looking again at p after every seed and stopping where it is small calls equals different far more
often than it says. Here the numbers of seeds at which to look are fixed before, and each of the K
looks tests at 5% / K (Bonferroni), so that the chance to call equals different is at most 5% over
all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gantool.errors import ConfigError
from gantool.plugins.registry import Registry
from gantool.report.format import short
from gantool.report.result import ClaimVerdict, Flag
from gantool.report.scoreboard import OnData
from gantool.report.statistics import Contrast, contrast
from gantool.study.claims import about, spelled, values_of
from gantool.study.file import ModelChoice, Study
from gantool.study.job import Job, resolved

_MOST_LOOKS = 5


def looks(first: int, most: int) -> tuple[int, ...]:
    """The numbers of seeds at which to look: at most five, in equal ratios from first to most."""
    count = min(_MOST_LOOKS, most - first + 1)
    if count == 1:
        return (first,)
    ratio = (most / first) ** (1 / (count - 1))
    return tuple(sorted({round(first * ratio**i) for i in range(count)}))


@dataclass(frozen=True, slots=True)
class Pursuit:
    """Two variants of a study, and the numbers of seeds at which they are held together.

    Attributes:
        names: as the user gave them.
        choices: the model, preset and options of each.
        seeds: of the study, and those that may be added.
        looks: numbers of seeds.
    """

    names: tuple[str, str]
    choices: tuple[ModelChoice, ModelChoice]
    seeds: tuple[int, ...]
    looks: tuple[int, ...]

    @classmethod
    def of(
        cls,
        names: tuple[str, str],
        study: Study,
        *,
        jobs: Sequence[Job],
        registry: Registry,
        most: int,
    ) -> Pursuit:
        """The plan, fixed before the first run.

        Raises:
            ConfigError: a name that is no variant of the study or several, several data sets, or
                fewer seeds than two or more than `most`.
        """
        if len({job.data for job in jobs}) > 1:
            raise ConfigError(
                "--until-distinguishable is for a study on one data set.", "Take the others out."
            )
        first = len(study.seeds)
        if not 2 <= first <= most:
            raise ConfigError(
                f"--until-distinguishable begins with 2 to {most} seeds; the study has {first}.",
                "Give `seeds` more, or --most.",
            )
        choices = (
            _choice(names[0], jobs, registry=registry),
            _choice(names[1], jobs, registry=registry),
        )
        if about(choices[0], None, jobs=jobs) == about(choices[1], None, jobs=jobs):
            raise ConfigError(f"{names[0]} and {names[1]} are the same variant.", "Name two.")
        more = (seed for seed in range(first + most) if seed not in study.seeds)
        seeds = (*study.seeds, *(next(more) for _ in range(most - first)))
        return cls(names, choices, seeds, looks(first, most))

    def jobs(self, jobs: Sequence[Job], *, n: int) -> list[Job]:
        """The study's jobs, and those of both variants at the first n seeds."""
        known = {job.name for job in jobs}
        added = []
        for choice in self.choices:
            pattern = about(choice, None, jobs=jobs)[0]
            for seed in self.seeds[:n]:
                job = replace(pattern, name=f"{pattern.variant}-s{seed}", seed=seed)
                if job.name not in known:
                    added.append(job)
        return [*jobs, *added]

    def judged(
        self, comparisons: Sequence[OnData], jobs: Sequence[Job], *, look: int
    ) -> tuple[list[OnData], bool]:
        """The comparison with the verdict of a look beside its claims, and whether both differ."""
        if not comparisons or (column := comparisons[0].column()) is None:
            return list(comparisons), False
        (found,) = comparisons
        a, b = (
            values_of(choice, None, column.id, jobs=jobs, rows=found.result.runs)
            for choice in self.choices
        )
        made = contrast(a, b, better=column.better, ratios=column.ratio, family=len(self.looks))
        apart = made is not None and made.verdict in ("better", "worse")
        verdict = ClaimVerdict(
            claim=f"{self.names[0]} and {self.names[1]} differ in {column.id}",
            paper="",
            verdict="holds" if apart else "cannot tell yet",
            why=self._why(made, look),
        )
        caution = Flag(
            message=f"Seeds of {' and '.join(self.names)} were added after looking at their "
            f"{column.id}: of these two only the claim keeps to its 5%, not the table."
        )
        result = found.result.model_copy(
            update={
                "claims": [*found.result.claims, verdict],
                "flags": [*found.result.flags, caution],
            }
        )
        return [replace(found, result=result)], apart

    def _why(self, made: Contrast | None, look: int) -> str:
        if made is None or made.p is None:
            return "a side has fewer than two scores"
        planned = ", ".join(map(str, self.looks))
        name, value, _, _ = made.told
        return (
            f"{name} {short(value)} at n = {made.n_a} and {made.n_b}, "
            f"p = {made.p:.2g}, corrected for looks at {planned} seeds, of which this was number "
            f"{look}"
        )


def _choice(name: str, jobs: Sequence[Job], *, registry: Registry) -> ModelChoice:
    """The variant that a name means: model, preset and option=value, with spaces between.

    Raises:
        ConfigError: none of the study, or several.
    """
    model, *words = name.split()
    preset = next((word for word in words if "=" not in word), None)
    given = dict(word.split("=", 1) for word in words if "=" in word)
    found = {}
    for job in jobs:
        config = resolved(job, registry).config if job.model == model else None
        if config is not None and job.preset == (preset or job.preset):
            options = {key.replace("-", "_"): value for key, value in given.items()}
            if all(str(getattr(config, key, None)) == value for key, value in options.items()):
                found[job.variant] = job
    named = [job for job in found.values() if spelled(job) == name]
    if len(named or found) != 1:
        known = ", ".join(sorted({spelled(job) for job in jobs}))
        what = "no variant" if not found else f"{len(found)} variants"
        raise ConfigError(f"{name!r} is {what} of the study.", f"There are: {known}.")
    (job,) = named or found.values()
    return ModelChoice(model=job.model, preset=job.preset, options=dict(job.options))
