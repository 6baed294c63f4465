"""The files of a run folder that its run no longer needs."""

from __future__ import annotations

from pathlib import Path

from gantool.runs.folder import RunFolder


def superfluous(folder: RunFolder, *, generators: bool) -> dict[str, list[Path]]:
    """The files that may go, by what they are, of a run that no process holds.

    A finished run no longer needs its resumable states; every run can do without what killed writes
    left aside, and, if `generators`, without the generators of earlier steps. Metrics, pictures,
    scores and the final generator stay.
    """
    found = {"leftovers of killed writes": folder.leftovers()}
    if folder.read().status == "finished" and folder.generator_file.is_file():
        states = folder.states().values()
        found["resumable states"] = [
            file for state in states for file in (state, state.with_suffix(".sha256"))
        ]
    if generators:
        found["generators of earlier steps"] = list(folder.generators().values())
    return {kind: [file for file in files if file.is_file()] for kind, files in found.items()}
