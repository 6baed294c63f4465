"""`gantool evaluate RUN...`, and `gantool evaluate --samples PATH --data D --name N`."""

from __future__ import annotations

import inspect as signatures
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gantool.cli.options import options_of_data, parameter_of
from gantool.cli.playing import AtOption, step_of

_PANEL = "Samples from elsewhere"
_OTHERS = frozenset({"data_dir", "flip", "batch_size"})  # one is there anyway


def add_to(app: typer.Typer) -> None:
    """Add the command; some of its options are those of a run that say how data is prepared."""
    own = signatures.signature(evaluate, eval_str=True).parameters.values()
    of_data = []
    for option in options_of_data(but=_OTHERS):
        parameter = parameter_of(option)
        kind, declaration = parameter.annotation.__args__[0], parameter.annotation.__metadata__[0]
        declaration.rich_help_panel = _PANEL
        of_data.append(parameter.replace(annotation=Annotated[kind, declaration]))
    listed = [parameter for parameter in own if parameter.kind is not parameter.VAR_KEYWORD]
    evaluate.__signature__ = signatures.Signature(  # type: ignore[attr-defined]
        [*listed, *of_data]
    )
    app.command("evaluate")(evaluate)


def evaluate(
    *,
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN...",
            help="Run folders; of pretrained:NAME the copy experiments/pretrained-NAME is made and "
            "scored.",
        ),
    ] = None,
    samples: Annotated[
        str | None,
        typer.Option(
            metavar="N|PATH",
            help="Of runs the number to draw (unset: as the run says, usually 10,000). Without "
            "one: folder or file of samples that another program drew.",
        ),
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
    at: AtOption = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set.")] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or mps.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the program that drew them.", rich_help_panel=_PANEL),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Tells repetitions of one --name apart.", rich_help_panel=_PANEL),
    ] = None,
    evaluation_samples: Annotated[
        int | None,
        typer.Option(
            min=1, help="Score so many (unset: 10,000, of points 2,500).", rich_help_panel=_PANEL
        ),
    ] = None,
    resize: Annotated[
        bool,
        typer.Option(
            "--resize",
            help="Bring images of another size to that of the data, as its own are (--fit).",
            rich_help_panel=_PANEL,
        ),
    ] = False,
    experiments_dir: Annotated[
        Path, typer.Option(help="Folder for the new run folder.", rich_help_panel=_PANEL)
    ] = Path("experiments"),
    **of_data: Any,
) -> None:
    """Score the samples of trained runs; the scores are kept in each run folder.

    With `--samples PATH --data D --name N` and no RUN: score samples that another program drew, and
    make a run folder of the scores that `gantool compare` takes.
    """
    from gantool.errors import ConfigError

    given = {key: value for key, value in of_data.items() if value is not None}
    scoring = {"extractor": extractor, "weights": weights, "data_dir": data_dir}
    if runs:
        if name is not None or seed is not None or resize or evaluation_samples or given:
            raise ConfigError(
                f"the options under {_PANEL!r} are for `--samples PATH` without a RUN.",
                "Leave them out, or leave out the runs.",
            )
        _score_runs(
            runs,
            number=_number(samples),
            metrics=metric,
            device=device,
            json=json,
            options={**scoring, "at": step_of(at)},
        )
        return
    if samples is None or name is None:
        raise ConfigError(
            "name the runs to score, or samples from elsewhere.",
            "gantool evaluate RUN..., or gantool evaluate --samples PATH --name N --data D",
        )
    if at is not None:
        raise ConfigError(
            "--at is for runs: samples from elsewhere have no steps.", "Leave it out."
        )
    chosen = {**scoring, "evaluation_samples": evaluation_samples, **given}
    _score_samples(
        Path(samples),
        json=json,
        name=name,
        seed=seed,
        resize=resize,
        metrics=tuple(metric or ()),
        experiments_dir=experiments_dir,
        device=device,
        options={key: value for key, value in chosen.items() if value is not None},
    )


def _number(samples: str | None) -> int | None:
    """The number of samples to draw from runs.

    Raises:
        ConfigError: it is none.
    """
    from gantool.errors import ConfigError

    if samples is None:
        return None
    if not samples.isdecimal() or not int(samples):
        raise ConfigError(
            f"--samples {samples}: of runs, the number of samples to draw is expected.",
            "Give a number above 0; a folder or file of samples is scored without a RUN.",
        )
    return int(samples)


def _score_samples(samples: Path, *, json: bool, **wish: Any) -> None:
    from gantool.cli.output import print_json
    from gantool.cli.scores import print_scores
    from gantool.display import make_display
    from gantool.evaluation.adoption import Adoption, adopt
    from gantool.plugins.registry import load_registry

    with make_display() as display:
        folder = adopt(Adoption(samples=samples, **wish), load_registry(), display=display)
    scores = folder.scores()
    if json:
        document = [score.model_dump(mode="json") for score in scores]
        print_json([{"path": str(folder.path), "scores": document}])
        return
    print(f"{folder.path}, samples from elsewhere")
    print_scores(scores)
    print(f"  compare  gantool compare {folder.path.parent}/*")


def _score_runs(
    runs: list[Path],
    *,
    number: int | None,
    metrics: list[str] | None,
    device: str,
    json: bool,
    options: dict[str, Any],
) -> None:
    from gantool.cli.output import print_json
    from gantool.cli.scores import print_scores
    from gantool.display import make_display
    from gantool.errors import GantoolError
    from gantool.evaluation.evaluate import evaluate_run
    from gantool.plugins.pretrained import run_at, to_write_to
    from gantool.plugins.registry import load_registry
    from gantool.runs.folder import RunFolder

    registry = load_registry()
    documents, errors = [], []
    for run in runs:
        try:
            place = to_write_to(RunFolder.open(run_at(run))).path
            with make_display() as display:
                scores = evaluate_run(
                    place,
                    registry,
                    display=display,
                    device=device,
                    samples=number,
                    metrics=metrics or (),
                    **options,
                )
        except GantoolError as error:
            errors.append(error)
            continue
        documents.append(
            {"path": str(place), "scores": [score.model_dump(mode="json") for score in scores]}
        )
        if not json:
            step = scores[0].step if scores else 0
            print(f"{place}, step {step:,}" if step else place)
            print_scores(scores)
    if json:
        print_json(documents)
    if errors:
        worst = max(errors, key=lambda error: error.exit_code)
        for other in errors:
            if other is not worst:
                print(f"gantool: {other}", file=sys.stderr)
        raise worst
