"""From the words after `--data` to prepared data."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path

from gantool.config import DataOptions, parse_size
from gantool.data.pixels import SUFFIXES
from gantool.data.points.mixture import Mixture
from gantool.data.points.plane import prepare_points
from gantool.data.prepared import Prepared
from gantool.data.preparing import data_folder, prepare
from gantool.data.readers.folder import ImageFolder, files_below
from gantool.data.source import Source
from gantool.display import OnProgress
from gantool.errors import ConfigError, GantoolError, did_you_mean
from gantool.plugins.registry import Registry
from gantool.plugins.spec import DatasetSpec, ReaderSpec, load_implementation

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
        if config.label_column is not None:
            raise ConfigError(
                f"--label-column {config.label_column}: {spec.name} has labels of its own.",
                "Leave it out; it is for images of your own.",
            )
        source = open_source(spec, config.data_dir)
        name, image_size, channels = spec.name, spec.image_size, spec.channels
    else:
        folder = Path(config.data).expanduser()
        if not folder.exists() and Path(config.data).name == config.data:
            registry.explain_missing("data set", config.data)
            nearest = did_you_mean(config.data, registry.datasets)
            raise ConfigError(
                f"no data set, folder or file {config.data!r}.{nearest}",
                f"Data sets: {', '.join(sorted(registry.datasets))}; "
                "or give a folder or file of images.",
            )
        source, name = open_path(folder, registry)
        source.label_column = config.label_column
        image_size, channels = FOLDER_IMAGE_SIZE, None
    data = prepare(
        source,
        name,
        size=parse_size(config.image_size or image_size),
        fit=config.fit,
        channels=config.channels or channels,
        unique_test=config.unique_test,
        split_seed=config.split_seed,
        cache=data_folder(config.data_dir),
        progress=progress,
    )
    return data if config.train_images is None else data.with_fewer(config.train_images)


def refuse_on_points(name: str, given: Mapping[str, bool]) -> None:
    """Refuse options that say nothing of points in the plane.

    Args:
        name: the data's.
        given: by option, whether it is given.

    Raises:
        ConfigError: one is.
    """
    for option in (option for option, is_given in given.items() if is_given):
        raise ConfigError(
            f"{option} is for images; {name} is of points in the plane.", "Leave it out."
        )


def open_path(path: Path, registry: Registry) -> tuple[Source, str]:
    """Make the reader of images of one's own, by the suffix of a file or by what a folder holds.

    A folder without pictures may hold files that are parts of one set.

    Returns:
        the reader, of which nothing is read yet, and a name for the images.

    Raises:
        ConfigError: there is nothing, or nothing that anyone reads.
    """
    name = path.resolve().name
    if path.is_file():
        suffix, spec = _reader_of(path, registry)
        name = name[: -len(suffix)]
        source: Source = load_implementation(spec.source)([path])
    else:
        source = ImageFolder(path)
        found = _set_of_parts(path, registry)
        if found is not None:
            spec, parts = found
            if not spec.folders:
                raise ConfigError(
                    f"data folder {path} holds no pictures, but {parts[0].name}.",
                    f"Give that file: --data {parts[0]}",
                )
            source = load_implementation(spec.source)(parts)
    return source, re.sub(r"[\x00-\x1f\x7f]+", " ", name).strip() or "folder"


def _reader_of(file: Path, registry: Registry) -> tuple[str, ReaderSpec]:
    """The longest suffix that a file's name ends with, and the reader of such files."""
    readers = registry.readers.values()
    known = [(suffix, spec) for spec in readers for suffix in spec.suffixes]
    found = [(suffix, spec) for suffix, spec in known if file.name.lower().endswith(suffix)]
    if not found:
        raise ConfigError(
            f"{file} is a file of a kind that is not read.",
            "Give --data a folder of images, or a file whose name ends with "
            f"{', '.join(suffix for suffix, _ in known)}.",
        )
    return max(found, key=lambda pair: len(pair[0]))


def _set_of_parts(folder: Path, registry: Registry) -> tuple[ReaderSpec, list[Path]] | None:
    """In a folder without pictures, the first reader that knows files there, and these files."""
    with contextlib.suppress(OSError):  # the folder's own reader says what is wrong with it
        if any(files_below(folder, tuple(SUFFIXES))):
            return None
        for spec in registry.readers.values():
            parts = [folder / name for name, _, _ in files_below(folder, spec.suffixes)]
            if parts:
                return spec, sorted(parts)
    return None


def _load_points(config: DataOptions, spec: DatasetSpec) -> Prepared:
    for option, value in (("--image-size", config.image_size), ("--channels", config.channels)):
        if value is not None:
            raise ConfigError(
                f"{option} {value}: {spec.name} is of points in the plane, which have none.",
                "Leave it out; --points says how many there are.",
            )
    refuse_on_points(
        spec.name,
        {
            f"--fit {config.fit}": config.fit != "crop",
            "--flip": config.flip,
            f"--label-column {config.label_column}": config.label_column is not None,
            "--unique-test": config.unique_test,
            f"--train-images {config.train_images}": config.train_images is not None,
        },
    )
    truth = load_implementation(spec.source)()
    if not isinstance(truth, Mixture):
        raise GantoolError(
            f"{spec.source} gives {truth!r:.80}, which is no gantool.Mixture.", "Mend the plugin."
        )
    return prepare_points(truth, spec.name, points=config.points, split_seed=config.split_seed)
