"""From the words after `--data` to prepared data."""

from __future__ import annotations

import re
from pathlib import Path

from gantool.config import DataOptions, parse_size
from gantool.data.mixture import Mixture
from gantool.data.plane import prepare_points
from gantool.data.prepared import Prepared
from gantool.data.preparing import data_folder, prepare
from gantool.data.readers.folder import ImageFolder
from gantool.data.source import Source
from gantool.display import OnProgress
from gantool.errors import ConfigError, GantoolError, did_you_mean
from gantool.plugins.registry import Registry
from gantool.plugins.spec import DatasetSpec, load_implementation

FOLDER_IMAGE_SIZE = 64


def open_source(spec: DatasetSpec, data_dir: Path | None) -> Source:
    """Make the source that a description names; reads nothing yet."""
    source: Source = load_implementation(spec.source)(data_folder(data_dir))
    return source


def load(
    config: DataOptions, registry: Registry, progress: OnProgress = lambda done, total: None
) -> Prepared:
    """Find and prepare the images or points that a configuration asks for.

    A registered name wins over a folder of the same name; write `./name` for the folder.

    Raises:
        ConfigError: no such data set or folder, or an option that says nothing of such data.
        GantoolError: the data cannot be had or prepared.
    """
    spec = registry.datasets.get(config.data)
    if spec is not None and spec.kind == "points":
        return _load_points(config, spec)
    if config.points is not None:
        raise ConfigError(
            f"--points {config.points}: {config.data} is of images, whose number is given.",
            "Leave it out; it is for points in the plane (`gantool list-datasets`).",
        )
    if spec is not None:
        source = open_source(spec, config.data_dir)
        name, image_size, channels = spec.name, spec.image_size, spec.channels
    else:
        folder = Path(config.data).expanduser()
        if not folder.exists() and Path(config.data).name == config.data:
            registry.explain_missing("data set", config.data)
            nearest = did_you_mean(config.data, registry.datasets)
            raise ConfigError(
                f"no data set or folder {config.data!r}.{nearest}",
                f"Data sets: {', '.join(sorted(registry.datasets))}; or give a folder of images.",
            )
        source = ImageFolder(folder)
        name = re.sub(r"[\x00-\x1f\x7f]+", " ", folder.resolve().name).strip() or "folder"
        image_size, channels = FOLDER_IMAGE_SIZE, None
    return prepare(
        source,
        name,
        size=parse_size(config.image_size or image_size),
        fit=config.fit,
        channels=config.channels or channels,
        unique_test=config.unique_test,
        cache=data_folder(config.data_dir),
        progress=progress,
    )


def _load_points(config: DataOptions, spec: DatasetSpec) -> Prepared:
    for option, value in (("--image-size", config.image_size), ("--channels", config.channels)):
        if value is not None:
            raise ConfigError(
                f"{option} {value}: {spec.name} is of points in the plane, which have none.",
                "Leave it out; --points says how many there are.",
            )
    for option, given in (
        (f"--fit {config.fit}", config.fit != "crop"),
        ("--flip", config.flip),
        ("--unique-test", config.unique_test),
    ):
        if given:
            raise ConfigError(
                f"{option} is for images; {spec.name} is of points in the plane.", "Leave it out."
            )
    truth = load_implementation(spec.source)()
    if not isinstance(truth, Mixture):
        raise GantoolError(
            f"{spec.source} gives {truth!r:.80}, which is no gantool.Mixture.", "Mend the plugin."
        )
    return prepare_points(truth, spec.name, points=config.points)
