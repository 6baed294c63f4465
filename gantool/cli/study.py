"""`gantool study FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gantool.config import WATCH
from gantool.errors import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gantool.study.engines.process import Outcome
    from gantool.study.job import Job
    from gantool.study.table import StudyTable


def study(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="TOML file of the study.")],
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(help="Processes of this machine, or tasks of a Ray cluster."),
    ] = "local",
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Runs at a time on this machine.")
    ] = 1,
    address: Annotated[
        str | None, typer.Option(help="Of the Ray cluster (unset: one of this machine's own).")
    ] = None,
    cpus_per_run: Annotated[
        int, typer.Option(min=1, help="CPUs, and threads, that a run asks Ray for.")
    ] = 1,
    gpus_per_run: Annotated[float, typer.Option(min=0, help="GPUs that a run asks Ray for.")] = 0.0,
    experiments_dir: Annotated[Path, typer.Option(help="Where the study's folder goes.")] = Path(
        "experiments"
    ),
    name: Annotated[
        str | None, typer.Option(help="Of the study's folder (unset: the file's name).")
    ] = None,
    until_distinguishable: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="A B",
            help="Add seeds of these two variants until they can be told apart, by a sequential "
            "rule; a variant is a model, with its preset or options where there are several.",
        ),
    ] = None,
    most: Annotated[
        int, typer.Option(min=2, help="Seeds of each at which --until-distinguishable ends.")
    ] = 20,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the runs and estimate the time; train none.")
    ] = False,
    watch: Annotated[
        bool, typer.Option(WATCH.flag, help=f"{WATCH.description.capitalize()}.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the outcomes as JSON.")] = False,
) -> None:
    """Carry out a study: models x data x seeds x settings, an equal budget, then a comparison.

    Interrupted and started again, it skips what is done and goes on with the rest.
    """
    import os
    import shlex
    import sys
    from dataclasses import asdict

    from gantool.cli.output import print_json, print_table
    from gantool.cli.watch import watched
    from gantool.errors import RunInterruptedError
    from gantool.plugins.registry import load_registry
    from gantool.study.claims import check_claims
    from gantool.study.file import read
    from gantool.study.job import expand, left_out

    wanted = read(file)
    registry = load_registry()
    found = expand(wanted, registry)
    check_claims(wanted, found, registry=registry)
    pursuit = None
    if until_distinguishable is not None:
        from gantool.study.sequential import Pursuit

        pursuit = Pursuit.of(
            until_distinguishable, wanted, jobs=found, registry=registry, most=most
        )
    # PyTorch is imported only once the file is known to be sound.
    from gantool.study import budget
    from gantool.study import run as studies
    from gantool.study.engines import local as local_engine
    from gantool.study.engines import ray as ray_engine

    if engine == "ray":
        ray_engine.require()
    threads = cpus_per_run if engine == "ray" else max(1, (os.cpu_count() or 1) // jobs)
    place = studies.place_of(experiments_dir, name or file.stem)
    found = studies.with_threads(found, threads)
    known = studies.known_steps(place)
    found, seconds = budget.settle(found, registry=registry, known=known, timed=dry_run)
    for line in left_out(wanted, registry):
        print(line, file=sys.stderr)
    if dry_run:
        if json:
            print_json(
                [
                    {
                        **asdict(job),
                        "budget": job.budget.model_dump(),
                        "seconds_a_step": seconds[job.variant],
                    }
                    for job in found
                ]
            )
        else:
            _print_plan(found, seconds, at_once=jobs)
        return

    def carry_out(all_jobs: Sequence[Job], folder: Path, table: StudyTable) -> list[Outcome]:
        if engine == "local":
            return local_engine.run(all_jobs, folder, at_once=jobs, table=table)
        cluster = ray_engine.Cluster(address, cpus_per_run, gpus=gpus_per_run)
        return ray_engine.run(all_jobs, folder, cluster=cluster, table=table)

    with watched(watch) as board:
        if board is not None:
            board.add(place)
        looks = [found] if pursuit is None else [pursuit.jobs(found, n=n) for n in pursuit.looks]
        for look, members in enumerate(looks, 1):
            found = members
            outcomes = studies.carry_out_all(found, wanted, place=place, engine=carry_out)
            interrupted = any(outcome.status == "interrupted" for outcome in outcomes)
            comparisons = studies.compared(found, outcomes, place=place, study=wanted)
            if pursuit is not None:
                comparisons, apart = pursuit.judged(comparisons, found, look=look)
                if apart or interrupted:
                    break
    page = studies.write_page(comparisons, place)
    # Settings that were not tried would count as the worst.
    picture = None if interrupted else studies.best_of_budget(found, wanted, place=place)
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if json:
        print_json(
            {
                "path": str(place),
                "runs": [
                    {
                        "name": o.name,
                        "status": o.status,
                        "reason": o.reason,
                        "resumed": o.resumed,
                    }
                    for o in outcomes
                ],
                "page": None if page is None else str(page),
                "claims": [
                    claim.model_dump() for each in comparisons for claim in each.result.claims
                ],
            }
        )
    else:
        if failed:
            print_table(["failed", "why"], [(outcome.name, outcome.reason) for outcome in failed])
        for each in comparisons:
            where = f"on {each.data}: " if len(comparisons) > 1 else ""
            print(printable(where + " ".join(each.result.verdict)))
            for claim in each.result.claims:
                print(printable(f"{claim.verdict}: {claim.claim} ({claim.why})"))
        if page is not None:
            print(f"page: {page}")
        if picture is not None:
            print(f"best of budget: {picture}")
        if resumed := [outcome.name for outcome in outcomes if outcome.resumed]:
            print(f"resumed from their last state: {', '.join(resumed)}")
        done = sum(outcome.status == "done" for outcome in outcomes)
        print(f"{done} of {len(outcomes)} runs are done; they are in {place}")
    if interrupted:
        raise RunInterruptedError(
            "the study was interrupted.", f"Go on with: gantool {shlex.join(sys.argv[1:])}"
        )
    if failed:
        raise typer.Exit(1)


def _print_plan(jobs: Sequence[Job], seconds: Mapping[str, float], at_once: int) -> None:
    from gantool.cli.output import print_table
    from gantool.display import clock

    rows = [(job.name, job.preset or "", f"{job.steps:,}", _options(job)) for job in jobs]
    print_table(["run", "preset", "steps", "options"], rows)
    training = sum(seconds[job.variant] * (job.steps or 0) for job in jobs)
    print(
        f"{len(jobs)} runs, {at_once} at a time: about {clock(training / at_once)} of training, "
        "by what a step takes on this machine now; starting, sample grids and scores come on top."
    )


def _options(job: Job) -> str:
    return ", ".join(f"{key} = {value}" for key, value in job.options.items())
