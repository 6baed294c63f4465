"""Unpacking runs from a file that anybody may have made: all is checked before anything appears."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from gantool.errors import ConfigError, GantoolError
from gantool.runs.folder import RunFolder
from gantool.runs.sharing.manifest import (
    FORMAT,
    MANIFEST,
    Manifest,
    PackedFile,
    fault_of,
    folded,
    runs_in,
    strangers,
)
from gantool.runs.zips import check_sizes, is_encrypted, is_plain

_MOST_MEMBERS = 500_000
_LARGEST_MANIFEST = 1 << 26  # bytes
_RATIO = 150  # of bytes to compressed bytes, which records do not reach
_MUCH = 1 << 25  # bytes; less is no bomb
_HEADER = 30  # bytes before a member, at least
_BLOCK = 1 << 20  # bytes
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_UNTOUCHED = "Nothing was unpacked. Ask for a file as `gantool pack` made it."


def unpack(file: Path, output: Path) -> list[RunFolder]:
    """Unpack runs into a folder, all of them or none; nothing that is there is overwritten.

    Args:
        file: as `pack` writes it.
        output: folder for the runs, and for the studies that they lie in; it need not be there.

    Returns:
        the runs, in order.

    Raises:
        ConfigError: the file is no pack or not to be trusted, or a run of that name is there.
        GantoolError: the folder cannot be written.
    """
    with _opened(file) as archive:
        infos = archive.infolist()
        _check_members(file, infos)
        manifest = _manifest(file, archive)
        _check_listed(file, infos, manifest)
        tops = sorted({name.partition("/")[0] for name in manifest.files})
        for top in tops:
            _refuse_existing(output / top)
        with _aside(output) as aside:
            _check_room(file, infos, aside)
            for name, listed in manifest.files.items():
                _extract(file, archive, name, listed=listed, to=aside / name)
            runs = runs_in(set(manifest.files))
            for name in runs:
                _check_run(file, name, RunFolder(aside / name))
            _move(tops, aside, output)
    return [RunFolder(output / name) for name in runs]


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise ConfigError(
            f"{file} is damaged, or no zip file: {error or type(error).__name__}.",
            "Nothing was unpacked; get it anew.",
        ) from None
    except OSError as error:
        raise GantoolError(f"cannot unpack {file}: {error.strerror or error}") from None


def _refused(file: Path, why: str, remedy: str = _UNTOUCHED) -> ConfigError:
    return ConfigError(f"{file}: {why}", remedy)


def _check_members(file: Path, infos: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse what the directory of the file alone shows."""
    if len(infos) > _MOST_MEMBERS:
        raise _refused(file, f"it has {len(infos):,} members; {_MOST_MEMBERS:,} are the most.")
    seen: dict[str, str] = {}
    for info in infos:
        name = info.filename
        # The library cuts names at a null byte.
        if (fault := fault_of(info.orig_filename.rstrip("/"))) is not None:
            raise _refused(file, f"its member {info.orig_filename!r} {fault}.")
        if is_encrypted(info):
            raise _refused(file, "it is encrypted.")
        if not is_plain(info) or info.is_dir():
            raise _refused(file, f"its member {name!r} is a link, a folder or a device, no file.")
        if info.compress_type not in _COMPRESSIONS:
            raise _refused(file, f"its member {name!r} is compressed in an unusual way.")
        other = seen.setdefault(folded(name), name)
        if seen[folded(name)] is not name:
            how = "twice" if other == name else f"as {other!r} too, which many systems do not tell"
            raise _refused(file, f"it holds {name!r} {how}.")
        if info.file_size > max(_MUCH, _RATIO * info.compress_size):
            raise _refused(
                file,
                f"its member {name!r} claims to hold {info.file_size / 1e6:,.0f} MB in "
                f"{info.compress_size / 1e6:,.2f}: a decompression bomb.",
            )
    check_sizes(file, infos)
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise _refused(file, f"its member {info.filename!r} overlaps another one: a bomb.")
        end = info.header_offset + _HEADER + info.compress_size


