"""The engine of many machines: each run a Ray task, retried where its worker dies."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import shutil
import signal
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gantool.errors import ConfigError, GantoolError
from gantool.machine import signals
from gantool.runs.folder import RunFolder
from gantool.study.engines.process import Outcome, carry_out, next_argv
from gantool.study.job import Job
from gantool.study.table import StudyTable

_TOKEN = ".study"  # a file by which a worker knows whether it sees the driver's folder
_STOP = " stop"
_STOP_SECONDS = 60.0  # for runs to finish a step and save
_LOOK_SECONDS = 0.5
_RETRIES = 3


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster to run on.

    Attributes:
        address: of the cluster; None for one on this machine.
        cpus: CPUs of a run.
        gpus: GPUs of a run.
        local_cpus: CPUs of a cluster on this machine.
    """

    address: str | None
    cpus: int
    gpus: float
    local_cpus: int | None = None


def run(
    jobs: Sequence[Job],
    place: Path,
    cluster: Cluster,
    table: StudyTable,
    *,
    share: bool = True,
) -> list[Outcome]:
    """Carry out the jobs as Ray tasks; a failed one does not stop the rest.

    A worker that sees the study's folder works in it, and a retried task goes on from the last
    state there. One that does not works in a folder of its own and sends the run back whole when it
    is done.

    Args:
        jobs: the runs.
        place: folder of the study.
        cluster: the cluster to run on.
        table: takes each outcome when it is there, and what happens to the cluster.
        share: False keeps workers from working in the study's folder even where they see it.

    Raises:
        ConfigError: Ray is not installed, or no cluster answers at the address.
    """
    log = place / "logs" / "ray.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    # A thread of Ray's prints what its machines say: of a node that dies, the state, at length.
    with log.open("a", encoding="utf-8") as said, contextlib.redirect_stdout(said):
        ray = _connect(cluster)
        try:
            return _carry_out(ray, jobs, place, cluster=cluster, table=table, share=share)
        finally:
            ray.shutdown()


def _carry_out(
    ray: Any,
    jobs: Sequence[Job],
    place: Path,
    *,
    cluster: Cluster,
    table: StudyTable,
    share: bool,
) -> list[Outcome]:
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
                    table(ended)
                    continue
                begun = None if shared else _pack(place, job.name)
                pending[task.remote(job, str(place.resolve()), token, begun)] = job
            _collect(ray, pending, outcomes=outcomes, place=place, table=table)
    except _ClusterLostError as error:
        table.say(str(error))
        outcomes += [Outcome(job.name, "interrupted") for job in pending.values()]
    except KeyboardInterrupt:
        # Workers that see it let their runs save.
        (place / _TOKEN).write_text(token + _STOP, encoding="utf-8")
        if pending:
            ray.wait(list(pending), num_returns=len(pending), timeout=_STOP_SECONDS if share else 0)
        for reference in pending:
            ray.cancel(reference)
        for reference, job in pending.items():
            outcomes.append(_outcome(ray, reference, job=job, place=place))
        known = {outcome.name for outcome in outcomes}
        outcomes += [Outcome(job.name, "interrupted") for job in jobs if job.name not in known]
    finally:
        (place / _TOKEN).unlink(missing_ok=True)
    return outcomes


def _collect(
    ray: Any,
    pending: dict[Any, Job],
    outcomes: list[Outcome],
    place: Path,
    table: StudyTable,
) -> None:
    nodes = _Nodes(ray)
    while pending:
        done, _ = ray.wait(list(pending), timeout=_LOOK_SECONDS)
        for reference in done:
            outcome = _outcome(ray, reference, job=pending.pop(reference), place=place)
            outcomes.append(outcome)
            table(outcome)
        table(None)
        for line in nodes.look() if pending else ():
            table.say(line)


class _ClusterLostError(Exception):
    """The node of this process died, and with it all that Ray would tell it."""


class _Nodes:
    """The nodes of the cluster: which have died since the last look."""

    def __init__(self, ray: Any) -> None:
        self.ray = ray
        self.own = ray.get_runtime_context().get_node_id()
        self.alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}

    def look(self) -> list[str]:
        """A line for each node that died; what ran there Ray begins again elsewhere.

        Raises:
            _ClusterLostError: it was the node of this process.
        """
        nodes = {node["NodeID"]: node for node in self.ray.nodes()}
        now = {key for key, node in nodes.items() if node["Alive"]}
        died, self.alive = self.alive - now, now
        if self.own in died:
            raise _ClusterLostError("Ray's node on this machine died, and the study stops.")
        return [
            f"node {nodes[key]['NodeManagerAddress']} of the Ray cluster died; "
            "its runs go on elsewhere."
            for key in sorted(died & nodes.keys())
        ]


def _ended(job: Job, place: Path) -> Outcome | None:
    """The end of a run in an earlier session of the study.

    It is None where there is something left to do.
    """
    try:
        return (
            Outcome(job.name, "done")
            if next_argv(job, RunFolder(place / job.name)) is None
            else None
        )
    except GantoolError as error:
        return Outcome(job.name, "failed", reason=error.message)


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
        raise ConfigError(
            "--engine ray needs Ray, which is not installed.", "pip install 'gantool[ray]'"
        ) from None
    return ray


def _connect(cluster: Cluster) -> Any:
    ray = require()
    options = (
        {"address": cluster.address}
        if cluster.address
        else {"address": "local", "num_cpus": cluster.local_cpus}
    )
    try:
        ray.init(
            logging_level="error",
            log_to_driver=False,
            include_dashboard=False if not cluster.address else None,
            **options,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"no Ray cluster answers at {cluster.address}: {str(error).splitlines()[0]}"
        ) from None
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(
        node.get("CPU", 0) >= cluster.cpus and node.get("GPU", 0) >= cluster.gpus for node in nodes
    ):
        best = ", ".join(
            f"{node.get('CPU', 0):.0f} CPUs and {node.get('GPU', 0):.0f} GPUs" for node in nodes
        )
        ray.shutdown()
        raise ConfigError(
            f"no machine of the cluster has {cluster.cpus} CPUs and {cluster.gpus:g} GPUs "
            f"for a run (there: {best}).",
            "Ask for less with --cpus-per-run and --gpus-per-run.",
        )
    return ray


def _work(job: Job, place: str, token: str, begun: bytes | None) -> tuple[Outcome, bytes | None]:
    """The Ray task: bring a run to its end, from what was begun.

    It works in the study's folder where that is shared, else in a folder of this machine's.
    """
    if _is_shared(Path(place), token):
        return carry_out(job, Path(place), lambda: _said(Path(place)).endswith(_STOP)), None
    own = Path(tempfile.gettempdir()) / f"gantool-study-{os.getuid()}" / Path(place).name
    if begun and not (own / job.name).exists():
        _unpack(begun, job.name, place=own)
    outcome = carry_out(job, own)
    packed = _pack(own, job.name)
    if outcome.status == "done":
        shutil.rmtree(own / job.name, ignore_errors=True)
    return outcome, packed


def _is_shared(place: Path, token: str) -> bool:
    return bool(token) and _said(place).startswith(token)


def _said(place: Path) -> str:
    """The driver's message in the study's folder; empty where the folder is not seen."""
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
            _unpack(packed, job.name, place=place)
    except (ray.exceptions.TaskCancelledError, KeyboardInterrupt):
        return Outcome(job.name, "interrupted")
    except (ray.exceptions.RayError, OSError, tarfile.TarError) as error:
        return Outcome(
            job.name, "failed", reason=(str(error).strip() or type(error).__name__).splitlines()[-1]
        )
    found: Outcome = outcome
    return found
