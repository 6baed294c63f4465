"""The common part of folders and archives, in which pictures have names."""

from __future__ import annotations

import abc
from collections.abc import Sequence

from gantool.data.pixels import SUFFIXES
from gantool.data.readers.labels import (
    LABEL_FILES,
    by_folders,
    by_tables,
    read_table,
)
from gantool.data.readers.pictures import Pictures
from gantool.errors import ConfigError

_ENDINGS = tuple(SUFFIXES)


def is_picture(name: str) -> bool:
    """Whether a file's name ends like a picture's."""
    return name.lower().endswith(_ENDINGS)


def is_label_file(name: str) -> bool:
    """Whether a file is one of labels by its name."""
    return name.rpartition("/")[2] in LABEL_FILES


class NamedPictures(Pictures):
    """Pictures with names, labelled by files of labels beside them, or by their folders."""

    @abc.abstractmethod
    def read_label_file(self, name: str) -> bytes:
        """The content of a file of labels.

        Raises:
            ConfigError: it cannot be read.
        """

    def label(
        self,
        names: Sequence[str],
        *,
        label_files: Sequence[str],
        folders: Sequence[str] | None = None,
    ) -> None:
        """Set labels and classes, if there are any.

        Args:
            names: of all pictures.
            label_files: names of the files of labels.
            folders: names whose first folder is a class, where no file has labels; else `names`.

        Raises:
            ConfigError: a file of labels is damaged or does not fit the pictures.
        """
        if self.label_column is not None and not label_files:
            raise ConfigError(
                f"--label-column {self.label_column}: {self.subject} holds no file of labels.",
                f"Files of labels are {', '.join(LABEL_FILES)}.",
            )
        tables = [
            read_table(name, self.read_label_file(name), title=str(self.data_dir / name))
            for name in label_files
        ]
        columns = list(dict.fromkeys(column for table in tables for column in table.columns))
        titles = " and ".join(table.title for table in tables)
        column = self.find_column(columns, title=titles) if tables else None
        if column is not None:
            labels = by_tables(names, tables, column=column)
            if labels is not None:
                self.classify(labels)
            return
        tops = by_folders(names if folders is None else folders)
        if "" not in tops:
            self.classify(tops)
        elif any(tops):
            self.warnings.append(
                f"{self.subject} holds images beside sub-folders of images, so none is labelled; "
                "move the loose ones into a sub-folder to have classes."
            )
