"""The run folder: the one place that knows the names of its files.

Reading one needs no torch, data or plugin.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from pydantic import ValidationError

from gantool.config import PRETRAINED
from gantool.errors import ConfigError, GantoolError
from gantool.runs.files import (
    cut_back,
    entry_of,
    finite,
    put_lines,
    read_text,
    whole_lines,
    write_bytes,
    write_json,
)
from gantool.runs.names import fault_of_name
from gantool.runs.records import FORMAT, Best, RunRecord, Score, Scores

NAME = re.compile(r"[^/\\\x00-\x1f\x7f]{1,120}")  # of a run or a study
FINDING = re.compile(r"[a-z0-9][a-z0-9-]{0,99}\.png")  # a picture that a score left
# The files in the folders of a run folder.
_INSIDE = {
    "samples": re.compile(r"\d{8,}\.png"),
    "checkpoints": re.compile(r"\d{8,}\.(pt|sha256)"),
    "generators": re.compile(r"\d{8,}\.safetensors"),
    "pictures": re.compile(r"[^.][^/]*\.(png|gif|npz)"),
}
_LOOK = 0.5  # seconds
_T = TypeVar("_T")


def check_name(name: str, experiments_dir: Path) -> None:
    """Refuse a name that no new run there can have.

    Raises:
        ConfigError: it cannot be a folder's, or something of that name exists already.
    """
    refuse_unusable(name)
    refuse_existing(experiments_dir / name)


def refuse_unusable(name: str) -> None:
    """Refuse a name that the folder of a run or a study cannot have on every system.

    Raises:
        ConfigError: it cannot.
    """
    fault = fault_of_name(name)
    if not NAME.fullmatch(name) or name != name.strip() or fault is not None:
        raise ConfigError(
            f"--name {name!r} cannot be a folder's name{f': it {fault}' if fault else ''}.",
            "Use up to 120 characters without slashes, not beginning with a dot; "
            "--experiments-dir says where.",
        )


def refuse_existing(path: Path) -> None:
    """Refuse to make a run where something is.

    Raises:
        ConfigError: there is something.
    """
    if path.exists():
        raise ConfigError(
            f"the run {path} exists already and is never overwritten.", "Give another --name."
        )


def thinned(items: Sequence[_T], most: int) -> list[_T]:
    """At most so many of the items, evenly spread, the first and the last among them."""
    count = min(len(items), most)
    if count < 2:
        return list(items[:count])
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]


class RunFolder:
    """A run folder: the names of its files, and the reading and writing of its records."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record_file = path / "run.json"
        self.metrics_file = path / "metrics.jsonl"
        self.events_file = path / "events.jsonl"
        self.scores_file = path / "scores.jsonl"
        self.notes_file = path / "notes.jsonl"
        self.real_file = path / "real.png"
        self.sheet_file = path / "sheet.json"
        self.samples = path / "samples"
        self.checkpoints = path / "checkpoints"
        self.generators_folder = path / "generators"
        self.pictures = path / "pictures"
        self.generator_file = path / "generator.safetensors"
        self.best_file = path / "best.safetensors"
        self.losses_figure = path / "losses.png"
        self.samples_figure = path / "samples.png"
        self.animation = path / "progress.gif"
        self.trace = path / "trace.json"
        self.tracked_file = path / "tracked.json"
        self.report_file = path / "report.html"
        self.neighbors_figure = path / "neighbours.png"

    @classmethod
    def create(cls, path: Path, record: RunRecord) -> RunFolder:
        """Make a new run folder with its record in it; it appears whole or not at all.

        Raises:
            ConfigError: something of that name exists already.
            GantoolError: the folder cannot be made.
        """
        refuse_existing(path)
        with cls._appearing(path) as aside:
            aside.samples.mkdir()
            aside.checkpoints.mkdir()
            aside.write(record)
        return cls(path)

    @classmethod
    @contextlib.contextmanager
    def _appearing(cls, path: Path) -> Iterator[RunFolder]:
        """A folder to fill that appears whole or not at all: filled aside, then renamed."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = cls(path.with_name(f".new-{secrets.token_hex(4)}"))
            aside.path.mkdir()
        except FileExistsError as error:
            raise ConfigError(
                f"{path.parent} is a file; runs need a folder.",
                "Name another with --experiments-dir.",
            ) from error
        except OSError as error:
            raise cls._cannot_make(path, error) from error
        try:
            yield aside
            aside.path.rename(path)
        except OSError as error:
            aside.remove()
            raise cls._cannot_make(path, error) from error

    @staticmethod
    def _cannot_make(path: Path, error: OSError) -> GantoolError:
        return GantoolError(
            f"cannot make the run folder {path}: {error.strerror or error}",
            "Make room, or name a writable place with --experiments-dir.",
        )

    def copied_to(self, path: Path) -> RunFolder:
        """A copy of the folder, which appears whole or not at all.

        Raises:
            GantoolError: it cannot be made.
        """
        with self._appearing(path) as aside:
            # As new files, whatever the rights of the old: where packages lie nobody may write.
            for entry in sorted(self.path.rglob("*")):
                place = aside.path / entry.relative_to(self.path)
                if entry.is_dir():
                    place.mkdir()
                else:
                    shutil.copyfile(entry, place)
        return RunFolder(path)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Open an existing run folder.

        Raises:
            ConfigError: it is not one, or something in it is not its own.
        """
        folder = cls(path)
        if str(path).startswith(PRETRAINED) and not path.exists():
            raise ConfigError(
                f"{path} is finished, and not a run of yours that could be changed.",
                "It is there to be read: by sample, sheet, interpolate, arithmetic, reconstruct, "
                "explore, export, animate, evaluate and compare. "
                f"`gantool run MODEL --from {path}` trains on from its weights.",
            )
        if not folder.record_file.is_file():
            what = "has no run.json" if path.is_dir() else "is not a folder"
            raise ConfigError(
                f"{path} is not a run: it {what}.",
                "Give a folder that `gantool run` made, for example experiments/...",
            )
        folder._refuse_what_is_not_its_own()
        return folder

    def _refuse_what_is_not_its_own(self) -> None:
        """Raise `ConfigError` where the folder holds links that lead out of it, or pipes.

        A run folder from elsewhere must not make a reader open other files, or wait at a pipe for
        ever.
        """
        root = self.path.resolve()
        for entry in _entries(self.path):
            try:
                link = entry.is_symlink()
                inside = not link or Path(entry.path).resolve().is_relative_to(root)
                plain = link or entry.is_file() or entry.is_dir() or not Path(entry.path).exists()
            except (OSError, RuntimeError):
                raise ConfigError(
                    f"{entry.path} is a link that leads nowhere.", "Remove it."
                ) from None
            if not inside:
                what = f"a link out of the folder, to {Path(entry.path).readlink()}"
            elif not plain:
                what = "neither a file nor a folder"
            else:
                continue
            raise ConfigError(
                f"{entry.path} is {what}.",
                "Nothing of the run was read; remove it if you trust the rest.",
            )

    def read(self) -> RunRecord:
        """Read run.json.

        Raises:
            GantoolError: it is damaged, or of a newer format.
        """
        try:
            content = json.loads(read_text(self.record_file))
        except (OSError, ValueError, RecursionError) as error:
            raise GantoolError(f"{self.record_file} cannot be read: {error}") from None
        version = content.get("format") if isinstance(content, dict) else None
        if isinstance(version, int) and version > FORMAT:
            raise GantoolError(
                f"{self.path} has run format {version}; this gantool reads up to {FORMAT}.",
                "Update gantool.",
            )
        try:
            return RunRecord.model_validate(content)
        except ValidationError as error:
            detail = error.errors()[0]
            where = ".".join(map(str, detail["loc"])) or "its content"
            raise GantoolError(f"{self.record_file} is damaged: {where}: {detail['msg']}") from None

    def write(self, record: RunRecord) -> None:
        """Write run.json, whole or not at all."""
        write_json(self.record_file, record.model_dump(mode="json"))

    def finding(self, name: str) -> Path:
        """The file of a picture that a score left; its name is a `FINDING`."""
        return self.pictures / name

    def sample_grid(self, step: int) -> Path:
        """The file of a step's sample grid."""
        return self.samples / f"{step:08d}.png"

    def sample_grids(self) -> dict[int, Path]:
        """The sample grids there are, by step, in order."""
        return _by_step(self.samples, ".png")

    def generator(self, step: int) -> Path:
        """The file of an earlier step's generator, if it was kept."""
        return self.generators_folder / f"{step:08d}.safetensors"

    def generators(self) -> dict[int, Path]:
        """The generators of earlier steps that were kept, by step, in order."""
        return _by_step(self.generators_folder, ".safetensors")

    def state(self, step: int) -> Path:
        """The file of a resumable state; its checksum lies beside it, ending in .sha256."""
        return self.checkpoints / f"{step:08d}.pt"

    def states(self) -> dict[int, Path]:
        """The resumable states there are, by step, the newest last."""
        return _by_step(self.checkpoints, ".pt")

    def remove_state(self, step: int) -> None:
        """Delete a resumable state and its checksum."""
        self.state(step).unlink(missing_ok=True)
        self.state(step).with_suffix(".sha256").unlink(missing_ok=True)

    def drop_after(self, step: int) -> None:
        """Take back what was written after a step: lines, sample grids, generators and states.

        The choice of the best generator is made after the step's state is saved, and goes too.
        """
        for file in (self.metrics_file, self.events_file, self.scores_file):
            cut_back(file, step)
        if any(score.step == step for score in self.choices()):
            put_lines(self.scores_file, [], replaces=lambda old: _chooses(old, step))
        for found in (self.sample_grids(), self.generators()):
            for written, path in found.items():
                if written > step:
                    path.unlink()
        for written in self.states():
            if written > step:
                self.remove_state(written)

    def add_scores(self, scores: Sequence[Score]) -> None:
        """Write scores down, all or none.

        An older one of the same step, metric and protocol makes way.
        """
        entries = [finite(score.model_dump(mode="json")) for score in scores]
        replaced = {_identity(entry) for entry in entries}
        put_lines(self.scores_file, entries, replaces=lambda old: _identity(old) in replaced)

    def scores(self) -> list[Score]:
        """The scores: the last line for each step, metric and protocol.

        They are in the order of their first appearance. Those that chose the best generator are
        not among them: `choices` has them.
        """
        return self.read_scores().scores

    def choices(self) -> list[Score]:
        """The scores on the validation split by which the best generator is chosen, as `scores`."""
        return self.read_scores().choices

    def read_scores(self) -> Scores:
        """All of scores.jsonl, of one reading."""
        found: dict[str, Score] = {}
        damaged = 0
        for line in whole_lines(self.scores_file):
            entry = entry_of(line)
            try:
                found[_identity(entry or {})] = Score.model_validate(entry)
            except ValidationError:
                damaged += 1
        return Scores(
            scores=[score for score in found.values() if not score.chooses],
            choices=[score for score in found.values() if score.chooses],
            damaged=damaged,
        )

    def best(self) -> Best | None:
        """The choice of the best generator; None where none was made."""
        return Best.of(self.choices())

    def put_best(self, content: bytes | None) -> None:
        """Write the best generator; None is none."""
        if content is None:
            self.best_file.unlink(missing_ok=True)
        else:
            write_bytes(self.best_file, content)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process; the lock goes with the process, however it ends.

        Raises:
            GantoolError: another process holds it, or the folder cannot be written.
        """
        lock = FileLock(self.path / ".lock", timeout=_LOOK)
        try:
            lock.acquire()  # `is_live` of another process holds it for an instant
        except Timeout:
            try:
                owner = self.read().process
            except GantoolError:
                owner = {}
            process, host = owner.get("pid", "?"), owner.get("host", "?")
            raise GantoolError(
                f"run {self.path} is being trained by process {process} on {host}.",
                "Wait for it, or stop it first.",
            ) from None
        except OSError as error:
            raise GantoolError(
                f"cannot write to the run {self.path}: {error.strerror or error}",
                "See to the rights of the folder, or work on a copy of it.",
            ) from None
        try:
            yield
        finally:
            lock.release()

    def is_live(self) -> bool:
        """Whether a process is training this run now (on this machine)."""
        if not (self.path / ".lock").exists():
            return False
        try:
            with FileLock(self.path / ".lock", timeout=0):
                return False
        except Timeout:
            return True
        except OSError:
            return False

    def holds(self, name: str) -> bool:
        """Whether a run folder has a file of this name, as `samples/00000500.png`."""
        folder, slash, file = name.rpartition("/")
        if not slash:
            return bool(Path(name).suffix) and self.path / name in vars(self).values()
        found = _INSIDE.get(folder)
        return found is not None and found.fullmatch(file) is not None

    def remove(self) -> None:
        """Delete the folder: for a run that failed before its first step."""
        shutil.rmtree(self.path, ignore_errors=True)

    def leftovers(self) -> list[Path]:
        """Files that killed writes have left aside.

        Only the process that holds the lock may remove them.
        """
        places = (self.path, self.samples, self.checkpoints, self.generators_folder, self.pictures)
        hidden = (
            file
            for place in places
            if place.is_dir()
            for file in place.glob(".*")
            if file.is_file()
        )
        aside = [file for file in hidden if re.fullmatch(r"\..+-[a-z0-9_]{8}", file.name)]
        sums = [
            file
            for file in self.checkpoints.glob("*.sha256")
            if not file.with_suffix(".pt").exists()
        ]
        return aside + sums


def _identity(score: Mapping[str, Any]) -> str:
    """The parts of a line of scores.jsonl by which it takes an older one's place."""
    parts = [score.get("step"), score.get("metric"), score.get("protocol", {})]
    return json.dumps(parts, sort_keys=True)


def _chooses(score: Mapping[str, Any], step: int) -> bool:
    protocol = score.get("protocol")
    made = isinstance(protocol, dict) and protocol.get("chooses") is True
    return made and score.get("step") == step


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """All that is below a folder; links are not followed."""
    waiting = [str(folder)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)


def _by_step(folder: Path, ending: str) -> dict[int, Path]:
    """The files of a folder that are named after a step, in the order of their steps."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except OSError:
        return {}
    steps = (re.fullmatch(rf"(\d{{8,}}){re.escape(ending)}", name) for name in names)
    return dict(sorted((int(found[1]), folder / found[0]) for found in steps if found))
