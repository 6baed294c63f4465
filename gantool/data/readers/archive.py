"""Archives of pictures, zip and tar, read in place: nothing is extracted."""

from __future__ import annotations

import abc
import json
import posixpath
import tarfile
import zipfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

from gantool.data.readers.labels import (
    complete,
    spell_label,
    without_root,
)
from gantool.data.readers.named import NamedPictures, is_label_file, is_picture
from gantool.data.readers.pictures import Recent, readable
from gantool.data.source import UnreadableImageError
from gantool.errors import ConfigError
from gantool.runs.zips import check_sizes, is_encrypted, is_plain, leads_out

LARGEST = 1 << 28  # bytes of a picture, or of a file of labels
_OPEN = 32  # zip files that are open at a time
_COMPRESSED = {b"\x1f\x8b": "gunzip", b"BZ": "bunzip2", b"\xfd7": "unxz"}
_ANEW = "Nothing was read; make the archive anew from plain files."


class Member(NamedTuple):
    """A file in an archive.

    Attributes:
        archive: number of the archive.
        name: in it.
        place: its number in a zip file, its offset in bytes in a tar file.
        size: in bytes.
    """

    archive: int
    name: str
    place: int
    size: int


class Archive(NamedPictures):
    """Pictures in an archive, or in several that are shards of one set.

    Files of labels in it label them; else the first sub-folder is the class, below the folder that
    holds everything, if there is one.
    """

    sidecars: ClassVar[Collection[str]] = ()

    @abc.abstractmethod
    def members(self, archive: int) -> Iterator[Member]:
        """The files in an archive, with their names as they stand there.

        Raises:
            ConfigError: there is something else than files and folders in it.
        """

    @abc.abstractmethod
    def read(self, member: Member) -> bytes:
        """The content of a file.

        Raises:
            UnreadableImageError: it is damaged.
        """

    def open(self) -> None:
        """List and label the pictures.

        Raises:
            ConfigError: an archive is damaged or not to be trusted, or holds no pictures.
        """
        self._pictures: list[Member] = []
        self._label_files: dict[str, Member] = {}
        beside: dict[tuple[int, str], dict[str, Member]] = {}
        for archive, file in enumerate(self.files):
            with readable(file):
                for member in self._trusted(archive):
                    if is_picture(member.name):
                        self._pictures.append(member)
                    elif is_label_file(member.name):
                        self._label_files[self._full_name(member)] = member
                    else:
                        key, suffix = _key_of(member)
                        if suffix in self.sidecars:
                            beside.setdefault(key, {})[suffix] = member
        if not self._pictures:
            raise ConfigError(
                f"{self.subject} holds no pictures.",
                "Pictures are files as x.png or x.jpg in it; hidden ones are passed over.",
            )
        self.count = len(self._pictures)
        if beside and not self._label_files and self._label_by(beside):
            return
        self.label(
            [self._full_name(member) for member in self._pictures],
            label_files=list(self._label_files),
            folders=without_root([member.name for member in self._pictures]),
        )

    def read_label_file(self, name: str) -> bytes:
        """The content of a file of labels."""
        return self._small_file(self._label_files[name])

    def content(self, number: int) -> bytes:
        """One encoded picture."""
        member = self._pictures[number]
        if member.size > LARGEST:
            raise UnreadableImageError(f"{member.size / 1e6:,.0f} MB are too many for a picture")
        return self.read(member)

    def name_of(self, number: int) -> str:
        """The archive, and the name in it."""
        member = self._pictures[number]
        return f"{self.titles[member.archive]}: {member.name}"

    def _full_name(self, member: Member) -> str:
        return f"{self.titles[member.archive]}/{member.name}"

    def _small_file(self, member: Member) -> bytes:
        with readable(self.data_dir / self._full_name(member)):
            if member.size > LARGEST:
                raise ValueError(f"{member.size / 1e6:,.0f} MB are too many for labels")
            return self.read(member)

    def _trusted(self, archive: int) -> Iterator[Member]:
        """The visible members, with plain names.

        Raises:
            ConfigError: a name leads out of the archive, or stands in it twice.
        """
        seen: set[str] = set()
        for member in self.members(archive):
            if leads_out(member.name):
                raise ConfigError(
                    f"{self.files[archive]}: its member {member.name!r} leads out of the archive.",
                    _ANEW,
                )
            path = posixpath.normpath(member.name.replace("\\", "/"))
            if path in seen:
                raise ConfigError(f"{self.files[archive]} holds {path!r} twice.", _ANEW)
            seen.add(path)
            if not any(part.startswith(".") for part in path.split("/")):
                yield member._replace(name=path)

    def _label_by(self, beside: dict[tuple[int, str], dict[str, Member]]) -> bool:
        """Label each picture by the file of its name beside it; whether there are labels."""
        own = [beside.get(_key_of(member)[0], {}) for member in self._pictures]
        example = next((files[".json"] for files in own if ".json" in files), None)
        columns = ["cls"] if any(".cls" in files for files in own) else []
        columns += [] if example is None else list(self._json(example))
        column = self.find_column(columns, title=self.subject, usual=["cls"])
        if column is None:
            return False
        suffix = ".cls" if column == "cls" and "cls" in columns[:1] else ".json"
        labels = []
        for i, files in enumerate(own):
            value: object = None
            if suffix in files:
                file = files[suffix]
                value = self._small_file(file) if suffix == ".cls" else self._json(file).get(column)
            labels.append(spell_label(value, subject=self.name_of(i)))
        self.classify(complete(labels, self.name_of, subject=self.subject))
        return True

    def _json(self, member: Member) -> dict[str, object]:
        content = self._small_file(member)
        with readable(self.data_dir / self._full_name(member)):
            loaded = json.loads(content)
            return loaded if isinstance(loaded, dict) else {}


