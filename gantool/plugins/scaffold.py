"""The work of `gantool new-plugin`: a distribution made from the files in templates/."""

from __future__ import annotations

import io
import keyword
import re
import shutil
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from packaging.utils import canonicalize_name
from packaging.version import Version

from gantool._version import __version__
from gantool.errors import ConfigError, GantoolError, did_you_mean
from gantool.plugins.registry import load_registry

_COMMON = "common"  # the folder of what every kind has


@dataclass(frozen=True, slots=True)
class PluginKind:
    """A kind of plugin that can be written; its files are in the folder templates/KIND.

    Attributes:
        summary: what it is, after the name and a colon.
        piece: the word for what it registers.
        registry: the attribute of the registry in which its name must be free.
        file: the module of its package that is to be edited.
        requires: distributions that it imports, besides gantool.
        commands: those that show it at work, with $name for its name.
    """

    summary: str
    piece: str
    registry: str
    file: str
    requires: tuple[str, ...]
    commands: tuple[str, ...]


def _model(summary: str) -> PluginKind:
    return PluginKind(
        summary=summary,
        piece="model",
        registry="models",
        file="model.py",
        requires=("torch>=2.6",),
        commands=("gantool check $name", "gantool run $name --epochs 5"),
    )


PLUGIN_KINDS = {
    "gan": _model("a GAN with networks of its own"),
    "conditional": _model("a GAN whose networks both take labels"),
    "outsider": _model("a model without a discriminator, to compare GANs with"),
    "metric": PluginKind(
        summary="a score of samples",
        piece="metric",
        registry="metrics",
        file="metric.py",
        requires=("numpy>=1.26", "scipy>=1.13"),
        commands=(
            "gantool run dcgan --name first",
            "gantool evaluate experiments/first --metric $name",
        ),
    ),
    "dataset": PluginKind(
        summary="a data set",
        piece="data set",
        registry="datasets",
        file="source.py",
        requires=("numpy>=1.26", "pillow>=10"),
        commands=("gantool list-datasets", "gantool run dcgan --data $name"),
    ),
    "tracker": PluginKind(
        summary="a tracker that follows runs",
        piece="tracker",
        registry="trackers",
        file="tracker.py",
        requires=("numpy>=1.26",),
        commands=("gantool run dcgan --track $name",),
    ),
}


@dataclass(frozen=True, slots=True)
class WrittenPlugin:
    """A plugin that was written.

    Attributes:
        folder: the distribution.
        commands: those that show it at work once it is installed.
        edit: the file to make one's own.
    """

    folder: Path
    commands: tuple[str, ...]
    edit: Path


def write_plugin(name: str, directory: Path, *, kind: str = "gan") -> WrittenPlugin:
    """Write the distribution gantool-NAME into a new folder of that name.

    Args:
        name: of the model, score, data set or tracker.
        directory: where to make the folder.
        kind: a key of `PLUGIN_KINDS`.

    Raises:
        ConfigError: there is no such kind, the name cannot be one or is taken, or the folder
            exists.
        GantoolError: the folder cannot be written.
    """
    if kind not in PLUGIN_KINDS:
        raise ConfigError(
            f"no kind of plugin {kind!r}.{did_you_mean(kind, PLUGIN_KINDS)}",
            f"Kinds: {', '.join(PLUGIN_KINDS)}.",
        )
    chosen = PLUGIN_KINDS[kind]
    templates = resources.files("gantool.plugins") / "templates"
    _check_name(name, chosen)
    if _class_name(name) in _names_in(templates / kind):
        raise ConfigError(
            f"{name!r} would be a class {_class_name(name)}, a name which the code of the plugin "
            "has a use for already.",
            "Choose another name.",
        )
    package = f"gantool_{name.replace('-', '_')}"
    commands = tuple(Template(line).substitute(name=name) for line in chosen.commands)
    values = {
        "name": name,
        "package": package,
        "class_name": _class_name(name),
        "summary": chosen.summary,
        "file": chosen.file,
        "commands": "\n".join(commands),
        "dependencies": ", ".join(f'"{each}"' for each in (_this_gantool(), *chosen.requires)),
    }
    folder = directory / f"gantool-{name}"
    try:
        folder.mkdir(parents=True)
        for part in (_COMMON, kind):
            _copy(templates / part, folder, values=values)
    except FileExistsError:
        raise ConfigError(
            f"{folder} exists already.", "Choose another name or --directory."
        ) from None
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise GantoolError(
            f"cannot write {folder}: {error.strerror or error}", "Choose another --directory."
        ) from None
    return WrittenPlugin(folder, commands, edit=folder / package / chosen.file)


def _check_name(name: str, kind: PluginKind) -> None:
    """Raise a `ConfigError` where a name cannot be had for a plugin of a kind."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name) or name.endswith("-") or "--" in name:
        raise ConfigError(
            f"{name!r} cannot be the name of a {kind.piece}.",
            "Use lower-case letters, digits and single hyphens, beginning with a letter: my-gan.",
        )
    if keyword.iskeyword(_class_name(name)):
        raise ConfigError(f"{name!r} cannot be the name of a class.", "Choose another name.")
    registry = load_registry()
    if name in getattr(registry, kind.registry):
        raise ConfigError(f"there is a {kind.piece} {name!r} already.", "Choose another name.")
    installed = {canonicalize_name(plugin.distribution) for plugin in registry.plugins}
    if f"gantool-{name}" in installed:
        raise ConfigError(
            f"gantool-{name} is installed already, and this plugin would replace it.",
            "Choose another name.",
        )


def _names_in(template: Traversable) -> Iterator[str]:
    """The names that the code of a template uses; not the words of its docstrings."""
    for item in template.iterdir():
        if item.is_dir():
            yield from _names_in(item)
        elif item.name.endswith(".py.template"):
            code = item.read_text(encoding="utf-8").replace("$", "_")
            for token in tokenize.generate_tokens(io.StringIO(code).readline):
                if token.type == tokenize.NAME:
                    yield token.string


def _this_gantool() -> str:
    """The requirement of a plugin for this minor version, whose names the next one may change."""
    major, minor = Version(__version__).release[:2]
    return f"gantool>={__version__},<{major}.{minor + 1}"


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _copy(source: Traversable, target: Path, values: dict[str, str]) -> None:
    for item in source.iterdir():
        name = values["package"] if item.name == "package" else item.name.removesuffix(".template")
        if item.is_dir():
            (target / name).mkdir()
            _copy(item, target / name, values=values)
        elif item.name.endswith(".template"):
            (target / name).write_text(
                Template(item.read_text(encoding="utf-8")).substitute(values), encoding="utf-8"
            )
