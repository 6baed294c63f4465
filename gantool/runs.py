"""The run folder: the one place that knows its names and formats. Reading one needs no torch, data or plugin."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gantool.errors import ConfigError, GantoolError

FORMAT = 1
_LARGEST = 64 << 20  # bytes of a document
_LONGEST_LINE = 1 << 20  # bytes
_LOOK = 0.5  # seconds
_TAIL = 1 << 14  # bytes, of several lines
NAME = re.compile(r"[^/\\\x00-\x1f\x7f]{1,120}")  # of a run or a study
Status = Literal["running", "finished", "interrupted", "diverged", "failed"]


class RunRecord(BaseModel):
    """run.json, format 1. Readers accept keys they do not know.

    Attributes:
        config: every option's value; sources: where each came from.
        data: name, fingerprint, split sizes, image size, channels, classes.
        latent: prior and dimension; networks: parameters of each network.
        plugin: distribution and version that brought the model.
        environment: versions, device, threads.
        d_scale: "probability" where d_real and d_fake are probabilities, else "raw".
        trackers: names of the trackers that follow it.
        total_steps: generator updates the run is to have; steps, epochs, images, seconds: what it has had.
    """

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    format: int = FORMAT
    name: str
    model: str
    status: Status
    argv: list[str] = Field(default_factory=list)
    preset: str | None = None
    config: dict[str, Any] = Field(default_factory=dict)
    sources: dict[str, str] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)
    latent: dict[str, Any] = Field(default_factory=dict)
    networks: dict[str, Any] = Field(default_factory=dict)
    plugin: dict[str, str] = Field(default_factory=dict)
    environment: dict[str, Any] = Field(default_factory=dict)
    process: dict[str, Any] = Field(default_factory=dict)
    d_scale: Literal["probability", "raw"] = "probability"
    started: str = ""
    ended: str | None = None
    total_steps: int = 0
    steps: int = 0
    epochs: float = 0.0
    images: int = 0
    seconds: float = 0.0
    images_per_second: float | None = None
    trackers: list[str] = Field(default_factory=list)


ARROWS = {"lower": "↓", "higher": "↑"}  # which way is better


class Score(BaseModel):
    """One line of scores.jsonl.

    Attributes:
        step: that the generator was trained for.
        metric: name of the score; better: which way is better.
        value: the figure; None where it was not computed, and `reason` says why.
        error: its standard error, where there is one.
        real, noise: what real images and noise reach by the same measure.
        warning: what a reader should know before trusting it.
        detail: what else was found; protocol: how it was measured.
    """

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    step: int
    metric: str
    value: float | None = None
    better: Literal["lower", "higher"] = "lower"
    unit: str = ""
    error: float | None = None
    real: float | None = None
    noise: float | None = None
    warning: str = ""
    reason: str = ""
    detail: dict[str, Any] = Field(default_factory=dict)
    protocol: dict[str, Any] = Field(default_factory=dict)


class RunFolder:
    """A run's folder: names of its files, and the reading and writing of its records."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record_file = path / "run.json"
        self.metrics_file = path / "metrics.jsonl"
        self.events_file = path / "events.jsonl"
        self.scores_file = path / "scores.jsonl"
        self.real_file = path / "real.png"
        self.sheet_file = path / "sheet.json"
        self.samples = path / "samples"
        self.checkpoints = path / "checkpoints"
        self.generators_folder = path / "generators"
        self.pictures = path / "pictures"
        self.generator_file = path / "generator.safetensors"
        self.losses_figure = path / "losses.png"
        self.samples_figure = path / "samples.png"
        self.animation = path / "progress.gif"
        self.trace = path / "trace.json"
        self.report_file = path / "report.html"
        self.neighbours_figure = path / "neighbours.png"

    @classmethod
    def create(cls, path: Path, record: RunRecord) -> RunFolder:
        """Make a new run folder with its record in it; it appears whole or not at all.

        Raises:
            ConfigError: something of that name exists already.
            GantoolError: the folder cannot be made.
        """
        if path.exists():
            raise ConfigError(f"the run {path} exists already and is never overwritten.", "Give another --name.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = cls(Path(tempfile.mkdtemp(prefix=".new-", dir=path.parent)))
        except FileExistsError as error:
            raise ConfigError(
                f"{path.parent} is a file; runs need a folder.", "Name another with --experiments-dir."
            ) from error
        except OSError as error:
            raise cls._cannot_make(path, error) from error
        try:
            aside.path.chmod(0o755)
            aside.samples.mkdir()
            aside.checkpoints.mkdir()
            aside.write(record)
            aside.path.rename(path)
        except OSError as error:
            aside.remove()
            raise cls._cannot_make(path, error) from error
        return cls(path)

    @staticmethod
    def _cannot_make(path: Path, error: OSError) -> GantoolError:
        return GantoolError(
            f"cannot make the run folder {path}: {error.strerror or error}",
            "Make room, or name a writable place with --experiments-dir.",
        )

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Open an existing run folder.

        Raises:
            ConfigError: it is not one, or something in it is not its own.
        """
        folder = cls(path)
        if not folder.record_file.is_file():
            what = "has no run.json" if path.is_dir() else "is not a folder"
            raise ConfigError(
                f"{path} is not a run: it {what}.",
                "Give a folder that `gantool run` made, for example experiments/...",
            )
        folder._refuse_what_is_not_its_own()
        return folder

    def _refuse_what_is_not_its_own(self) -> None:
        """A run folder from elsewhere must not make a reader open other files, or wait at a pipe for ever."""
        root = self.path.resolve()
        for parent, folders, files in os.walk(self.path):
            for name in (*folders, *files):
                entry = Path(parent, name)
                try:
                    mode = entry.lstat().st_mode
                    inside = not stat.S_ISLNK(mode) or entry.resolve().is_relative_to(root)
                except FileNotFoundError:  # a file of a live run that has just been renamed
                    continue
                except (OSError, RuntimeError):
                    raise ConfigError(f"{entry} is a link that leads nowhere.", "Remove it.") from None
                if not inside:
                    what = f"a link out of the folder, to {entry.readlink()}"
                elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
                    what = "neither a file nor a folder"
                else:
                    continue
                raise ConfigError(
                    f"{entry} is {what}.", "Nothing of the run was read; remove it if you trust the rest."
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
                f"{self.path} has run format {version}; this gantool reads up to {FORMAT}.", "Update gantool."
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

    def sheet(self, step: int) -> Path:
        """Where the sheet of a step is."""
        return self.samples / f"{step:08d}.png"

    def sheets(self) -> dict[int, Path]:
        """The sheets there are, by step, in order."""
        found = {int(file.stem): file for file in self.samples.glob("*.png") if re.fullmatch(r"\d{8,}", file.stem)}
        return dict(sorted(found.items()))

    def generator(self, step: int) -> Path:
        """Where the generator of an earlier step is, if it was kept."""
        return self.generators_folder / f"{step:08d}.safetensors"

    def generators(self) -> dict[int, Path]:
        """The generators of earlier steps that were kept, by step, in order."""
        files = self.generators_folder.glob("*.safetensors")
        return dict(sorted((int(file.stem), file) for file in files if re.fullmatch(r"\d{8,}", file.stem)))

    def scores(self) -> list[Score]:
        """What scores.jsonl holds, the last line for each step, metric and protocol, in order of first appearance."""
        found: dict[tuple[int, str, str], Score] = {}
        for line in read_json_lines(self.scores_file):
            with contextlib.suppress(ValidationError):
                score = Score.model_validate(line)
                found[score.step, score.metric, json.dumps(score.protocol, sort_keys=True)] = score
        return list(found.values())

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process; the lock goes with the process, however it ends.

        Raises:
            GantoolError: another process holds it.
        """
        try:
            with FileLock(self.path / ".lock", timeout=_LOOK):  # `is_live` of another process holds it for an instant
                yield
        except Timeout:
            try:
                owner = self.read().process
            except GantoolError:
                owner = {}
            raise GantoolError(
                f"run {self.path} is being trained by process {owner.get('pid', '?')} on {owner.get('host', '?')}.",
                "Wait for it, or stop it first.",
            ) from None

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

    def remove(self) -> None:
        """Delete the folder: for a run that failed before its first step."""
        shutil.rmtree(self.path, ignore_errors=True)

    def leftovers(self) -> list[Path]:
        """What writes that were killed have left aside; only the process that holds the lock may remove them."""
        places = (self.path, self.samples, self.checkpoints, self.generators_folder)
        hidden = (file for place in places if place.is_dir() for file in place.glob(".*") if file.is_file())
        aside = [file for file in hidden if re.fullmatch(r"\..+-[a-z0-9_]{8}", file.name)]
        sums = [file for file in self.checkpoints.glob("*.sha256") if not file.with_suffix(".pt").exists()]
        return aside + sums


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that it appears whole or not at all: aside, flushed to disk, renamed."""
    descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).chmod(0o644)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    _sync_names(path.parent)


def _sync_names(folder: Path) -> None:
    """Make a renaming safe from a power cut, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_text(path: Path) -> str:
    """Read a whole document, unless it is larger than any that gantool writes.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large, or no UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST >> 20} MiB")
    return content.decode("utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write a JSON document, whole or not at all; numbers that are not finite become null."""
    write_bytes(path, (json.dumps(finite(content), indent=1, ensure_ascii=False) + "\n").encode())


def finite(value: Any) -> Any:
    """The same content with None in place of every number that JSON cannot hold."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


class JsonLines:
    """A growing file of one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add a line."""
        self._file.write(json.dumps(finite(entry), ensure_ascii=False) + "\n")

    def flush(self, *, to_disk: bool = False) -> None:
        """Make the lines visible to readers, and with `to_disk` safe from a power cut."""
        self._file.flush()
        if to_disk:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read what a growing file holds; an unterminated last line, damaged lines and a missing file are passed over."""
    for _, entry in _lines(path):
        yield entry


def _lines(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """The whole and sound lines of a growing file, as they stand and as what they say."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        while line := file.readline(_LONGEST_LINE):
            if not line.endswith(b"\n"):
                if len(line) < _LONGEST_LINE:
                    return
                while (rest := file.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
                    pass
                continue
            with contextlib.suppress(ValueError, RecursionError):
                entry = json.loads(line)
                if isinstance(entry, dict):
                    yield line, entry


def last_line(path: Path) -> dict[str, Any]:
    """The last whole line of a growing file; {} where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return {}
    for line in reversed(lines):
        with contextlib.suppress(ValueError, RecursionError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                return entry
    return {}


def cut_back(path: Path, step: int) -> None:
    """Drop from a growing file the lines after a step, those that name none, and an unterminated last line."""
    if path.exists():
        write_bytes(path, b"".join(line for line, entry in _lines(path) if _step(entry) <= step))


def _step(entry: Mapping[str, Any]) -> float:
    return entry["step"] if type(entry.get("step")) is int else math.inf
