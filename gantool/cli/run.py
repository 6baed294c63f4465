"""`gantool run MODEL`: a command for each model.

The command is made from the model's configuration when it is asked for.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gantool.cli.options import parameter_of
from gantool.cli.output import CONTEXT
from gantool.config import (
    RUN_PARAMETERS,
    GANConfig,
    Option,
    Resolved,
    options_of,
)
from gantool.errors import ConfigError, GantoolError, RunInterruptedError
from gantool.machine.garbage import imports_uncollected
from gantool.plugins.registry import Registry, find_model, load_registry
from gantool.plugins.spec import MANY_IMAGES, ModelSpec

_RUN_PANEL = "Run"
_SYMBOLS = {
    "r": "r = D(x)",
    "f": "f = D(G(z))",
    "sp": "sp(t) = log(1 + e^t)",
    "E": "E: the mean over a batch",
}


class ModelGroup(TyperGroup):
    """A group whose commands are the registered models."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The models' names."""
        return sorted(load_registry().models)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of one model.

        Raises:
            ConfigError: there is no such model; the message says why, or which was meant.
        """
        if cmd_name.startswith("-") or ctx.resilient_parsing:
            return (
                None
                if cmd_name not in load_registry().models
                else _command(load_registry().models[cmd_name])
            )
        return _command(find_model(cmd_name))


app = typer.Typer(
    cls=ModelGroup,
    help="Train a model; `gantool run MODEL --help` shows its options.",
    no_args_is_help=True,
    context_settings=CONTEXT,
    subcommand_metavar="MODEL [OPTIONS]",
)


@app.callback()
def _run() -> None:
    pass


def _command(spec: ModelSpec) -> Any:
    single = typer.Typer(context_settings=CONTEXT, add_completion=False, rich_markup_mode="rich")
    paper = f"\n\n{spec.paper}" if spec.paper else ""
    single.command(
        spec.name,
        help=f"{spec.summary}.{paper}",
        short_help=spec.summary,
        epilog="\n\n".join(filter(None, (_other_defaults(spec), _objectives(spec)))),
    )(_function(spec))
    return typer.main.get_command(single)


def _other_defaults(spec: ModelSpec) -> str:
    """The defaults that are other ones on some data, for the end of a model's help."""
    lines = [
        f"On {kind} the defaults are {_as_flags(spec.defaults_on(kind))}."
        for kind in spec.kinds
        if spec.defaults_on(kind)
    ]
    if spec.small_data:
        other = _as_flags(spec.small_data_other_game) or "the usual ones"
        games = ("loss", "penalty", "spectral norm")
        choices = [game for game in games if game.replace(" ", "_") not in spec.config.fixed]
        named = " or ".join(", ".join(choices).rsplit(", ", 1))
        otherwise = f"with another {named} {other}, " if named else ""
        lines.append(
            f"On fewer than {MANY_IMAGES:,} training images the defaults are "
            f"{_as_flags(spec.small_data)}, {otherwise}unless there is a preset."
        )
    return "\n\n".join(lines)


def _as_flags(values: Mapping[str, Any]) -> str:
    return ", ".join(f"--{key.replace('_', '-')} {value}" for key, value in values.items())


def _objectives(spec: ModelSpec) -> str:
    """The formulas of what a model can be trained with, or of its own game: the end of its help."""
    known = load_registry().objectives
    names = [
        name
        for option in options_of(spec.config, spec.name)
        if option.key == "loss"
        for name in option.choices
    ]
    lines = [f"--loss {name}: {known[name].formula}" for name in names if name in known]
    if spec.formula:
        lines.append(f"{'With each' if lines else 'The losses'}: {spec.formula}")
    if lines and issubclass(spec.config, GANConfig):
        formulas = " ".join(lines)
        used = [text for symbol, text in _SYMBOLS.items() if re.search(rf"\b{symbol}\b", formulas)]
        if used:
            lines.append(f"{', '.join(used)}.")
    return "\n\n".join(lines).replace("[", "\\[")


def _function(spec: ModelSpec) -> Callable[..., None]:
    """The function that Typer reads the options from and then calls."""

    def train(**values: Any) -> None:
        _train(spec, values)

    panels: dict[str, list[inspect.Parameter]] = {
        _RUN_PANEL: _run_parameters(spec),
        f"Options of {spec.name}": [],
    }
    for option in options_of(spec.config, spec.name):
        panels.setdefault(option.heading, []).append(parameter_of(option))
    # Not shown, but taken, so that whoever asks for another value is told who decides it.
    for key in spec.config.fixed:
        fields = (getattr(base, "model_fields", {}) for base in spec.config.__mro__)
        if field := next((known[key] for known in fields if key in known), None):
            fixed = Option(key, field=field, heading="")
            panels[_RUN_PANEL].append(parameter_of(fixed, hidden=True))
    train.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [parameter for panel in panels.values() for parameter in panel]
    )
    return train


