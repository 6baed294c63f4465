"""The folders of a user."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from gantool.errors import GantoolError


def user_cache() -> Path:
    """The user's folder for what can be made anew.

    Raises:
        GantoolError: the user has no home, neither in the environment nor in the system's list.
    """
    try:
        return platformdirs.user_cache_path("gantool")
    except RuntimeError:
        raise GantoolError(
            "the user of this process has no home folder.",
            "Set HOME, or name a writable folder with --data-dir or GANTOOL_DATA_DIR.",
        ) from None
