"""Discovery of plugins, their isolation from each other, and the registry of what they bring."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import itertools
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy
import typer
from packaging.requirements import Requirement

from gantool._version import __version__
from gantool.config import CHOICES, PRETRAINED, Resolved, resolve, tracker_names
from gantool.errors import ConfigError, GantoolError, did_you_mean
from gantool.plugins import hookspecs
from gantool.plugins.spec import (
    AugmentationSpec,
    DatasetSpec,
    ExtractorSpec,
    InvalidSpecError,
    MetricSpec,
    ModelSpec,
    ObjectiveSpec,
    PenaltySpec,
    PretrainedSpec,
    ReaderSpec,
)

if TYPE_CHECKING:
    from gantool.plugins.tracking import TrackedRun, Tracker

GROUP = "gantool"
# The commands of gantool/cli, which this package must not import.
CORE_COMMANDS = frozenset(
    [
        "run",
        "resume",
        "evaluate",
        "compare",
        "report",
        "note",
        "pack",
        "unpack",
        "prune",
        "study",
        "watch",
        "inspect",
        "check",
        "new-plugin",
        "list-models",
        "list-datasets",
        "list-metrics",
        "list-plugins",
        "list-pretrained",
        "list-runs",
        "sample",
        "sheet",
        "interpolate",
        "arithmetic",
        "reconstruct",
        "animate",
        "export",
        "explore",
    ]
)
# What plugins register: the word for one, the attribute of plugin and registry, the description.
# The hook is `register_` and the attribute; that of data sets is the readers' too.
KINDS: tuple[tuple[str, str, type[Any]], ...] = (
    ("model", "models", ModelSpec),
    ("data set", "datasets", DatasetSpec),
    ("reader", "readers", ReaderSpec),
    ("metric", "metrics", MetricSpec),
    ("extractor", "extractors", ExtractorSpec),
    ("objective", "objectives", ObjectiveSpec),
    ("penalty", "penalties", PenaltySpec),
    ("augmentation", "augmentations", AugmentationSpec),
    ("pretrained generator", "pretrained", PretrainedSpec),
)
# The options whose values are names of what is registered.
NAMED_BY = {
    "loss": "objectives",
    "penalty": "penalties",
    "augment": "augmentations",
    "extractor": "extractors",
    "keep_best": "metrics",
    "track": "trackers",
}
# Distributions of gantool's own that may not be installed, each for the tracker that it brings.
TRACKERS = {name: f"gantool-{name}" for name in ("tensorboard", "trackio", "mlflow", "wandb")}
_PRETRAINED = "gantool-pretrained"  # the one for generators that are trained already
_T = TypeVar("_T")
SLOW_SECONDS = 0.5  # a plugin that takes longer to load is named: it slows every command


@dataclass(slots=True)
class Plugin:
    """One entry point of the group `gantool`, and the outcome of loading it.

    `seconds` are those of the processor: others may keep the machine busy meanwhile.
    """

    name: str
    distribution: str
    version: str
    problem: str = ""
    remedy: str = ""
    seconds: float = 0.0
    models: list[ModelSpec] = field(default_factory=list)
    datasets: list[DatasetSpec] = field(default_factory=list)
    readers: list[ReaderSpec] = field(default_factory=list)
    metrics: list[MetricSpec] = field(default_factory=list)
    extractors: list[ExtractorSpec] = field(default_factory=list)
    objectives: list[ObjectiveSpec] = field(default_factory=list)
    penalties: list[PenaltySpec] = field(default_factory=list)
    augmentations: list[AugmentationSpec] = field(default_factory=list)
    pretrained: list[PretrainedSpec] = field(default_factory=list)
    commands: dict[str, Any] = field(default_factory=dict)
    tracks: bool = False
    module: Any = None
    lost: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The plugin's name in messages: distribution, version and entry point."""
        return f"{self.distribution} {self.version} ({self.name})"

    @property
    def names(self) -> list[tuple[str, str]]:
        """All that it registers: the word for the kind, and the name."""
        return [(kind, spec.name) for kind, attr, _ in KINDS for spec in getattr(self, attr)]

    @property
    def summary(self) -> str:
        """The plugin as a choice of `--track`."""
        return f"follows the run, from {self.distribution}"

    @property
    def built_in(self) -> bool:
        """Whether gantool itself brings it."""
        return self.distribution == "gantool"

    @property
    def slow(self) -> bool:
        """Whether it takes so long to load that the user should know."""
        return self.seconds > SLOW_SECONDS

    def fail(self, problem: str, remedy: str = "") -> None:
        """Mark as broken: it brings nothing."""
        self.problem = problem
        self.lost = [*self.lost, *(name for _, name in self.names)]
        self.remedy = remedy or f"Update it, or remove it: `pip uninstall {self.distribution}`."
        for _, attribute, _ in KINDS:
            setattr(self, attribute, [])
        self.commands, self.tracks = {}, False