def _run_parameters(spec: ModelSpec) -> list[inspect.Parameter]:
    presets = "; ".join(
        f"{name} ({spec.preset_notes[name]})" if name in spec.preset_notes else name
        for name in sorted(spec.presets)
    )
    parameters = []
    for parameter in RUN_PARAMETERS:
        text = parameter.description
        if parameter.key == "preset":
            text = f"{text}: {presets or 'none'}"
        declaration = typer.Option(
            parameter.flag, help=text, metavar=parameter.metavar, rich_help_panel=_RUN_PANEL
        )
        parameters.append(
            inspect.Parameter(
                parameter.key,
                inspect.Parameter.KEYWORD_ONLY,
                default=parameter.default,
                annotation=Annotated[parameter.kind, declaration],
            )
        )
    return parameters


def _train(spec: ModelSpec, values: dict[str, Any]) -> None:
    known = (*spec.config.model_fields, *spec.config.fixed)
    flags = {key: values[key] for key in known if values.get(key) is not None}
    registry = load_registry()
    runs = []
    for seed in _seeds(values["seeds"], flags):
        resolved = registry.resolve(
            spec,
            preset=values["preset"],
            file=values["config"],
            flags=flags if seed is None else {**flags, "seed": seed},
        )
        name = (
            values["name"]
            if seed is None or values["name"] is None
            else f"{values['name']}-s{seed}"
        )
        runs.append((resolved, name))
    for warning in runs[0][0].warnings:
        print(f"gantool: {warning}", file=sys.stderr)
    if values["preset"] in spec.preset_notes:
        print(
            f"gantool: preset {values['preset']}: {spec.preset_notes[values['preset']]}.",
            file=sys.stderr,
        )
    _train_all(spec, runs, values=values)


def _seeds(text: str | None, flags: dict[str, Any]) -> list[int | None]:
    if text is None:
        return [None]
    if "seed" in flags:
        raise ConfigError("give --seed or --seeds, one of the two")
    try:
        seeds: list[int | None] = [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(
            f"--seeds {text!r}: whole numbers with commas between are expected, as 0,1,2"
        ) from None
    if len(set(seeds)) < len(seeds):
        raise ConfigError(
            f"--seeds {text!r}: a seed is given twice; the second run would repeat the first"
        )
    return seeds


def _train_all(
    spec: ModelSpec, runs: list[tuple[Resolved, str | None]], values: dict[str, Any]
) -> None:
    """Train each, in turn; whatever was made is shown, also of a failed run.

    The exit code is the worst of all runs.
    """
    with imports_uncollected():
        from gantool.cli.summary import print_setups, print_summary
        from gantool.cli.watch import watched
        from gantool.display import make_display
        from gantool.machine import distributed
        from gantool.runs.folder import RunFolder
        from gantool.runs.records import RunRecord
        from gantool.training.run import start
        from gantool.training.setup import Request, set_up

    registry: Registry = load_registry()
    many = values["seeds"] is not None
    records: list[RunRecord] = []
    folders: list[RunFolder] = []
    errors: list[GantoolError] = []
    is_watched = values["watch"] and not values["dry_run"] and distributed.world().rank == 0
    with watched(is_watched) as board:
        for resolved, name in runs:
            request = Request(
                model=spec.name,
                resolved=resolved,
                preset=values["preset"],
                name=name,
                experiments_dir=values["experiments_dir"],
                argv=tuple(sys.argv),
                profile=values["profile"],
            )
            try:
                with make_display() as display:
                    setup = set_up(request, registry, display=display)
                    records.append(setup.record)
                    if not values["dry_run"]:
                        folders.append(setup.folder)
                        if board is not None:
                            board.add(setup.folder.path)
                        start(setup, display)
            except GantoolError as error:
                errors.append(error)
                if many:
                    error.message = f"seed {resolved.config.seed}: {error.message}"
                interrupted = isinstance(error, RunInterruptedError)
                # Other processes of the run may be elsewhere.
                if interrupted or distributed.world().size > 1:
                    break
                if many and (resolved, name) != runs[-1]:
                    print(f"gantool: {error}", file=sys.stderr)
    if values["dry_run"]:
        print_setups(records, json=values["json"], many=many)
    else:
        made = [folder for folder in folders if folder.record_file.exists()]
        print_summary(made, json=values["json"], many=many, show=values["show"])
    if errors:
        worst = max(errors, key=lambda error: error.exit_code)
        if worst is errors[-1]:
            raise worst
        print(f"gantool: {errors[-1]}", file=sys.stderr)
        raise typer.Exit(worst.exit_code)