def _manifest(file: Path, archive: zipfile.ZipFile) -> Manifest:
    try:
        info = archive.getinfo(MANIFEST)
    except KeyError:
        raise _refused(file, f"it has no {MANIFEST}, so it is no pack of runs.") from None
    if info.file_size > _LARGEST_MANIFEST:
        raise _refused(file, f"its {MANIFEST} is too large.")
    try:
        content = json.loads(archive.read(info))
    except (ValueError, RecursionError) as error:
        raise _refused(file, f"its {MANIFEST} cannot be read: {error}.") from None
    version = content.get("format") if isinstance(content, dict) else None
    if version != FORMAT:
        raise _refused(
            file,
            f"it is a pack of format {version!r:.40}; this gantool reads format {FORMAT}.",
            "Nothing was unpacked. Update gantool.",
        )
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        detail = error.errors()[0]
        where = ".".join(map(str, detail["loc"]))
        raise _refused(file, f"its {MANIFEST} is damaged: {where:.200}: {detail['msg']}.") from None


def _check_listed(file: Path, infos: Sequence[zipfile.ZipInfo], manifest: Manifest) -> None:
    """Refuse files that the manifest lacks, or that are none of a run's."""
    sizes = {info.filename: info.file_size for info in infos if info.filename != MANIFEST}
    names = set(sizes)
    if extra := sorted(names - manifest.files.keys()):
        raise _refused(file, f"its member {extra[0]!r} is not in its manifest.")
    if missing := sorted(manifest.files.keys() - names):
        raise _refused(file, f"{missing[0]!r} is in its manifest, and missing.")
    if strange := strangers(names):
        raise _refused(
            file,
            f"its member {strange[0]!r} is no file of a run.",
            "Nothing was unpacked. If a newer gantool made it, update this one.",
        )
    if not names:
        raise _refused(file, "it holds no runs.")
    for name, size in sizes.items():
        if size != manifest.files[name].size:
            raise _refused(file, f"its member {name!r} has another size than its manifest says.")


def _refuse_existing(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise ConfigError(
            f"{path} exists already and is never overwritten.",
            "Nothing was unpacked. Give another --output, or rename what is there.",
        )


@contextlib.contextmanager
def _aside(output: Path) -> Iterator[Path]:
    """A folder within another one, which is made if need be; what is left in it goes at the end."""
    missing = [path for path in (output, *output.parents) if not path.exists()]
    aside = None
    try:
        output.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".new-", dir=output))
        yield aside
    except FileExistsError:
        raise ConfigError(
            f"{output} is a file; runs need a folder.", "Name another with --output."
        ) from None
    except OSError as error:
        raise GantoolError(
            f"cannot unpack into {output}: {error.strerror or error}.",
            "Nothing was unpacked. Make room, or name another place with --output.",
        ) from None
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)
        for made in missing:  # those that hold something stay
            with contextlib.suppress(OSError):
                made.rmdir()


def _check_room(file: Path, infos: Sequence[zipfile.ZipInfo], place: Path) -> None:
    needed, free = sum(info.file_size for info in infos), shutil.disk_usage(place).free
    if needed > free:
        raise GantoolError(
            f"{file} needs {needed / 1e6:,.1f} MB in {place.parent}; {free / 1e6:,.1f} are free.",
            "Nothing was unpacked. Make room, or name another place with --output.",
        )


def _extract(
    file: Path, archive: zipfile.ZipFile, name: str, *, listed: PackedFile, to: Path
) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    written, digest = 0, hashlib.sha256()
    with archive.open(name) as source, to.open("xb") as target:
        while block := source.read(_BLOCK):
            written += len(block)
            if written > listed.size:
                break
            digest.update(block)
            target.write(block)
    if written != listed.size or digest.hexdigest() != listed.sha256:
        raise _refused(file, f"its member {name!r} is not what its manifest says (SHA-256).")


def _check_run(file: Path, name: str, folder: RunFolder) -> None:
    try:
        folder.read()
    except GantoolError as error:
        told = error.message.replace(str(folder.path), name)
        raise _refused(file, f"{told}", error.remedy or _UNTOUCHED) from None
    folder.samples.mkdir(exist_ok=True)
    folder.checkpoints.mkdir(exist_ok=True)


def _move(tops: Sequence[str], aside: Path, output: Path) -> None:
    """Give everything its final name, or nothing."""
    moved: list[str] = []
    try:
        for top in tops:
            _refuse_existing(output / top)
            (aside / top).rename(output / top)
            moved.append(top)
    except BaseException:
        for top in moved:
            (output / top).rename(aside / top)
        raise
