"""The common part of all readers of images of one's own."""

from __future__ import annotations

import abc
import contextlib
import hashlib
import importlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from PIL import Image

from gantool.data.pixels import open_image
from gantool.data.readers.labels import LABEL_COLUMNS, numbered
from gantool.data.source import Source
from gantool.errors import ConfigError, GantoolError, did_you_mean

_Item = TypeVar("_Item")
_LOOKS, _LOOK = 8, 1 << 14  # blocks of a file that tell it from others, and bytes of each


class OwnImages(Source):
    """Images of one's own, split by their content.

    Args:
        files: that hold them; several where the user named a folder of such files.
        root: the folder that they are in; the one that they share if None.

    Attributes:
        files: those.
        titles: the name of each in messages.
    """

    def __init__(self, files: Sequence[Path], *, root: Path | None = None) -> None:
        root = root or Path(os.path.commonpath([file.parent for file in files]))
        super().__init__(root)
        self.files = tuple(files)
        self.titles = [file.relative_to(root).as_posix() for file in files]

    @property
    def subject(self) -> str:
        """The file, or the folder of files, as messages name it."""
        return str(self.files[0] if len(self.files) == 1 else self.data_dir)

    def present(self) -> bool:
        """The files exist."""
        return all(file.exists() for file in self.files)

    def key(self) -> str:
        """A hash of each file's size and time of change, and of its name if there are several.

        Of one file some of its content counts: arrays of one shape are of one size, and copies may
        keep the time.

        Raises:
            ConfigError: a file is gone.
        """
        digest = hashlib.sha256(f"{type(self).__name__} {self.label_column}\n".encode())
        for file, title in zip(self.files, self.titles, strict=True):
            with readable(file):
                status = file.stat()
            name = title if len(self.files) > 1 else ""
            digest.update(os.fsencode(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n"))
        if len(self.files) == 1 and self.files[0].is_file():
            with readable(self.files[0]), self.files[0].open("rb") as content:
                for place in np.linspace(0, max(0, status.st_size - _LOOK), _LOOKS):
                    content.seek(int(place))
                    digest.update(content.read(_LOOK))
        return digest.hexdigest()

    def find_column(
        self, columns: Sequence[str], *, title: str, usual: Sequence[str] = ()
    ) -> str | None:
        """The column that has the labels, or None, of which the user is told if there are others.

        Args:
            columns: that there are, but for those of images.
            title: of the file that has them, in messages.
            usual: names of such columns there, beside `LABEL_COLUMNS`.

        Raises:
            ConfigError: there is no column of the name that the user asked for.
        """
        wanted = (*LABEL_COLUMNS, *usual)
        if self.label_column is None:
            found = next((name for name in wanted if name in columns), None)
            if found is None and columns:
                self.warnings.append(
                    f"{title} gives no labels, since no column is called {', '.join(wanted)}; "
                    f"--label-column takes another: {', '.join(columns)}."
                )
            return found
        if self.label_column not in columns:
            raise ConfigError(
                f"--label-column {self.label_column}: {title} has no such column of labels."
                f"{did_you_mean(self.label_column, columns)}",
                f"It has {', '.join(columns)}."
                if columns
                else "It has none; leave the option out.",
            )
        return self.label_column

    def classify(self, labels: Sequence[str]) -> None:
        """Take a label for each image; where all are equal, the images have none."""
        classes, numbers = numbered(labels)
        if len(classes) < 2:
            return
        self.classes, self.labels = classes, numbers
        alone = int((np.bincount(numbers) == 1).sum())
        if 2 * alone > len(classes):
            self.warnings.append(
                f"{alone} of the {len(classes)} classes have a single image, from which a model "
                "learns nothing about its class; --label-column takes other labels."
            )


class Pictures(OwnImages):
    """Encoded pictures of one's own: JPEG, PNG, WebP, BMP, GIF, TIFF."""

    apart: ClassVar[bool] = True

    @abc.abstractmethod
    def content(self, number: int) -> Path | bytes:
        """One encoded picture: a file, or its bytes.

        Raises:
            UnreadableImageError: it cannot be read.
        """

    def image(self, number: int) -> Image.Image:
        """One picture, of which only the head is read."""
        return open_image(self.content(number))


class Recent(Generic[_Item]):
    """The few items that were opened or read last in this process; a pickled copy has none.

    Several threads may call it at once; one that holds `lock` is alone.

    Args:
        make: opens or reads the item of a number.
        most: items that are kept.
    """

    def __init__(self, make: Callable[[int], _Item], *, most: int) -> None:
        self._make, self._most = make, most
        self.clear()

    def clear(self) -> None:
        """Let go of all."""
        self.lock = threading.RLock()
        self._items: dict[int, _Item] = {}

    def __call__(self, number: int) -> _Item:
        """The item of a number."""
        with self.lock:
            if number not in self._items:
                while len(self._items) >= self._most:
                    del self._items[next(iter(self._items))]
                self._items[number] = self._make(number)
            return self._items[number]

    def __getstate__(self) -> tuple[Callable[[int], _Item], int]:
        return self._make, self._most

    def __setstate__(self, state: tuple[Callable[[int], _Item], int]) -> None:
        self._make, self._most = state
        self.clear()


@contextlib.contextmanager
def readable(file: Path) -> Iterator[None]:
    """Turn whatever a library raises for a damaged file into one message."""
    try:
        yield
    except GantoolError:
        raise
    except Exception as error:  # a damaged file makes libraries raise anything
        cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ConfigError(
            f"{file} cannot be read: {' '.join(cause.split())}",
            "It may be damaged, cut short, or of another kind than its name says; get it anew.",
        ) from None


def library(module: str, *, file: Path) -> Any:
    """Import an optional library.

    Raises:
        GantoolError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise GantoolError(
            f"{file} is read by the library {package}, which is not installed.",
            "Install it: `pip install 'gantool[data]'`.",
        ) from None
