"""Names that a folder or a file can have on every system, so that runs can go anywhere."""

from __future__ import annotations

import re
import unicodedata

_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
_TURNS = "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # characters that turn the direction of text
_LONGEST = 255  # bytes


def name_as_text(name: str) -> str:
    r"""A file's name as text: what is no UTF-8 in it is spelt out, as in `K\xe4tzchen.png`."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def fault_of_name(name: str) -> str | None:
    """The reason why some system could not have a file of this name; None where all can.

    It is a single name, no path.
    """
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name):
        return "has control characters in its name"
    if re.search(f"[{_TURNS}]", name):
        return "has characters in its name that turn its direction"
    if re.search(r'[\\/<>:"|?*]', name):
        return "has characters in its name that Windows does not allow"
    if name in ("", "."):
        return "has empty parts in its name"
    if name.startswith("."):
        return "is hidden"
    if name != name.rstrip(" ."):
        return "has a part in its name that ends with a dot or a blank"
    if _RESERVED.fullmatch(name):
        return "has a name that Windows reserves for a device"
    if len(name.encode()) > _LONGEST:
        return "has a name that is too long"
    return None
