"""Guards of zip files from elsewhere: what is refused before anything in them is read."""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Sequence
from pathlib import Path

from gantool.errors import ConfigError

_MUCH = 1 << 25  # bytes; less is no bomb
_RATIO = 500  # of bytes to compressed bytes, which neither pictures nor records reach
_NO_FILE = 0x10 | 0x08 | 0x40 | 0x400  # DOS: folder, volume, device, reparse point


def leads_out(name: str) -> bool:
    """Whether a member's name leads out of the folder that it would be unpacked to."""
    path = name.replace("\\", "/")
    return path.startswith("/") or ".." in path.split("/") or bool(re.match("[A-Za-z]:", path))


def is_plain(info: zipfile.ZipInfo) -> bool:
    """Whether a member is a plain file, and no link, folder or device."""
    mode = stat.S_IFMT(info.external_attr >> 16)
    return mode in (0, stat.S_IFREG) and not info.external_attr & _NO_FILE


def is_encrypted(info: zipfile.ZipInfo) -> bool:
    """Whether a member can be read with a password only."""
    return bool(info.flag_bits & 1)


def check_sizes(file: Path, infos: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse a zip file that claims to become far larger than what is kept in such files can.

    Raises:
        ConfigError: it looks like a decompression bomb.
    """
    check_size(file, sum(info.file_size for info in infos))
    for info in infos:
        check_size(file, info.file_size, info.compress_size)


def check_size(file: Path, claimed: int, compressed: int | None = None) -> None:
    """Refuse what claims to become far larger than it can.

    Args:
        file: that it is in.
        claimed: bytes that it claims to have.
        compressed: bytes that it has in the file; all of the file if None.

    Raises:
        ConfigError: it looks like a decompression bomb.
    """
    kept = file.stat().st_size if compressed is None else compressed
    if claimed > max(_MUCH, _RATIO * kept):
        raise ConfigError(
            f"{file} claims to hold {claimed / 1e6:,.0f} MB in {kept / 1e6:,.2f}: "
            "a decompression bomb.",
            "Do not use it.",
        )
