"""The hooks that a plugin may implement, each with `@gantool.hookimpl`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import typer

    from gantool.plugins.spec import (
        AugmentationSpec,
        DatasetSpec,
        ExtractorSpec,
        MetricSpec,
        ModelSpec,
        ObjectiveSpec,
        PenaltySpec,
        PretrainedSpec,
        ReaderSpec,
    )
    from gantool.plugins.tracking import TrackedRun, Tracker

hookspec = pluggy.HookspecMarker("gantool")
hookimpl = pluggy.HookimplMarker("gantool")


@hookspec
def register_models(register: Callable[[ModelSpec], None]) -> None:
    """Call `register(ModelSpec(...))` once for each model."""


@hookspec
def register_datasets(register: Callable[[DatasetSpec | ReaderSpec], None]) -> None:
    """Call `register(DatasetSpec(...))` once for each data set.

    And `register(ReaderSpec(...))` once for each kind of file that holds images of one's own.
    """


@hookspec
def register_metrics(register: Callable[[MetricSpec], None]) -> None:
    """Call `register(MetricSpec(...))` once for each score."""


@hookspec
def register_extractors(register: Callable[[ExtractorSpec], None]) -> None:
    """Call `register(ExtractorSpec(...))` once for each feature extractor."""


@hookspec
def register_objectives(register: Callable[[ObjectiveSpec], None]) -> None:
    """Call `register(ObjectiveSpec(...))` once for each objective."""


@hookspec
def register_penalties(register: Callable[[PenaltySpec], None]) -> None:
    """Call `register(PenaltySpec(...))` once for each penalty."""


@hookspec
def register_augmentations(register: Callable[[AugmentationSpec], None]) -> None:
    """Call `register(AugmentationSpec(...))` once for each augmentation."""


@hookspec
def register_pretrained(register: Callable[[PretrainedSpec], None]) -> None:
    """Call `register(PretrainedSpec(...))` once for each trained generator."""


@hookspec
def register_commands(app: typer.Typer) -> None:
    """Add commands to `gantool` with `@app.command("name")`.

    The names of gantool's own commands are taken.
    """


@hookspec
def track(run: TrackedRun) -> Tracker | None:
    """Follow a run: return a `gantool.Tracker`, or None to leave it alone.

    A plugin with this hook is a tracker of the name of its entry point; the hook is called where
    `--track` names it.
    """
