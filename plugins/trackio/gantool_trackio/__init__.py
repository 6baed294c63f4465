"""Trackio for gantool: `gantool run MODEL --track trackio`."""

from __future__ import annotations

import contextlib
import io
import os
import secrets

import gantool


class Trackio(gantool.Tracker):
    """A tracker that logs to Trackio's store on this disk, or wherever its variables say."""

    most = 2000

    def __init__(self, run: gantool.TrackedRun) -> None:
        try:
            import trackio
        except ImportError:
            raise gantool.GantoolError("its library is missing: `pip install trackio`") from None
        self.trackio = trackio
        self.project = os.environ.get("TRACKIO_PROJECT", "gantool")
        # Trackio finds a run by its name, which must therefore be the only one of its kind.
        self.id = run.id or self._free(run.name)
        with contextlib.redirect_stdout(io.StringIO()):
            self.run = trackio.init(
                project=self.project,
                name=self.id,
                resume="allow" if run.id else "never",
                config={"model": run.model, **run.config},
                embed=False,
                auto_log_cpu=False,
            )

    def log(self, step, metrics) -> None:
        """Log metrics, which Trackio writes from a thread of its own."""
        self.run.log(metrics, step=step)

    def samples(self, step, image) -> None:
        """Log the sample grid of a step."""
        self.run.log({"samples": self.trackio.Image(image)}, step=step)

    def flush(self) -> None:
        """Write now what that thread would write within half a second, as it does itself."""
        with contextlib.suppress(AttributeError):  # Trackio has no public way
            if self.run._is_local:
                with self.run._client_lock:
                    self.run._flush_queues_inline()

    def close(self, status) -> None:
        """Say how the run ended, as an alert, and wait for what is still to be written."""
        fine = status in ("finished", "interrupted")
        level = self.trackio.AlertLevel.INFO if fine else self.trackio.AlertLevel.ERROR
        with contextlib.redirect_stdout(io.StringIO()):
            self.run.alert(status, level=level)
            self.trackio.finish()

    def _free(self, name: str) -> str:
        taken = set()
        with contextlib.suppress(ValueError):  # there is no such project yet
            taken = {each.name for each in self.trackio.Api().runs(self.project)}
        return f"{name}-{secrets.token_hex(3)}" if name in taken else name


@gantool.hookimpl
def track(run):
    """Follow a run."""
    return Trackio(run)
