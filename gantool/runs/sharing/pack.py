"""Packing runs into one zip file that can be given away."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from gantool._version import __version__
from gantool.errors import ConfigError, GantoolError
from gantool.runs.files import appearing, as_document, as_line, read_json_lines, read_text
from gantool.runs.folder import RunFolder
from gantool.runs.sharing.manifest import (
    FORMAT,
    MANIFEST,
    STUDY,
    TEXTS,
    Manifest,
    PackedFile,
    fault_of,
    folded,
)
from gantool.runs.sharing.neutral import Neutral

_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first date that a zip file can have
_BLOCK = 1 << 20  # bytes
# Files of a run that tell of this machine, or are made from the others.
_ANEW = {
    "report.html": "`gantool report` writes it anew",
    "trace.json": "a profile, full of this machine's paths",
}
_OF_STUDY = {
    "comparison": "`gantool compare` writes it anew",
    "logs": "what runs said on this machine",
}
_STRANGE = "not a run's"


@dataclass(slots=True)
class Packed:
    """A pack that was made.

    Attributes:
        runs: names in the pack, in order.
        files: number of them.
        neutral: the values that were replaced.
        left_out: files and folders that are not in it, with the reason.
    """

    runs: list[str] = field(default_factory=list)
    files: int = 0
    neutral: Neutral = field(default_factory=Neutral)
    left_out: dict[str, str] = field(default_factory=dict)


def pack(
    places: Mapping[Path, Sequence[Path]], output: Path, *, states: bool, force: bool = False
) -> Packed:
    """Write runs into a zip file, which appears whole or not at all; equal runs give equal bytes.

    Args:
        places: for each path that the user gave, its runs: itself, or those in it.
        output: the file.
        states: whether resumable states go with their runs.
        force: whether a file that is there is replaced.

    Raises:
        ConfigError: there is no run, two have one name, or the file exists.
        GantoolError: a run is being trained, or cannot be read; the file cannot be written.
    """
    if output.exists() and (not force or output.is_dir()):
        raise ConfigError(
            f"{output} exists already.", "Give another --output, or add --force to replace it."
        )
    runs = _named(places)
    made = Packed(runs=sorted(runs))
    try:
        _refuse_live(runs.values())
        members = _members(places, runs, made=made, states=states)
        made.files = len(members)
        with appearing(output) as file:
            _write(file, members, made.neutral)
            _refuse_live(runs.values())
    except OSError as error:
        raise GantoolError(
            f"cannot write {output}: {error.strerror or error}", "Name another place with --output."
        ) from None
    return made


def _named(places: Mapping[Path, Sequence[Path]]) -> dict[str, Path]:
    """The runs by their names in the pack; those of a study lie in its folder."""
    runs: dict[str, Path] = {}
    seen: dict[str, Path] = {}
    for place, members in places.items():
        for run in members:
            name = run.resolve().name
            if (place / STUDY).is_file() and run != place:
                name = f"{place.resolve().name}/{name}"
            if (fault := fault_of(name)) is not None:
                raise ConfigError(
                    f"{run}: a folder of that name cannot be packed: it {fault}.",
                    "Rename the folder; its run stays what it is.",
                )
            other = seen.setdefault(folded(name), run)
            if other.resolve() == run.resolve():
                runs.setdefault(name, run)
            else:
                raise ConfigError(
                    f"{other} and {run} would have one name in the pack.",
                    "Rename one of the folders, or make two packs.",
                )
    if not runs:
        raise ConfigError(
            "no run to pack.", "Give folders that `gantool run` or `gantool study` made."
        )
    return runs


def _refuse_live(runs: Iterable[Path]) -> None:
    for run in runs:
        if RunFolder.open(run).is_live():
            raise GantoolError(
                f"run {run} is being trained; its files would not fit each other.",
                "Wait for it, or stop it first (Ctrl-C); then pack it.",
            )


def _members(
    places: Mapping[Path, Sequence[Path]], runs: Mapping[str, Path], made: Packed, states: bool
) -> dict[str, Path]:
    """The files of the pack by their names in it, in order."""
    found: dict[str, Path] = {}
    for place in places:
        if place in runs.values():
            continue
        top, is_study = place.resolve().name, (place / STUDY).is_file()
        if is_study:
            found[f"{top}/{STUDY}"] = place / STUDY
        for entry in sorted(place.iterdir()):
            if (entry / "run.json").is_file() or (is_study and entry.name == STUDY):
                continue
            why = "hidden" if entry.name.startswith(".") else "no run"
            if (entry / STUDY).is_file():
                why = "a study; name its folder to pack it"
            elif is_study:
                why = _OF_STUDY.get(entry.name, why)
            made.left_out[f"{top}/{entry.name}"] = why
    for name, path in runs.items():
        folder = RunFolder(path)
        folder.read()
        for file in _files_below(path):
            inner = file.relative_to(path).as_posix()
            reason = _why_not(file, inner, folder=folder, states=states)
            if reason is None:
                found[f"{name}/{inner}"] = file
            else:
                made.left_out[f"{name}/{inner}"] = reason
    return dict(sorted(found.items()))


def _files_below(path: Path) -> list[Path]:
    return sorted(
        Path(parent, name)
        for parent, folders, files in os.walk(path)
        for name in (*files, *(folder for folder in folders if Path(parent, folder).is_symlink()))
    )


def _why_not(file: Path, inner: str, *, folder: RunFolder, states: bool) -> str | None:
    """The reason why a file of a run stays behind; None where it goes into the pack."""
    if not stat.S_ISREG(file.lstat().st_mode):
        return "a link"
    if any(part.startswith(".") for part in Path(inner).parts):
        return "hidden"
    if inner in _ANEW:
        return _ANEW[inner]
    if not folder.holds(inner) or fault_of(inner) is not None:
        return _STRANGE
    if file.parent == folder.checkpoints and not states:
        return "a resumable state; --states takes it along"
    return None


def _write(file: IO[bytes], members: Mapping[str, Path], neutral: Neutral) -> None:
    listed: dict[str, PackedFile] = {}
    # These name the paths, users and hosts that other files mention.
    first = {
        name: _neutral_text(path, neutral)
        for name, path in members.items()
        if path.name in ("run.json", STUDY)
    }
    with zipfile.ZipFile(file, "w") as archive:
        for name, path in members.items():
            text = first.get(name)
            if text is None and path.suffix in TEXTS:
                text = _neutral_text(path, neutral)
            size = path.stat().st_size if text is None else len(text)
            with path.open("rb") if text is None else io.BytesIO(text) as source:
                listed[name] = _add(archive, name, source, size=size)
        manifest = Manifest(format=FORMAT, gantool=__version__, files=listed)
        content = as_document(manifest.model_dump(mode="json"))
        _add(archive, MANIFEST, io.BytesIO(content), size=len(content))


def _add(archive: zipfile.ZipFile, name: str, source: IO[bytes], *, size: int) -> PackedFile:
    """Write a member; pictures and weights are compressed already, or do not get smaller."""
    info = zipfile.ZipInfo(name, _LONG_AGO)
    info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o644) << 16
    info.file_size = size
    info.compress_type = zipfile.ZIP_DEFLATED if name.endswith(TEXTS) else zipfile.ZIP_STORED
    written, digest = 0, hashlib.sha256()
    with archive.open(info, "w") as target:
        while block := source.read(_BLOCK):
            target.write(block)
            digest.update(block)
            written += len(block)
    return PackedFile(size=written, sha256=digest.hexdigest())


def _neutral_text(path: Path, neutral: Neutral) -> bytes:
    """A document or a growing file with neutral values; where none is to be replaced, as it is.

    Raises:
        GantoolError: it cannot be read.
    """
    try:
        if path.suffix == ".jsonl":
            content = path.read_bytes()
            if not neutral.suspects(content):
                return content
            lines = read_json_lines(path)
            return b"".join(as_line(neutral.document(line, path.name)).encode() for line in lines)
        text = read_text(path)
        document: Any = json.loads(text)
        if not isinstance(document, dict):
            raise ValueError("no JSON object")
        spell = neutral.record if path.name == "run.json" else neutral.document
        made = spell(document, path.name)
        return text.encode() if made == document else as_document(made)
    except (ValueError, RecursionError) as error:
        raise GantoolError(
            f"{path} cannot be read, and may hold anything: {error}",
            "Mend it, or take it out of the folder.",
        ) from None
