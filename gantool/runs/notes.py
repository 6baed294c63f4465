"""Notes of people on a run: texts and tags beside its records, no part of what it is."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gantool.errors import ConfigError
from gantool.runs.files import read_json_lines
from gantool.runs.records import timestamp

LONGEST_NOTE = 10_000  # characters
_TAG = re.compile(r"[\w.:+-]{1,40}")


class NoteLine(BaseModel):
    """A line of notes.jsonl.

    Attributes:
        time: at which it was written, UTC.
        text: of the note; empty where only tags change.
        tags: that the run has from then on.
        removed: tags that it no longer has.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    time: str = Field(default="", max_length=100)
    text: str = Field(default="", max_length=LONGEST_NOTE)
    tags: list[str] = Field(default_factory=list)
    removed: list[str] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Notes:
    """The notes on a run.

    Attributes:
        texts: the lines that have a text, in order.
        tags: those that it has now, in the order in which they came.
    """

    texts: Sequence[NoteLine] = ()
    tags: Sequence[str] = ()

    def __str__(self) -> str:
        """All of them in a line."""
        return in_a_line(self.tags, [line.text for line in self.texts])


def in_a_line(tags: Sequence[str], texts: Sequence[str]) -> str:
    """Tags and notes in a line: "[good] looks sharp; but few modes"."""
    marks = " ".join(f"[{tag}]" for tag in tags)
    return f"{marks} {'; '.join(' '.join(text.split()) for text in texts)}".strip()


def read_notes(file: Path) -> Notes:
    """The notes in notes.jsonl; damaged lines, and what is no tag, are passed over."""
    texts: list[NoteLine] = []
    tags: dict[str, None] = {}
    for entry in read_json_lines(file):
        try:
            line = NoteLine.model_validate(entry)
        except ValidationError:
            continue
        if line.text:
            texts.append(line)
        tags |= dict.fromkeys(tag for tag in line.tags if _TAG.fullmatch(tag))
        for tag in line.removed:
            tags.pop(tag, None)
    return Notes(texts, list(tags))


def add_note(
    file: Path, text: str = "", *, tags: Sequence[str] = (), removed: Sequence[str] = ()
) -> None:
    """Add a line to notes.jsonl.

    It is written at once, so that of people who write at the same time none loses a note.

    Raises:
        ConfigError: the text is too long, a tag is none, or it has no tag that is to be removed.
    """
    if len(text) > LONGEST_NOTE:
        raise ConfigError(
            f"a note has at most {LONGEST_NOTE:,} characters; this has {len(text):,}.",
            "Keep a longer text in a file, and name it in the note.",
        )
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise ConfigError(
                f"{tag[:60]!r} cannot be a tag.",
                "A tag is up to 40 letters, digits and . : + - _, without spaces.",
            )
    known = read_notes(file).tags
    for tag in removed:
        if tag not in known:
            raise ConfigError(
                f"the run has no tag {tag[:60]!r}.", f"Its tags: {', '.join(known) or 'none'}."
            )
    made = NoteLine(time=timestamp(), text=text, tags=list(tags), removed=list(removed))
    content = json.dumps(made.model_dump(), ensure_ascii=False).encode(errors="replace") + b"\n"
    with file.open("a+b", buffering=0) as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, end - 1))
        if end and stream.read(1) != b"\n":  # a line that was cut off
            content = b"\n" + content
        stream.write(content)
        os.fsync(stream.fileno())
