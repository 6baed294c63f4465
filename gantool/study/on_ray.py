"""The engine of many machines: each run a Ray task, retried where its worker dies."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import signal
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gantool import signals
from gantool.errors import ConfigError, GantoolError
from gantool.runs import RunFolder
from gantool.study.plan import Job
from gantool.study.work import Outcome, carry_out, next_words

_TOKEN = ".study"  # a file by which a worker knows whether it sees the driver's folder
_STOP = " stop"
_STOP_SECONDS = 60.0  # for runs to finish a step and save
_LOOK_SECONDS = 0.5
_RETRIES = 3


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where to run: an address (None: a cluster on this machine), CPUs and GPUs of a run, CPUs of a local cluster."""

    address: str | None
    cpus: int
    gpus: float
    local_cpus: int | None = None


def run(
    jobs: Sequence[Job],
    place: Path,
    cluster: Cluster,
    board: Callable[[Outcome | None], None],
    *,
    share: bool = True,
) -> list[Outcome]:
    """Carry out the jobs as Ray tasks; a failed one does not stop the rest.

    A worker that sees the study's folder works in it, and a retried task goes on from the last state there. One that
    does not works in a folder of its own and sends the run back whole when it is done.

    Args:
        jobs: the runs.
        place: folder of the study.
        cluster: where.
        board: called with each outcome when it is there, and with None now and then.
        share: False keeps workers from working in the study's folder even where they see it.

    Raises:
        ConfigError: Ray is not installed, or no cluster answers at the address.
    """
    ray = _connect(cluster)
    token = secrets.token_hex(8) if share else ""
    (place / _TOKEN).write_text(token, encoding="utf-8")
    resources = {"num_cpus": cluster.cpus, "num_gpus": cluster.gpus}
    task = ray.remote(max_retries=_RETRIES, **resources)(_work)
    outcomes: list[Outcome] = []
    pending: dict[Any, Job] = {}
    try:
        with signals.handled(_interrupt, [signal.SIGTERM]):
            shared = ray.get(ray.remote(**resources)(_is_shared).remote(place.resolve(), token))
            for job in jobs:
                if ended := _ended(job, place):
                    outcomes.append(ended)
                    board(ended)
                    continue
                begun = None if shared else _pack(place, job.name)
                pending[task.remote(job, str(place.resolve()), token, begun)] = job
            _collect(ray, pending, outcomes, place, board)
    except KeyboardInterrupt:
        (place / _TOKEN).write_text(token + _STOP, encoding="utf-8")  # workers that see it let their runs save
        if pending:
            ray.wait(list(pending), num_returns=len(pending), timeout=_STOP_SECONDS if share else 0)
        for reference in pending:
            ray.cancel(reference)
        for reference, job in pending.items():
            outcomes.append(_outcome(ray, reference, job, place))
        known = {outcome.name for outcome in outcomes}
        outcomes += [Outcome(job.name, "interrupted") for job in jobs if job.name not in known]
    finally:
        (place / _TOKEN).unlink(missing_ok=True)
        ray.shutdown()
    return outcomes


def _collect(
    ray: Any,
    pending: dict[Any, Job],
    outcomes: list[Outcome],
    place: Path,
    board: Callable[[Outcome | None], None],
) -> None:
    while pending:
        done, _ = ray.wait(list(pending), timeout=_LOOK_SECONDS)
        for reference in done:
            outcome = _outcome(ray, reference, pending.pop(reference), place)
            outcomes.append(outcome)
            board(outcome)
        board(None)


def _ended(job: Job, place: Path) -> Outcome | None:
    """How a run ended in an earlier session of the study; None where there is something left to do."""
    try:
        return Outcome(job.name, "done") if next_words(job, RunFolder(place / job.name)) is None else None
    except GantoolError as error:
        return Outcome(job.name, "failed", error.message)


def _interrupt() -> None:
    raise KeyboardInterrupt


def require() -> Any:
    """The module `ray`.

    Raises:
        ConfigError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise ConfigError("--engine ray needs Ray, which is not installed.", "pip install 'gantool[ray]'") from None
    return ray


def _connect(cluster: Cluster) -> Any:
    ray = require()
    options = {"address": cluster.address} if cluster.address else {"address": "local", "num_cpus": cluster.local_cpus}
    try:
        ray.init(
            logging_level="error",
            log_to_driver=False,
            include_dashboard=False if not cluster.address else None,
            **options,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(f"no Ray cluster answers at {cluster.address}: {str(error).splitlines()[0]}") from None
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(node.get("CPU", 0) >= cluster.cpus and node.get("GPU", 0) >= cluster.gpus for node in nodes):
        best = ", ".join(f"{node.get('CPU', 0):.0f} CPUs and {node.get('GPU', 0):.0f} GPUs" for node in nodes)
        ray.shutdown()
        raise ConfigError(
            f"no machine of the cluster has {cluster.cpus} CPUs and {cluster.gpus:g} GPUs for a run (there: {best}).",
            "Ask for less with --cpus-per-run and --gpus-per-run.",
        )
    return ray


def _work(job: Job, place: str, token: str, begun: bytes | None) -> tuple[Outcome, bytes | None]:
    """The task: in the study's folder where it is shared, else in one of this machine's, from what was begun."""
    if _is_shared(Path(place), token):
        return carry_out(job, Path(place), lambda: _said(Path(place)).endswith(_STOP)), None
    own = Path(tempfile.gettempdir()) / f"gantool-study-{os.getuid()}" / Path(place).name
    if begun and not (own / job.name).exists():
        _unpack(begun, job.name, own)
    outcome = carry_out(job, own)
    packed = _pack(own, job.name)
    if outcome.status == "done":
        shutil.rmtree(own / job.name, ignore_errors=True)
    return outcome, packed


def _is_shared(place: Path, token: str) -> bool:
    return bool(token) and _said(place).startswith(token)


def _said(place: Path) -> str:
    """What the driver wrote into the study's folder; nothing where it is not seen."""
    try:
        return (place / _TOKEN).read_text(encoding="utf-8")
    except OSError:
        return ""


def _pack(own: Path, name: str) -> bytes | None:
    if not (own / name).exists():
        return None
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(own / name, name)
        if (own / "logs" / f"{name}.log").exists():
            archive.add(own / "logs" / f"{name}.log", f"{name}.log")
    return buffer.getvalue()


def _unpack(packed: bytes, name: str, place: Path) -> None:
    """Put a run in its place, whole or not at all, instead of an older state of it."""
    (place / "logs").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=place) as aside:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(aside, filter="data")
        if (place / name).exists():
            (place / name).rename(Path(aside, "old"))
        Path(aside, name).rename(place / name)
        if Path(aside, f"{name}.log").exists():
            Path(aside, f"{name}.log").replace(place / "logs" / f"{name}.log")


def _outcome(ray: Any, reference: Any, job: Job, place: Path) -> Outcome:
    try:
        outcome, packed = ray.get(reference)
        if packed is not None:
            _unpack(packed, job.name, place)
    except (ray.exceptions.TaskCancelledError, KeyboardInterrupt):
        return Outcome(job.name, "interrupted")
    except (ray.exceptions.RayError, OSError, tarfile.TarError) as error:
        return Outcome(job.name, "failed", (str(error).strip() or type(error).__name__).splitlines()[-1])
    found: Outcome = outcome
    return found
