"""Generators that are trained already: `pretrained:NAME` in place of a run folder.

They lie in the packages of plugins, where nothing is written.
"""

from __future__ import annotations

import filecmp
from pathlib import Path

from gantool.config import PRETRAINED
from gantool.errors import ConfigError
from gantool.plugins.registry import load_registry
from gantool.runs.folder import RunFolder

_COPIES = Path("experiments")


def run_at(path: Path) -> Path:
    """The folder of a run to be read: that which `pretrained:NAME` stands for, else the path.

    Raises:
        ConfigError: there is no such generator.
    """
    if not str(path).startswith(PRETRAINED):
        return path
    return load_registry().find_pretrained(str(path).removeprefix(PRETRAINED)).folder


def to_write_to(run: RunFolder) -> RunFolder:
    """The run itself, or the user's copy of one that a plugin brings.

    The copy is made when it is first needed, as `experiments/pretrained-NAME`.

    Raises:
        ConfigError: another run has that name.
        GantoolError: the copy cannot be made.
    """
    name = next((s.name for s in load_registry().pretrained.values() if s.folder == run.path), None)
    if name is None:
        return run
    place = _COPIES / f"{PRETRAINED.removesuffix(':')}-{name}"
    if not place.exists():
        return run.copied_to(place)
    copy = RunFolder.open(place)
    copied = copy.generator_file
    if not (copied.is_file() and filecmp.cmp(copied, run.generator_file, shallow=False)):
        raise ConfigError(
            f"{place} would be the copy of {PRETRAINED}{name} that is written to, "
            "and another run has that name.",
            "Move it away, or rename it.",
        )
    return copy
