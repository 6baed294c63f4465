"""`gantool check MODEL`."""

from __future__ import annotations

from typing import Annotated

import typer


def check(
    model: Annotated[str, typer.Argument(help="Name of a model, as after `gantool run`.")],
    sizes: Annotated[str, typer.Option(metavar="N,N", help="Image sizes to try.")] = "16,28,33,64",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Train a model for a few steps on all kinds of small data, and say what to mend. Exit code 1 if anything is."""
    from dataclasses import asdict

    from gantool.cli.output import print_json
    from gantool.errors import ConfigError
    from gantool.plugins import load_registry

    load_registry().model(model)
    try:
        sides = [int(part) for part in sizes.split(",")]
    except ValueError:
        raise ConfigError(f"--sizes {sizes!r}: whole numbers with commas between are expected, as 16,28") from None
    if min(sides) < 8:
        raise ConfigError(f"--sizes {sizes!r}: images have at least 8 pixels a side")
    from gantool.testing import run_checks

    findings = []
    for finding in run_checks(model, sizes=sides):
        findings.append(finding)
        if not json:
            mark = "MEND" if finding.problem else "refused" if finding.refused else "ok"
            detail = finding.problem or finding.refused
            print(
                f"{mark:8}{finding.check}{f'  [{finding.shapes}]' if finding.shapes else ''}"
                + (f"\n        {detail}" if detail else "")
            )
    problems = sum(bool(finding.problem) for finding in findings)
    if json:
        print_json({"model": model, "problems": problems, "findings": [asdict(finding) for finding in findings]})
    else:
        print(f"{model}: {len(findings)} checks, {problems} to mend")
    if problems:
        raise typer.Exit(1)
