"""Any folder of images; a file of labels, or sub-folders, are classes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from gantool.data.pixels import SUFFIXES
from gantool.data.readers.labels import LABEL_FILES
from gantool.data.readers.named import NamedPictures, is_label_file, is_picture
from gantool.data.readers.pictures import readable
from gantool.errors import ConfigError


class ImageFolder(NamedPictures):
    """The images below a folder.

    Files of labels (`LABEL_FILES`) label them. Without one, where every image lies in a sub-folder,
    the first sub-folder's name is its label. Hidden files and folders, and files whose names do not
    end like an image's, are passed over. Links to folders are followed, each real folder once.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__([], root=folder)
        self.folder = folder
        self._names: list[str] = []
        self._label_files: list[str] = []
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
        """A hash of every file's relative name, size and time of change.

        Raises:
            ConfigError: the folder cannot be read or holds no images.
        """
        try:
            found = sorted(files_below(self.folder, (*SUFFIXES, *LABEL_FILES)))
        except OSError as error:
            raise ConfigError(
                f"data folder {self.folder} cannot be read: {error.strerror or error}",
                "Check its permissions.",
            ) from None
        self._names = [name for name, _, _ in found if is_picture(name)]
        self._label_files = [name for name, _, _ in found if is_label_file(name)]
        if not self._names:
            raise ConfigError(
                f"data folder {self.folder} holds no images.",
                f"gantool reads {', '.join(sorted(SUFFIXES))}, also in sub-folders.",
            )
        digest = hashlib.sha256(f"{self.label_column}\n".encode())
        for name, size, changed in found:
            digest.update(os.fsencode(f"{name}\0{size}\0{changed}\n"))
        return digest.hexdigest()

    def open(self) -> None:
        """List and label the images."""
        if not self._names:
            self.key()
        self.count = len(self._names)
        self.label(self._names, label_files=self._label_files)

    def read_label_file(self, name: str) -> bytes:
        """The content of a file of labels."""
        with readable(self.folder / name):
            return (self.folder / name).read_bytes()

    def content(self, number: int) -> Path:
        """The file of one image."""
        return self.folder / self._names[number]

    def name_of(self, number: int) -> str:
        """The name relative to the folder."""
        return self._names[number]


def files_below(folder: Path, endings: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """The name, size in bytes and time of change in ns of each file whose name ends so.

    Hidden files and folders are passed over.
    """
    wanted = tuple(endings)
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
                elif entry.name.lower().endswith(wanted) and entry.is_file():
                    status = entry.stat()
                    yield f"{prefix}{entry.name}", status.st_size, status.st_mtime_ns
        below += sorted(folders, reverse=True)