@dataclass(slots=True)
class Registry:
    """Everything that healthy plugins registered, by name.

    Attributes:
        plugins: every plugin found, broken ones too.
        models: name to description.
        datasets: name to description.
        readers: name to description, gantool's own first.
        metrics: name to description, in the order of their registration.
        extractors: name to description; so are objectives, penalties, augmentations and the
            pretrained generators.
        commands: name to command.
        trackers: name to the plugin that can follow a run.
        conflicts: names that two plugins claim, which therefore neither has.
        manager: calls the hooks.
    """

    plugins: list[Plugin]
    manager: pluggy.PluginManager
    models: dict[str, ModelSpec] = field(default_factory=dict)
    datasets: dict[str, DatasetSpec] = field(default_factory=dict)
    readers: dict[str, ReaderSpec] = field(default_factory=dict)
    metrics: dict[str, MetricSpec] = field(default_factory=dict)
    extractors: dict[str, ExtractorSpec] = field(default_factory=dict)
    objectives: dict[str, ObjectiveSpec] = field(default_factory=dict)
    penalties: dict[str, PenaltySpec] = field(default_factory=dict)
    augmentations: dict[str, AugmentationSpec] = field(default_factory=dict)
    pretrained: dict[str, PretrainedSpec] = field(default_factory=dict)
    commands: dict[str, Any] = field(default_factory=dict)
    trackers: dict[str, Plugin] = field(default_factory=dict)
    conflicts: dict[tuple[str, str], list[Plugin]] = field(default_factory=dict)

    def plugin_of(self, model: str) -> Plugin:
        """The plugin that registered a model."""
        return next(p for p in self.plugins if any(spec.name == model for spec in p.models))

    def plugin_of_metric(self, metric: str) -> Plugin:
        """The plugin that registered a score."""
        return next(p for p in self.plugins if any(spec.name == metric for spec in p.metrics))

    def track(self, name: str, run: TrackedRun) -> Tracker | None:
        """Ask one tracker to follow a run; what it raises is the caller's to catch."""
        tracker: Tracker | None = _caller(self.manager, "track", module=self.trackers[name].module)(
            run=run
        )
        return tracker

    def model(self, name: str) -> ModelSpec:
        """Look up a model.

        Raises:
            ConfigError: it is unknown, claimed twice, or its plugin is broken; the message says
                which.
        """
        if name in self.models:
            return self.models[name]
        self.explain_missing("model", name)
        broken = ", ".join(plugin.title for plugin in self.plugins if plugin.problem)
        raise ConfigError(
            f"no model {name!r}.{did_you_mean(name, self.models)}",
            f"Models: {', '.join(sorted(self.models)) or 'none'}. `gantool list-models` says more."
            + (
                f"\nBroken plugins may have more: {broken}; `gantool list-plugins` says why."
                if broken
                else ""
            ),
        )

    def defaults_of(self, spec: ModelSpec, data: str) -> Mapping[str, Any]:
        """The defaults of a model's options on data of this name, where they are others."""
        known = self.datasets.get(data)
        return {} if known is None else spec.defaults_on(known.kind)

    def resolve(
        self,
        spec: ModelSpec,
        *,
        preset: str | None = None,
        file: Path | None = None,
        flags: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Resolved:
        """The options of a run of a model, merged and validated as `gantool.config.resolve` does.

        Raises:
            ConfigError: an unknown preset or key, an unreadable file, or an invalid value.
        """
        resolved = resolve(
            spec.config,
            model=spec.name,
            presets=spec.presets,
            preset=preset,
            defaults=functools.partial(self.defaults_of, spec),
            file=file,
            environment=environment,
            flags=flags,
        )
        for name in tracker_names(resolved.config.track):
            self.find_tracker(name)
        return resolved

    def find_tracker(self, name: str) -> Plugin:
        """Look up the plugin that brings a tracker.

        Raises:
            ConfigError: it is unknown, not installed, claimed twice, or its plugin is broken.
        """
        if name in self.trackers:
            return self.trackers[name]
        self.explain_missing("tracker", name)
        if name in TRACKERS:
            raise ConfigError(
                f"tracker {name!r} is not installed.",
                f"Install it: `pip install {TRACKERS[name]}`.",
            )
        raise ConfigError(
            f"no tracker {name!r}.{did_you_mean(name, {**self.trackers, **TRACKERS})}",
            f"Trackers: {', '.join(self.trackers) or 'none is installed'}.",
        )

    def find_pretrained(self, name: str) -> PretrainedSpec:
        """Look up a pretrained generator.

        Raises:
            ConfigError: it is unknown, claimed twice, or its plugin is broken; or no plugin brings
                any.
        """
        if name in self.pretrained:
            return self.pretrained[name]
        self.explain_missing("pretrained generator", name)
        if not self.pretrained:
            self.explain_missing("pretrained generator", _PRETRAINED)
            raise ConfigError(
                f"{PRETRAINED}{name}: no installed plugin brings pretrained generators.",
                f"Install one: `pip install {_PRETRAINED}`.",
            )
        raise ConfigError(
            f"no pretrained generator {name!r}.{did_you_mean(name, self.pretrained)}",
            f"There are {', '.join(sorted(self.pretrained))}; `gantool list-pretrained` says more.",
        )

    def piece(self, kind: str, name: str) -> Any:
        """Look up an extractor, objective, penalty or augmentation.

        Raises:
            ConfigError: it is unknown, claimed twice, or its plugin is broken.
        """
        known = next(getattr(self, attribute) for word, attribute, _ in KINDS if word == kind)
        if name in known:
            return known[name]
        self.explain_missing(kind, name)
        raise ConfigError(
            f"no {kind} {name!r}.{did_you_mean(name, known)}", f"There are {', '.join(known)}."
        )

    def explain_missing(self, kind: str, name: str) -> None:
        """Raise a `ConfigError` if a name is missing for a conflict or a broken plugin."""
        claimants = self.conflicts.get((kind, name))
        if claimants:
            titles = " and by ".join(plugin.title for plugin in claimants)
            raise ConfigError(
                f"{kind} {name!r} is registered twice, so neither is used: by {titles}.",
                f"Remove one: `pip uninstall {claimants[-1].distribution}`.",
            )
        for plugin in self.plugins:
            if plugin.problem and name in (
                plugin.name,
                *plugin.lost,
                *_guesses(plugin.distribution),
            ):
                raise ConfigError(
                    f"plugin {plugin.title} is broken: {plugin.problem}", plugin.remedy
                )


def _guesses(distribution: str) -> Iterable[str]:
    normalized = distribution.lower().replace("_", "-")
    return (normalized, normalized.removeprefix("gantool-"))


def load_registry(*, announce: bool = True) -> Registry:
    """Load the plugins once a process; one that is broken costs a line on stderr and nothing else.

    `GANTOOL_PLUGINS=a,b` limits third-party plugins to these (entry points or distributions);
    `GANTOOL_STRICT_PLUGINS=1` makes a broken one fatal.

    Args:
        announce: whether to print those lines.

    Raises:
        ConfigError: a plugin is broken and `GANTOOL_STRICT_PLUGINS` is set.
    """
    registry = _load()
    if os.environ.get("GANTOOL_STRICT_PLUGINS", "") not in ("", "0"):
        for plugin in registry.plugins:
            if plugin.problem:
                raise ConfigError(
                    f"plugin {plugin.title} is broken: {plugin.problem}", plugin.remedy
                )
    if announce:
        _announce()
    return registry


def find_model(name: str) -> ModelSpec:
    """Look up a model for a command; of its own plugin's fault the error alone speaks.

    Raises:
        ConfigError: as `Registry.model`.
    """
    spec = load_registry(announce=False).model(name)
    load_registry()
    return spec


@functools.cache
def _load() -> Registry:
    registry = build_registry(_entry_points())
    _offer(registry)
    # Only now is it known which objectives and penalties a model's defaults and presets may name.
    for plugin in registry.plugins:
        with _isolation(plugin):
            for spec in plugin.models:
                spec.check()
    _merge(registry)
    _offer(registry)
    return registry


def _offer(registry: Registry) -> None:
    for option, attribute in NAMED_BY.items():
        known = getattr(registry, attribute)
        CHOICES[option] = {
            name: spec.summary for name, spec in known.items() if getattr(spec, "chooses", True)
        }


@functools.cache
def _announce() -> None:
    registry = _load()
    for plugin in registry.plugins:
        if plugin.problem:
            print(
                f"gantool: plugin {plugin.title} is left out: {plugin.problem} {plugin.remedy}",
                file=sys.stderr,
            )
        elif plugin.slow:
            print(
                f"gantool: plugin {plugin.title} took {plugin.seconds:.1f} s to load and slows "
                "every command; its author should import heavy modules where they are used.",
                file=sys.stderr,
            )
    for (kind, name), claimants in registry.conflicts.items():
        titles = " and ".join(plugin.title for plugin in claimants)
        print(f"gantool: {kind} {name!r} is left out: {titles} both register it.", file=sys.stderr)


def _entry_points() -> list[importlib.metadata.EntryPoint]:
    found = {(_distribution(e)[0], e.name): e for e in importlib.metadata.entry_points(group=GROUP)}
    limit = os.environ.get("GANTOOL_PLUGINS")
    wanted = None if limit is None else {name.strip() for name in limit.split(",")}
    return [
        entry
        for (distribution, name), entry in sorted(
            found.items(), key=lambda item: (item[0][0] != "gantool", item[0])
        )
        if wanted is None or distribution == "gantool" or name in wanted or distribution in wanted
    ]


def _distribution(entry: importlib.metadata.EntryPoint) -> tuple[str, str]:
    return (
        (entry.dist.name, entry.dist.version)
        if entry.dist is not None
        else (entry.module, "unknown")
    )


def build_registry(entry_points: Iterable[importlib.metadata.EntryPoint]) -> Registry:
    """Load each entry point and collect what it registers; never raises for a plugin's fault."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    registry = Registry([], manager)
    for entry in entry_points:
        plugin = Plugin(entry.name, *_distribution(entry))
        registry.plugins.append(plugin)
        start = time.thread_time()
        with contextlib.redirect_stdout(sys.stderr), _isolation(plugin):
            _check_requirement(entry)
            plugin.module = entry.load()
            _register(manager, plugin)
        plugin.seconds = time.thread_time() - start
    _merge(registry)
    return registry


@contextlib.contextmanager
def _isolation(plugin: Plugin) -> Iterator[None]:
    try:
        yield
    except _PluginError as error:
        plugin.fail(str(error), error.remedy)
    except InvalidSpecError as error:
        plugin.fail(f"{error}.", f"Its author mends it where {plugin.distribution} registers it.")
    except (Exception, SystemExit) as error:
        cause = (str(error).strip() or "no message").splitlines()[0]
        *_, frame = traceback.extract_tb(error.__traceback__)
        plugin.fail(f"{type(error).__name__}: {cause} ({frame.filename}:{frame.lineno}).")


class _PluginError(GantoolError):
    """A fault that gantool found in a plugin."""

    def __str__(self) -> str:
        return self.message


def _check_requirement(entry: importlib.metadata.EntryPoint) -> None:
    for text in (entry.dist.requires if entry.dist is not None else None) or ():
        requirement = Requirement(text)
        if requirement.name.lower() == "gantool" and not requirement.specifier.contains(
            __version__, prereleases=True
        ):
            raise _PluginError(
                f"it is built for gantool{requirement.specifier}, this is {__version__}.",
                "Update both: `pip install --upgrade gantool`.",
            )


def _register(manager: pluggy.PluginManager, plugin: Plugin) -> None:
    manager.register(plugin.module, name=f"{plugin.distribution}:{plugin.name}")
    for hook, kinds in itertools.groupby(KINDS, key=lambda kind: _hook_of(kind[1])):
        collect = _collector({spec: getattr(plugin, attribute) for _, attribute, spec in kinds})
        _caller(manager, hook, module=plugin.module)(register=collect)
    app = typer.Typer()
    _caller(manager, "register_commands", module=plugin.module)(app=app)
    if app.registered_commands or app.registered_groups:
        # Without a callback, Typer would turn a single command into the app itself.
        app.callback()(lambda: None)
        plugin.commands = dict(typer.main.get_group(app).commands)
    for command in plugin.commands:
        if command in CORE_COMMANDS:
            raise _PluginError(f"it adds the command {command!r}, which is gantool's own.")
    plugin.tracks = any(
        caller.name == "track" for caller in manager.get_hookcallers(plugin.module) or ()
    )


def _caller(manager: pluggy.PluginManager, hook: str, module: Any) -> Any:
    """Call a hook of one plugin alone, so that nothing another one raises is laid at its door."""
    caller = manager.subset_hook_caller(
        hook, [other for other in manager.get_plugins() if other is not module]
    )

    def call(**arguments: Any) -> Any:
        results = caller(**arguments)
        return results[0] if results else None

    return call


def _hook_of(attribute: str) -> str:
    return "register_datasets" if attribute == "readers" else f"register_{attribute}"


def _collector(collected: Mapping[type[Any], list[Any]]) -> Callable[[Any], None]:
    """A function that takes descriptions of some kinds, each into the list of its kind."""

    def register(spec: Any) -> None:
        kind = next((kind for kind in collected if isinstance(spec, kind)), None)
        if kind is None:
            kinds = " or ".join(f"gantool.{kind.__name__}" for kind in collected)
            raise _PluginError(f"it registers {spec!r:.80}, which is not a {kinds}.")
        spec.check()
        others = collected[kind]
        if any(other.name == spec.name for other in others):
            raise _PluginError(f"it registers {spec.name!r} twice.")
        others.append(spec)

    return register


def _merge(registry: Registry) -> None:
    registry.conflicts.clear()
    own = {name for plugin in registry.plugins if plugin.built_in for name in plugin.names}
    for plugin in registry.plugins:
        taken = own.intersection(plugin.names)
        if taken and not plugin.built_in:
            plugin.fail(f"it registers {min(taken)[1]!r}, a name of gantool's own.")
    plugins = registry.plugins
    for kind, attribute, _ in KINDS:
        registered = [(p, {spec.name: spec for spec in getattr(p, attribute)}) for p in plugins]
        setattr(registry, attribute, _undisputed(registry, kind, registered=registered))
    registry.commands = _undisputed(
        registry, "command", registered=[(p, p.commands) for p in plugins]
    )
    registry.trackers = _undisputed(
        registry,
        "tracker",
        registered=[(p, {p.name: p} if p.tracks else {}) for p in plugins],
    )


def _undisputed(
    registry: Registry, kind: str, registered: list[tuple[Plugin, dict[str, _T]]]
) -> dict[str, _T]:
    """The things that are registered under names which one plugin alone claims.

    The other names go to the registry's conflicts.
    """
    claims: dict[str, list[tuple[Plugin, _T]]] = {}
    for plugin, named in registered:
        for name, item in named.items():
            claims.setdefault(name, []).append((plugin, item))
    registry.conflicts |= {
        (kind, name): [p for p, _ in found] for name, found in claims.items() if len(found) > 1
    }
    return {name: found[0][1] for name, found in claims.items() if len(found) == 1}
