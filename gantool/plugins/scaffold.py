"""The work of `gantool new-plugin`: a distribution made from the files in templates/plugin."""

from __future__ import annotations

import re
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from gantool._version import __version__
from gantool.errors import ConfigError, GantoolError
from gantool.plugins.registry import load_registry


def write_plugin(name: str, directory: Path) -> Path:
    """Write the distribution gantool-NAME into a new folder of that name, and return the folder.

    Raises:
        ConfigError: the name cannot be a model's, or is taken, or the folder exists.
        GantoolError: the folder cannot be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name) or name.endswith("-") or "--" in name:
        raise ConfigError(
            f"{name!r} cannot be a model's name.",
            "Use lower-case letters, digits and single hyphens, beginning with a letter: my-gan.",
        )
    if name in load_registry().models:
        raise ConfigError(f"there is a model {name!r} already.", "Choose another name.")
    folder = directory / f"gantool-{name}"
    values = {
        "name": name,
        "package": f"gantool_{name.replace('-', '_')}",
        "class_name": "".join(part.capitalize() for part in name.split("-")),
        "version": __version__,
    }
    try:
        folder.mkdir(parents=True)
        _copy(resources.files("gantool.plugins") / "templates" / "plugin", folder, values=values)
    except FileExistsError:
        raise ConfigError(
            f"{folder} exists already.", "Choose another name or --directory."
        ) from None
    except OSError as error:
        raise GantoolError(
            f"cannot write {folder}: {error.strerror or error}", "Choose another --directory."
        ) from None
    return folder


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
