"""Any folder of images; sub-folders are classes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gantool.data.pixels import SUFFIXES
from gantool.data.readers.pictures import Pictures
from gantool.errors import ConfigError


class ImageFolder(Pictures):
    """The images below a folder.

    Where every image lies in a sub-folder, the first sub-folder's name is its label. Hidden files
    and folders, and files whose names do not end like an image's, are passed over. Links to folders
    are followed, each real folder once.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder
        self._names: list[str] = []
        if not folder.is_dir():
            problem = "a file, not a folder" if folder.exists() else "missing"
            raise ConfigError(
                f"data folder {folder} is {problem}.",
                "Give --data a folder of images, or a name that `gantool list-datasets` shows.",
            )

    def present(self) -> bool:
        """The folder exists."""
        return True

    def key(self) -> str:
        """A hash of every image's relative name, size and time of change.

        Raises:
            ConfigError: the folder cannot be read or holds no images.
        """
        try:
            found = sorted(_images_below(self.folder))
        except OSError as error:
            raise ConfigError(
                f"data folder {self.folder} cannot be read: {error.strerror or error}",
                "Check its permissions.",
            ) from None
        if not found:
            raise ConfigError(
                f"data folder {self.folder} holds no images.",
                f"gantool reads {', '.join(sorted(SUFFIXES))}, also in sub-folders.",
            )
        self._names = [name for name, _, _ in found]
        digest = hashlib.sha256()
        for name, size, changed in found:
            digest.update(os.fsencode(f"{name}\0{size}\0{changed}\n"))
        return digest.hexdigest()

    def open(self) -> None:
        """List and label the images."""
        if not self._names:
            self.key()
        self.count = len(self._names)
        tops = [name.split("/", 1)[0] if "/" in name else "" for name in self._names]
        classes = sorted(set(tops))
        if "" in classes and len(classes) > 1:
            self.warnings.append(
                f"{self.folder} holds images beside sub-folders of images, so none is labelled; "
                "move the loose ones into a sub-folder to have classes."
            )
        elif len(classes) > 1:
            self.classes = tuple(classes)
            numbers = {name: i for i, name in enumerate(classes)}
            self.labels = np.array([numbers[top] for top in tops], dtype=np.int64)

    def content(self, number: int) -> Path:
        """The file of one image."""
        return self.folder / self._names[number]

    def name_of(self, number: int) -> str:
        """The name relative to the folder."""
        return self._names[number]


def _images_below(folder: Path) -> Iterator[tuple[str, int, int]]:
    """The name, size in bytes and time of change in ns of each image."""
    seen: set[str] = set()
    below = [("", os.fspath(folder))]
    while below:
        prefix, path = below.pop()
        real = os.path.realpath(path)
        if real in seen:
            continue
        seen.add(real)
        folders = []
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    folders.append((f"{prefix}{entry.name}/", entry.path))
                elif _is_image(entry.name) and entry.is_file():
                    status = entry.stat()
                    yield f"{prefix}{entry.name}", status.st_size, status.st_mtime_ns
        below += sorted(folders, reverse=True)


def _is_image(name: str) -> bool:
    stem, dot, suffix = name.rpartition(".")
    return bool(stem) and f"{dot}{suffix}".lower() in SUFFIXES