def _key_of(member: Member) -> tuple[tuple[int, str], str]:
    """That by which WebDataset knows which files belong together, and the rest of the name."""
    folder, slash, name = member.name.rpartition("/")
    stem, dot, rest = name.partition(".")
    return (member.archive, f"{folder}{slash}{stem}"), f"{dot}{rest}".lower()


class ZipArchive(Archive):
    """Pictures in zip files."""

    def __init__(self, files: Sequence[Path]) -> None:
        super().__init__(files)
        self._zips = Recent(self._open_zip, most=_OPEN)

    def members(self, archive: int) -> Iterator[Member]:
        """The files in a zip file."""
        file = self.files[archive]
        infos = self._zips(archive).infolist()
        check_sizes(file, infos)
        for number, info in enumerate(infos):
            if info.is_dir():
                continue
            if is_encrypted(info):
                raise ConfigError(
                    f"{file} is encrypted.", "Unpack it, and make an archive without a password."
                )
            if not is_plain(info):
                raise ConfigError(f"{file}: {info.filename!r} is a link, not a file.", _ANEW)
            yield Member(archive, info.filename, place=number, size=info.file_size)

    def read(self, member: Member) -> bytes:
        """The content of a file, whose checksum is verified."""
        try:
            with self._zips.lock:
                opened = self._zips(member.archive)
                return opened.read(opened.infolist()[member.place])
        except Exception as error:  # zipfile and its decoders raise many kinds
            raise UnreadableImageError(str(error) or type(error).__name__) from None

    def close(self) -> None:
        """Close the files."""
        self._zips.clear()

    def _open_zip(self, archive: int) -> zipfile.ZipFile:
        return zipfile.ZipFile(self.files[archive])


class TarArchive(Archive):
    """Pictures in tar files, with WebDataset's `.cls` and `.json` beside them."""

    sidecars: ClassVar[Collection[str]] = (".cls", ".json")

    def members(self, archive: int) -> Iterator[Member]:
        """The files in a tar file."""
        file = self.files[archive]
        with file.open("rb") as opened:
            tool = _COMPRESSED.get(opened.read(2))
        if tool is not None:
            raise ConfigError(
                f"{file} is compressed as a whole, so that no picture can be reached in it "
                "without reading all before it.",
                f"Decompress it once, `{tool} --keep {file.name}`, and give the .tar file.",
            )
        with tarfile.open(file, "r:") as tar:
            for info in tar:
                if info.isdir():
                    continue
                if not info.isreg() or info.issparse():
                    kind = "a link" if info.issym() or info.islnk() else "no plain file"
                    raise ConfigError(
                        f"{file}: {info.name!r} is {kind}.",
                        "Nothing was read; make the archive anew with "
                        "`tar --dereference --hard-dereference`.",
                    )
                yield Member(archive, info.name, place=info.offset_data, size=info.size)
            end = tar.offset
        # The library takes a damaged header, or the end of the file, for the end of the archive.
        with file.open("rb") as opened:
            opened.seek(end)
            if opened.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                raise ConfigError(
                    f"{file} is damaged, or cut short, at byte {end:,}.", "Get it anew."
                )

    def read(self, member: Member) -> bytes:
        """The content of a file."""
        try:
            with self.files[member.archive].open("rb") as opened:
                opened.seek(member.place)
                content = opened.read(member.size)
        except OSError as error:
            raise UnreadableImageError(error.strerror or str(error)) from None
        if len(content) < member.size:
            raise UnreadableImageError("the archive ends within it")
        return content
