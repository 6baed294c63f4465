"""Records without what tells of a person or a machine: paths, names of users and of hosts."""

from __future__ import annotations

import contextlib
import getpass
import re
import socket
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gantool.runs.folder import NAME

# Keys of records whose values may be paths as a whole, with blanks in them; elsewhere a path is
# found by its looks.
_OF_PATHS = frozenset({"argv", "config", "sources", "origin", "study"})
# Keys of what is written for people, where names of users and hosts are words; elsewhere, as in the
# name of a class, they may mean something else.
_PROSE = frozenset({"argv", "sources", "message", "reason", "warning", "text", "note", "notes"})
_TELLS_NOTHING = frozenset({"", "root", "user", "users", "home", "host", "localhost", "admin"})
_HOME = r"(?:/home|/Users|[A-Za-z]:[\\/]+Users)[\\/]+([^\\/\s\"'<>|:]+)"
_PART = r"[^\s\\/\"'<>|:;,]"
_PATH = re.compile(
    rf"""file:/+{_PART}\S*                                  # an address of a file
      | (?<=')(?:/|[A-Za-z]:[\\/]|\\\\)[^'\n]+(?=')         # in quotes, with blanks
      | (?<=")(?:/|[A-Za-z]:[\\/]|\\\\)[^"\n]+(?=")
      | (?<![\w./\\:~)\]}}-])//?(?:{_PART}+/+)+{_PART}*     # /a/b, in a sentence
      | (?<![^\s=(])/[A-Za-z_][\w.-]+(?![\w/])              # /a
      | (?<=:)/(?!/)(?:{_PART}+/+)+{_PART}*                 # option:/a/b
      | (?<![A-Za-z])[A-Za-z]:[\\/]+(?:[^\\/:*?"<>|\n]+\\+|{_PART}+/+)*{_PART}*
      | \\\\{_PART}+(?:\\+{_PART}+)+                        # a share of Windows
      | (?<![\w~])~\w[\w.-]*/(?:{_PART}+/*)*                # a user's home
      | {_HOME}(?:[\\/]+{_PART}+)*                          # wherever it stands
    """,
    re.VERBOSE,
)
_WHOLE = re.compile(r"(/|file:/|[A-Za-z]:[\\/]|\\\\|~[^/\\]+[/\\]).*", re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """A value that was replaced, or left out.

    Attributes:
        place: of the value: file of a run, and key.
        before: the value.
        after: the value that stands there now; None where it was left out.
    """

    place: str
    before: str
    after: str | None


class Neutral:
    """The neutral spelling of records; equal paths stay equal, and different ones different.

    Attributes:
        changes: the number of times of each change.
        kept: places where the name of a user or host still stands, with the value: it may mean
            something else there.
    """

    def __init__(self) -> None:
        self.changes: Counter[Change] = Counter()
        self.kept: Counter[tuple[str, str]] = Counter()
        self._paths: dict[str, str] = {}
        self._whole: list[str] = []
        self._words: dict[str, str] = {}
        with contextlib.suppress(OSError, KeyError, ImportError):
            self._know(getpass.getuser(), "user")
        with contextlib.suppress(RuntimeError):
            self._know(Path.home().name, "user")
        self._know_host(socket.gethostname())

    def suspects(self, content: bytes) -> bool:
        """Whether a file can hold anything that must be replaced."""
        small = content.lower()
        return (
            b"/" in content
            or b"\\" in content
            or any(word.lower().encode() in small for word in self._words)
        )

    def record(self, content: Mapping[str, Any], file: str) -> dict[str, Any]:
        """run.json with neutral values.

        The process and its machine's name are left out, and the folder of data sets, which is the
        usual one on another machine.
        """
        made = dict(content)
        process = made.get("process")
        if isinstance(process, dict) and process:
            self._know_host(str(process.get("host", "")))
            self._change(f"{file}: process", f"on {process.get('host', '?')}", None)
            made["process"] = {}
        config = made.get("config")
        if isinstance(config, dict) and config.get("data_dir") is not None:
            self._change(f"{file}: config.data_dir", str(config["data_dir"]), None)
            made["config"] = {**config, "data_dir": None}
        return self.document(made, file)

    def document(self, content: Mapping[str, Any], file: str) -> dict[str, Any]:
        """A JSON object with neutral values."""
        self._learn(content)
        return {
            key: self._value(value, place=f"{file}: {key}", keys=(key,))
            for key, value in content.items()
        }

    def _value(self, value: Any, place: str, keys: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {
                key: self._value(item, place=f"{place}.{key}", keys=(*keys, str(key)))
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._value(item, place=place, keys=keys) for item in value]
        if not isinstance(value, str):
            return value
        made = self._text(value, keys=keys)
        if made != value:
            self._change(place, value, made)
        if any(_word(word).search(made) for word in self._words):
            self.kept[place, made] += 1
        return made

    def _text(self, text: str, keys: tuple[str, ...]) -> str:
        option, equals, rest = text.partition("=")
        if keys[0] in _OF_PATHS and _WHOLE.fullmatch(text):
            return self._whole_path(text)
        if keys[0] == "argv" and option.startswith("--") and _WHOLE.fullmatch(rest):
            return f"{option}{equals}{self._whole_path(rest)}"
        for known in self._whole:
            if known in text:
                below = rf"(?<![\w./:]){re.escape(known)}(?![\w-])(?:[\\/]+{_PART}+)*"
                text = re.sub(below, lambda found: self._part(found[0]), text)
        text = _PATH.sub(lambda found: self._part(found[0]), text)
        if _PROSE.intersection(keys):
            for word, instead in self._words.items():
                text = _word(word).sub(instead, text)
        return text

    def _whole_path(self, path: str) -> str:
        """A path that is a value of its own, and may be mentioned elsewhere; the longest first."""
        if path not in self._whole and len(path) > 1:
            self._whole = sorted([*self._whole, path], key=len, reverse=True)
        return self._path(path)

    def _part(self, path: str) -> str:
        """A path within a sentence, whose full stop is the sentence's."""
        bare = path.rstrip(".!?)]}")
        return self._path(bare) + path[len(bare) :]

    def _path(self, path: str) -> str:
        """The neutral spelling of a path: its last part, numbered where it is another's too."""
        if path not in self._paths:
            last = re.split(r"[\\/]+", path.rstrip("\\/"))[-1]
            if last in self._words or not NAME.fullmatch(last) or re.fullmatch("[A-Za-z]:", last):
                last = "folder"
            taken, number = set(self._paths.values()), 1
            made, (stem, _, suffix) = f"./{last}", last.rpartition(".")
            while made in taken:
                number += 1
                made = f"./{stem}-{number}.{suffix}" if stem else f"./{last}-{number}"
            self._paths[path] = made
        return self._paths[path]

    def _learn(self, content: Any) -> None:
        """Note the users whose homes are named."""
        for text in _texts(content):
            for found in re.finditer(_HOME, text):
                self._know(found[1], "user")

    def _know(self, word: str, instead: str) -> None:
        if word.lower() not in _TELLS_NOTHING and len(word) > 1:
            self._words.setdefault(word, instead)

    def _know_host(self, name: str) -> None:
        self._know(name, "host")
        self._know(name.partition(".")[0], "host")

    def _change(self, place: str, before: str, after: str | None) -> None:
        self.changes[Change(place, before, after)] += 1


def _word(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", re.IGNORECASE)


def _texts(content: Any) -> Iterable[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        for item in content.values():
            yield from _texts(item)
    elif isinstance(content, list):
        for item in content:
            yield from _texts(item)
