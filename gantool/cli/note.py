"""`gantool note RUN [TEXT]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def note(
    path: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.")],
    text: Annotated[
        str, typer.Argument(metavar="[TEXT]", help="The note; without it those there are shown.")
    ] = "",
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Tag the run; repeatable.")
    ] = None,
    removed: Annotated[
        list[str] | None,
        typer.Option("--remove-tag", metavar="TAG", help="Take a tag away; repeatable."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write a note on a run, and tag it, to find it again: `list-runs --where "tag=good"`.

    Notes are kept in the run folder. They change nothing in the run or in comparisons.
    """
    import sys

    from gantool.cli.output import print_json
    from gantool.errors import GantoolError, printable
    from gantool.runs.folder import RunFolder
    from gantool.runs.notes import add_note, read_notes

    folder = RunFolder.open(path)
    if text or tags or removed:
        try:
            add_note(folder.notes_file, text.strip(), tags=tags or (), removed=removed or ())
        except OSError as error:
            raise GantoolError(
                f"cannot write {folder.notes_file}: {error.strerror or error}",
                "Make room, or see to the rights of the folder.",
            ) from None
        if folder.report_file.exists():
            from gantool.report.write import try_report

            try_report(folder, lambda line: print(f"gantool: {line}", file=sys.stderr))
    notes = read_notes(folder.notes_file)
    if json:
        texts = [line.model_dump(include={"time", "text"}) for line in notes.texts]
        print_json({"tags": list(notes.tags), "notes": texts})
        return
    print(f"tags: {', '.join(notes.tags) or 'none'}")
    for line in notes.texts:
        print(printable(f"{line.time}  {line.text}"))
