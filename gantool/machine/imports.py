"""Importing much at once."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def imports_uncollected() -> Iterator[None]:
    """Look for no garbage while modules are imported, nor ever after among what they brought.

    That takes a tenth of the time of importing torch, and hardly anything of it is ever garbage.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
