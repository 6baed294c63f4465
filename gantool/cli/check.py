"""`gantool check MODEL`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gantool.testing import CheckResult


def check(
    model: Annotated[str, typer.Argument(help="Name of a model, as after `gantool run`.")],
    sizes: Annotated[
        str, typer.Option(metavar="N,N", help="Image sizes to try; oblong ones with alpha.")
    ] = "16,28,33,64,16x24",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Train a model for a few steps on all kinds of small data, and say what to mend.

    The exit code is 1 if there is anything to mend.
    """
    from dataclasses import asdict

    from gantool.cli.output import print_json
    from gantool.config import parse_size
    from gantool.errors import ConfigError
    from gantool.plugins.registry import load_registry

    load_registry().model(model)
    try:
        wanted = [parse_size(part) for part in sizes.split(",")]
    except ValueError:
        raise ConfigError(
            f"--sizes {sizes!r}: sizes with commas between are expected, as 16,28 or 16,48x64"
        ) from None
    if min(map(min, wanted)) < 8:
        raise ConfigError(f"--sizes {sizes!r}: images have at least 8 pixels a side")
    from gantool.testing import run_checks

    results = []
    for result in run_checks(model, sizes=[h if h == w else (h, w) for h, w in wanted]):
        results.append(result)
        if not json:
            print(_line(result))
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
        print(f"{model}: {len(results)} checks, {problems} to mend")
    if problems:
        raise typer.Exit(1)


def _line(result: CheckResult) -> str:
    mark = "ok"
    if result.problem:
        mark = "MEND"
    elif result.refused:
        mark = "refused"
    shapes = f"  [{result.shapes}]" if result.shapes else ""
    detail = result.problem or result.refused
    return f"{mark:8}{result.check}{shapes}" + (f"\n        {detail}" if detail else "")
