"""Weights & Biases for gantool: `gantool run MODEL --track wandb`."""

from __future__ import annotations

import os
import secrets

import gantool


class WeightsAndBiases(gantool.Tracker):
    """A tracker that logs to Weights & Biases: to this disk, unless WANDB_MODE is online."""

    most = 2000

    def __init__(self, run: gantool.TrackedRun) -> None:
        import wandb

        self.picture = wandb.Image
        self.id = run.id or secrets.token_hex(4)
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "gantool"),
            name=run.name,
            id=self.id,
            resume="allow",
            reinit="create_new",  # a run that the caller has open is left alone
            config={"model": run.model, **run.config},
            allow_val_change=True,
            # Being logged in is no consent to an upload. And not in the run folder, which must not
            # hold links that lead out of it, as those of wandb do.
            mode=os.environ.get("WANDB_MODE", "offline"),
            dir=os.environ.get("WANDB_DIR", run.path.parent),
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,
                disable_code=True,
                x_transaction_log_flush_interval=1,  # seconds; a kill loses no more
            ),
        )

    def log(self, step, metrics) -> None:
        """Log metrics; W&B's own steps are the run's, which only grow."""
        self.run.log(metrics, step=step)

    def samples(self, step, image) -> None:
        """Log the sample grid of a step."""
        self.run.log({"samples": self.picture(image)}, step=step)

    def close(self, status) -> None:
        """Say how the run ended, in the summary and by the exit code."""
        self.run.summary["status"] = status
        self.run.finish(exit_code=int(status != "finished"))


@gantool.hookimpl
def track(run):
    """Follow a run."""
    return WeightsAndBiases(run)
