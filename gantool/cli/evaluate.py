"""`gantool evaluate RUN...`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")],
    samples: Annotated[
        int | None,
        typer.Option(min=1, help="Samples to draw (unset: as the run says, usually 10,000)."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this score, or one on request; may be given several times "
            "(`gantool list-metrics`)."
        ),
    ] = None,
    extractor: Annotated[
        str | None, typer.Option(metavar="NAME", help="A feature extractor, or auto.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="File with the extractor's weights, where it does not bring them."),
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set.")] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or mps.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Score the samples of trained runs; the scores are kept in each run folder."""
    from gantool.cli.output import print_json
    from gantool.cli.scores import print_scores
    from gantool.display import make_display
    from gantool.errors import GantoolError
    from gantool.evaluation.evaluate import evaluate_run
    from gantool.plugins.registry import load_registry

    registry = load_registry()
    documents, errors = [], []
    for run in runs:
        try:
            with make_display() as display:
                scores = evaluate_run(
                    run,
                    registry,
                    display=display,
                    device=device,
                    samples=samples,
                    extractor=extractor,
                    weights=weights,
                    data_dir=data_dir,
                    metrics=metric or (),
                )
        except GantoolError as error:
            errors.append(error)
            if run != runs[-1]:
                print(f"gantool: {error}", file=sys.stderr)
            continue
        documents.append(
            {"path": str(run), "scores": [score.model_dump(mode="json") for score in scores]}
        )
        if not json:
            print(f"{run}, step {scores[0].step if scores else 0:,}")
            print_scores(scores)
    if json:
        print_json(documents)
    if errors:
        raise max(errors, key=lambda error: error.exit_code)
