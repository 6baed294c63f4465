"""The engine of many machines: each run a Ray task, retried where its worker dies."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gantool.errors import ConfigError, GantoolError
from gantool.study.plan import Job
from gantool.study.work import Outcome, carry_out

_TOKEN = ".study"  # a file by which a worker knows whether it sees the driver's folder
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
    task = ray.remote(max_retries=_RETRIES, num_cpus=cluster.cpus, num_gpus=cluster.gpus)(_work)
    outcomes: list[Outcome] = []
    try:
        pending = {task.remote(job, str(place.resolve()), token): job for job in jobs}
        while pending:
            done, _ = ray.wait(list(pending), timeout=_LOOK_SECONDS)
            for reference in done:
                outcome = _outcome(ray, reference, pending.pop(reference), place)
                outcomes.append(outcome)
                board(outcome)
            board(None)
    except KeyboardInterrupt:
        for reference in pending:
            ray.cancel(reference)
        for reference, job in pending.items():
            outcomes.append(_outcome(ray, reference, job, place))
    finally:
        (place / _TOKEN).unlink(missing_ok=True)
        ray.shutdown()
    return outcomes


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
    options: dict[str, Any] = {"address": cluster.address} if cluster.address else {"num_cpus": cluster.local_cpus}
    try:
        ray.init(
            logging_level="error",
            log_to_driver=False,
            include_dashboard=False if not cluster.address else None,
            **options,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(f"no Ray cluster answers at {cluster.address}: {str(error).splitlines()[0]}") from None
    return ray


def _work(job: Job, place: str, token: str) -> tuple[Outcome, bytes | None]:
    """The task: in the study's folder where it is shared, else in one of this machine's."""
    if _is_shared(Path(place), token):
        return carry_out(job, Path(place)), None
    own = Path(tempfile.gettempdir()) / f"gantool-study-{os.getuid()}" / Path(place).name
    outcome = carry_out(job, own)
    packed = _pack(own, job.name)
    shutil.rmtree(own / job.name, ignore_errors=True)
    return outcome, packed


def _is_shared(place: Path, token: str) -> bool:
    try:
        return bool(token) and (place / _TOKEN).read_text(encoding="utf-8") == token
    except OSError:
        return False


def _pack(own: Path, name: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for part in (name, f"logs/{name}.log"):
            if (own / part).exists():
                archive.add(own / part, part)
    return buffer.getvalue()


def _outcome(ray: Any, reference: Any, job: Job, place: Path) -> Outcome:
    try:
        outcome, packed = ray.get(reference)
    except (ray.exceptions.TaskCancelledError, KeyboardInterrupt):
        return Outcome(job.name, "interrupted")
    except (ray.exceptions.RayError, GantoolError) as error:
        return Outcome(job.name, "failed", str(error).strip().splitlines()[-1])
    if packed is not None:
        shutil.rmtree(place / job.name, ignore_errors=True)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(place, filter="data")
    found: Outcome = outcome
    return found
