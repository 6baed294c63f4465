"""`gantool check MODEL`."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gantool.testing import CheckResult


def check(
    model: Annotated[str, typer.Argument(help="Name of a model, as after `gantool run`.")],
    sizes: Annotated[
        str, typer.Option(metavar="N,N", help="Image sizes to try; oblong ones with alpha.")
    ] = "16,28,33,64,16x24",
    threads: Annotated[
        int, typer.Option(min=1, max=1024, metavar="N", help="CPU threads; small networks want 1.")
    ] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Train a model for a few steps on all kinds of small data, and say what to mend.

    A line for each kind of data; then each fault, once. The exit code is 1 if there is one.
    """
    from dataclasses import asdict

    from gantool.cli.output import print_json
    from gantool.config import parse_size
    from gantool.errors import ConfigError
    from gantool.plugins.registry import find_model

    find_model(model)
    try:
        wanted = [parse_size(part) for part in sizes.split(",")]
    except ValueError:
        raise ConfigError(
            f"--sizes {sizes!r}: sizes with commas between are expected, as 16,28 or 16,48x64"
        ) from None
    if min(map(min, wanted)) < 8:
        raise ConfigError(f"--sizes {sizes!r}: images have at least 8 pixels a side")
    from gantool.testing import faults_in, run_checks

    results: list[CheckResult] = []
    squares_and_others = [h if h == w else (h, w) for h, w in wanted]
    found = run_checks(model, sizes=squares_and_others, threads=threads)
    for _, group in itertools.groupby(found, lambda result: result.shapes or result.check):
        together = list(group)
        results += together
        if not json:
            print(_line(together), flush=True)
    problems = sum(bool(result.problem) for result in results)
    if json:
        print_json(
            {
                "model": model,
                "problems": problems,
                "findings": [asdict(result) for result in results],
            }
        )
    else:
        for fault in faults_in(results):
            title, *lines = str(fault).splitlines()
            print("\n".join([f"MEND    {title}", *(f"        {line}" for line in lines)]))
        print(f"{model}: {len(results)} checks, {problems} to mend")
    if problems:
        raise typer.Exit(1)


def _line(together: list[CheckResult]) -> str:
    """The outcome of all checks on one kind of data, or of one that needs none."""
    first = together[0]
    faulty = sum(bool(result.problem) for result in together)
    if first.refused:
        return f"refused {first.shapes}: {first.refused}"
    if not first.shapes:
        return f"{'MEND' if faulty else 'ok':8}{first.check}"
    if faulty:
        return f"MEND    {first.shapes}: {faulty} of {len(together)} checks"
    return f"ok      {first.shapes}: {len(together)} checks"
