"""What a run keeps while it goes on: figures, sheets, resumable states, and what the detectors say."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gantool import checkpoints, runs
from gantool.config import split_interval
from gantool.data.prepared import Prepared
from gantool.detectors import Finding, SaturationDetector, variety_detectors
from gantool.errors import DivergedError
from gantool.progress import Display
from gantool.runs import JsonLines, RunFolder, RunRecord
from gantool.sampling import SHEET_SEED, Sheet, draw, grid, png
from gantool.tracking import Trackers
from gantool.trainer import Trainer

FIGURES = ("loss_d", "loss_g", "d_real", "d_fake", "d_fake_after")
_BLOCK = 50  # steps whose figures are fetched at once from an accelerator, where fetching waits for the device
_FLUSH_SECONDS = 1.0
_CHECKPOINT_SECONDS = 300.0
_EARLY = 100  # steps before which the samples' variety says nothing
_CHECKPOINT_REST = 10.0  # epochs that follow each other faster than this share a checkpoint


class Recorder:
    """Records one training session into a run folder."""

    def __init__(
        self,
        folder: RunFolder,
        record: RunRecord,
        trainer: Trainer,
        sheet: Sheet,
        data: Prepared,
        display: Display,
    ) -> None:
        self.folder = folder
        self.record = record
        self.trainer = trainer
        self.sheet = sheet
        self.display = display
        self.trackers = Trackers(self._tracker_failed)
        self.config = trainer.config
        self.sheet_every = self.config.sheet_every or max(1, min(500, math.ceil(trainer.total_steps / 10)))
        self.block = 1 if trainer.device.type == "cpu" else _BLOCK
        self.metrics = JsonLines(folder.metrics_file)
        self.events = JsonLines(folder.events_file)
        self.saturation = SaturationDetector(trainer.gan.objective.probabilities)
        self.variety = variety_detectors(*_some_real(data, len(sheet.latents), trainer.gan.conditional))
        self.seconds_before = record.seconds
        self.images_before = trainer.images
        self.began = self.flushed = self.saved = time.monotonic()
        self.saved_epoch = int(trainer.batches.epoch)
        self.pending: list[tuple[dict[str, Any], dict[str, Tensor]]] = []

    def begin(self, data: Prepared) -> None:
        """Write what is known before the first step: record, real images, the sheet's latents and its first drawing."""
        self.folder.write(self.record)
        runs.write_bytes(self.folder.real_file, png(grid(_real_cells(data, self.sheet), self.sheet.columns)))
        runs.write_json(self.folder.sheet_file, self.sheet.describe())
        self.draw_sheet()

    def step(self, figures: dict[str, Tensor]) -> None:
        """Take a step's figures; draw and save what is due.

        Raises:
            DivergedError: a figure is not finite.
        """
        progress = self.trainer.progress
        position = {
            "step": progress.step,
            "epoch": round(progress.epoch, 6),
            "images": progress.images,
            "seconds": round(self.seconds, 4),
        }
        self.pending.append((position, figures))
        last = progress.step >= progress.total_steps
        sheet_due = last or progress.step % self.sheet_every == 0
        save_due = self.trainer.world.any(last or self._checkpoint_due())
        if len(self.pending) >= self.block or sheet_due or save_due:
            self.fetch()
        if sheet_due:
            self.draw_sheet()
        every = self.config.keep_generators_every
        if every and progress.step % every == 0:
            self.save_generator(self.folder.generator(progress.step))
        if save_due:  # last: what is drawn after a state is not drawn again by a run that goes on from it
            self.save()

    def fetch(self) -> None:
        """Bring the pending figures from the device and write them down."""
        pending, self.pending = self.pending, []
        for position, figures in pending:
            values = dict(zip(figures, torch.stack(tuple(figures.values())).tolist(), strict=True))
            line = {**position, **dict.fromkeys(FIGURES), **values}
            self.metrics.append(line)
            bad = [key for key, value in values.items() if not math.isfinite(value)]
            if bad:
                self._diverged(line, bad)
            self.trackers.log(line["step"], runs.finite(line))
            self.say(self.saturation.step(line), line["step"])
            rate = (line["images"] - self.images_before) / max(1e-9, line["seconds"] - self.seconds_before)
            self.display.step({**line, "images_per_second": rate})
        if time.monotonic() - self.flushed > _FLUSH_SECONDS:
            self.metrics.flush()
            self.flushed = time.monotonic()

    def draw_sheet(self) -> None:
        """Draw the sheet of the current step; training is not touched."""
        with self.trainer.averaged() as gan:
            pixels = draw(gan, self.sheet.latents, self.sheet.labels)
        sheet = grid(pixels, self.sheet.columns)
        runs.write_bytes(self.folder.sheet(self.trainer.steps), png(sheet))
        self.trackers.samples(self.trainer.steps, sheet)
        if self.trainer.steps >= _EARLY:
            labels = None if self.sheet.labels is None else self.sheet.labels.numpy()
            share = self.trainer.steps / self.trainer.total_steps
            for detector in self.variety:
                self.say(detector.sheet(pixels, labels, share), self.trainer.steps)

    def save(self) -> None:
        """Save a resumable state; the figures up to it are on disk before it is."""
        self.fetch()
        self.metrics.flush(to_disk=True)
        self.events.flush(to_disk=True)
        self.folder.write(self.up_to_date("running"))
        state = {**self.trainer.state_dict(), "seconds": self.seconds}
        checkpoints.save(self.folder.checkpoints, self.trainer.steps, state)
        self.saved = time.monotonic()
        self.saved_epoch = int(self.trainer.batches.epoch)

    def save_generator(self, path: Path) -> None:
        """Keep the generator of now, with averaged weights if any, as safetensors."""
        path.parent.mkdir(exist_ok=True)
        with self.trainer.averaged() as gan:
            about = {
                "model": self.record.model,
                "step": self.trainer.steps,
                "averaged": self.trainer.ema is not None,
                "latent": gan.latent.describe(),
            }
            checkpoints.save_generator(path, gan.generator, about)

    def say(self, finding: Finding | None, step: int) -> None:
        """Write a finding down and tell the user."""
        if finding is None:
            return
        self.note(finding.kind, finding.detector, finding.message, step)
        self.display.say(f"step {step}: {finding.kind} ({finding.detector}): {finding.message}.")

    def note(self, kind: str, detector: str, message: str, step: int) -> None:
        """Write an event down."""
        self.events.append({"step": step, "kind": kind, "detector": detector, "message": message})
        self.events.flush()

    def up_to_date(self, status: runs.Status) -> RunRecord:
        """The record with the figures of now."""
        seconds = self.seconds
        self.record = self.record.model_copy(
            update={
                "status": status,
                "ended": None if status == "running" else now(),
                "steps": self.trainer.steps,
                "epochs": round(self.trainer.batches.epoch, 6),
                "images": self.trainer.images,
                "seconds": round(seconds, 3),
                "images_per_second": round(self.trainer.images / seconds, 1) if seconds > 0 else None,
            }
        )
        return self.record

    def close(self, status: runs.Status, record: RunRecord | None = None) -> None:
        """Write the final record: the given one, or that of now.

        Raises:
            OSError: something could not be written; the rest was.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: self.folder.write(record or self.up_to_date(status)))
            stack.callback(self.events.close)
            stack.callback(self.metrics.close)
            stack.callback(self.trackers.close)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Do something that is no training: its time does not count."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.began += time.monotonic() - began

    @property
    def seconds(self) -> float:
        """Training seconds, earlier sessions of the run included."""
        return self.seconds_before + time.monotonic() - self.began

    def _checkpoint_due(self) -> bool:
        rest = time.monotonic() - self.saved
        if self.config.checkpoint_every is not None:
            count, minutes = split_interval(self.config.checkpoint_every)
            return rest >= 60 * count if minutes else self.trainer.steps % count == 0
        new_epoch = int(self.trainer.batches.epoch) > self.saved_epoch
        return rest > _CHECKPOINT_SECONDS or (new_epoch and rest > _CHECKPOINT_REST)

    def _tracker_failed(self, name: str, reason: str) -> None:
        message = f"tracker {name} is disabled: {reason}"
        self.note("disabled tracker", name, message, self.trainer.steps)
        self.display.say(f"{message}; the run goes on.")

    def _diverged(self, line: Mapping[str, Any], bad: list[str]) -> None:
        self.metrics.flush()
        gan = self.trainer.gan
        state = "; ".join(f"{name}: {_health(getattr(gan, name))}" for name in ("discriminator", "generator"))
        message = f"{', '.join(bad)} {'is' if len(bad) == 1 else 'are'} not finite ({state})"
        self.note("divergence", "non-finite", message, line["step"])
        raise DivergedError(
            f"run {self.folder.path} diverged at step {line['step']}: {message}.",
            "The states before it are kept. Try a lower --lr, --precision fp32, a --penalty, or another --seed.",
        )


def _health(network: nn.Module) -> str:
    gradients = [p.grad.detach().float().norm() for p in network.parameters() if p.grad is not None]
    norm = torch.stack(gradients).norm().item() if gradients else float("nan")
    sound = all(bool(torch.isfinite(p).all()) for p in network.parameters())
    return f"gradient norm {norm:.3g}, weights {'finite' if sound else 'not finite'}"


def _real_cells(data: Prepared, sheet: Sheet) -> npt.NDArray[np.uint8]:
    """Training images for the cells of a sheet: the same ones in every run; of the cell's class where it has one."""
    order = np.random.default_rng(SHEET_SEED).permutation(len(data.train))
    if sheet.labels is None or data.train.labels is None:
        return data.train.images[order[np.arange(len(sheet.latents)) % len(order)]]
    members = [order[data.train.labels[order] == label] for label in range(sheet.columns)]
    columns = [np.resize(found if len(found) else order, sheet.rows) for found in members]
    cells: npt.NDArray[np.uint8] = data.train.images[np.stack(columns, axis=1).ravel()]
    return cells


def _some_real(data: Prepared, n: int, with_labels: bool) -> tuple[Any, Any]:
    """Up to n training images spread over the split, to compare the samples' variety with."""
    chosen = np.unique(np.linspace(0, len(data.train) - 1, n).astype(int))
    labels = data.train.labels[chosen] if with_labels and data.train.labels is not None else None
    return data.train.images[chosen], labels


def now() -> str:
    """The time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
