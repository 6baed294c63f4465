"""Runs as variants: which belong together, what a variant is called, which of its runs count."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from gantool.config import GANConfig, LabelOptions
from gantool.report.format import text_of
from gantool.report.load import RunData, configuration

_NAMED_OPTIONS = 3


def with_defaults(runs: Sequence[RunData]) -> list[RunData]:
    """The runs, with the defaults of options that are younger than they are.

    An option that some runs of a model have and others lack was added in between. One that no run
    of a model has is none of the model's.
    """
    known: dict[str, dict[str, Any]] = {}
    for run in runs:
        if run.record.origin is None:
            known.setdefault(run.record.model, {}).update(run.record.config)
    return [_completed(run, known.get(run.record.model, ())) for run in runs]


def _completed(run: RunData, options: Iterable[str]) -> RunData:
    core = {**GANConfig.model_fields, **LabelOptions.model_fields}
    if run.record.origin is not None:
        return run
    missing = [key for key in options if key in core and key not in run.record.config]
    if not missing:
        return run
    config = {**run.record.config, **{key: core[key].default for key in missing}}
    return replace(run, record=run.record.model_copy(update={"config": config}))


def grouped(runs: Sequence[RunData]) -> list[list[RunData]]:
    """The runs of each variant: of one model, configuration, data and plugin version."""
    groups: dict[str, list[RunData]] = {}
    for run in runs:
        record = run.record
        fingerprint = record.data.get("fingerprint")
        identity = [record.model, configuration(record), fingerprint, record.plugin]
        groups.setdefault(json.dumps(identity, sort_keys=True, default=str), []).append(run)
    return sorted(groups.values(), key=lambda group: (group[0].record.model, group[0].record.name))


def named(groups: Sequence[Sequence[RunData]]) -> list[str]:
    """For each variant the model, and its distinction from the others of the model."""
    firsts = [group[0] for group in groups]
    peers: dict[str, list[RunData]] = {}
    rivals: dict[str, list[RunData]] = {}
    for first in firsts:
        peers.setdefault(first.record.model, []).append(first)
        rivals.setdefault(_subject(first), []).append(first)
    of_model = {model: _peculiar(alike) for model, alike in peers.items()}
    options = {subject: _differing(alike) for subject, alike in rivals.items()}
    names = []
    for first in firsts:
        parts = [*of_model[first.record.model](first), *options[_subject(first)](first)]
        names.append(" ".join([first.record.model, *parts]))
    seen: Counter[str] = Counter()
    for i, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[i] = f"{name} #{seen[name]}"
    return names


def _subject(run: RunData) -> str:
    """All by which variants of a model are told apart before their options are."""
    record = run.record
    parts = [record.model, record.origin is None, record.preset, record.data.get("fingerprint")]
    return json.dumps(parts, default=str)


def _peculiar(peers: Sequence[RunData]) -> Callable[[RunData], list[str]]:
    """The preset, the data and the origin of a variant, each where its peers differ in it."""
    presets = len({peer.record.preset for peer in peers}) > 1
    data = len({peer.record.data.get("fingerprint") for peer in peers}) > 1
    origins = len({peer.record.origin is None for peer in peers}) > 1

    def of(run: RunData) -> list[str]:
        record = run.record
        parts = [record.preset] if presets and record.preset else []
        parts += [f"on {record.data.get('name')}"] if data else []
        return parts + (["from elsewhere"] if origins and record.origin is not None else [])

    return of


def _differing(rivals: Sequence[RunData]) -> Callable[[RunData], list[str]]:
    """The options of a variant in which its rivals differ, and its plugin's version."""
    values: dict[str, set[str]] = {}
    made = [configuration(rival.record) for rival in rivals]
    for key in dict.fromkeys(key for one in made for key in one):
        values[key] = {text_of(one.get(key)) for one in made}
    versions = len({json.dumps(rival.record.plugin, sort_keys=True) for rival in rivals}) > 1

    def of(run: RunData) -> list[str]:
        own = configuration(run.record)
        differing = [key for key in own if len(values[key]) > 1]
        parts = [f"{key}={text_of(own[key])}" for key in differing[:_NAMED_OPTIONS]]
        return parts + ([str(run.record.plugin.get("version"))] if versions else [])

    return of


def counted(
    group: Sequence[RunData],
) -> tuple[list[RunData], list[tuple[RunData, RunData]]]:
    """One run for each seed (of the run, and of its splits), the furthest there is, and the others.

    Of those that went equally far one with scores counts, then the latest. Each of the others comes
    with the one that counts.
    """

    def reach(run: RunData) -> tuple[bool, int, bool, str]:
        done = run.status == "finished"
        return (done, run.record.steps, bool(run.scores), run.record.started)

    chosen: dict[tuple[Any, Any], RunData] = {}
    for run in sorted(group, key=reach, reverse=True):
        chosen.setdefault(_draw(run), run)
    found = sorted(
        chosen.values(), key=lambda run: (run.record.config.get("seed") or 0, run.record.name)
    )
    those = {id(run) for run in found}
    repeats = [(run, chosen[_draw(run)]) for run in group if id(run) not in those]
    return found, repeats


def _draw(run: RunData) -> tuple[Any, Any]:
    """All of chance in a run that its user sets."""
    return run.record.config.get("seed"), run.record.config.get("split_seed")
