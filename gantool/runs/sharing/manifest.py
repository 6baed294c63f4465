"""The layout of a pack, and the names that its members can have on every system."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from gantool.runs.folder import RunFolder
from gantool.runs.names import fault_of_name
from gantool.runs.zips import leads_out

FORMAT = 1
MANIFEST = "gantool-pack.json"
STUDY = "study.json"
TEXTS = (".json", ".jsonl")
_DEEPEST = 4  # parts of a name: study, run, folder, file


class PackedFile(BaseModel):
    """A file in a pack: its size in bytes, and SHA-256 of its content."""

    model_config = ConfigDict(extra="forbid")

    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """The file `gantool-pack.json` of a pack, format 1.

    Attributes:
        format: of the pack.
        gantool: the version that made it.
        files: every other member, by its name.
    """

    model_config = ConfigDict(extra="forbid")

    format: int
    gantool: str
    files: dict[str, PackedFile]


def fault_of(name: str) -> str | None:
    """The reason why a member cannot have this name; None where it can, on every system."""
    if leads_out(name):
        return "leads out of the archive"
    parts = name.split("/")
    for part in parts:
        if (fault := fault_of_name(part)) is not None:
            return fault
    if len(parts) > _DEEPEST:
        return "lies too deep"
    return None


def folded(name: str) -> str:
    """The name as systems see it that tell neither case nor forms of a character apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())


def runs_in(names: set[str]) -> list[str]:
    """The runs among members: the folders of their run.json, in order."""
    return sorted(name.removesuffix("/run.json") for name in names if name.endswith("/run.json"))


def strangers(names: set[str]) -> list[str]:
    """The members that are neither a run's nor describe the study that runs lie in, in order."""
    runs = {run: RunFolder(Path(run)) for run in runs_in(names)}
    studies = {f"{run.rpartition('/')[0]}/{STUDY}" for run in runs if "/" in run}

    def has_a_place(name: str) -> bool:
        first, _, rest = name.partition("/")
        second, _, inner = rest.partition("/")
        run = runs.get(first)
        if run is not None:
            return run.holds(rest)
        run = runs.get(f"{first}/{second}")
        return name in studies or (run is not None and run.holds(inner))

    return sorted(name for name in names if not has_a_place(name))
