"""When Python looks for garbage, and when it had better not."""

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


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Look for no garbage meanwhile.

    Where millions of small objects come and go without ever being part of a circle, as lines of
    metrics do, looking for circles takes half of the time.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
