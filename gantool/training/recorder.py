"""The recorder of a run: metrics, sample grids, resumable states, and the detectors' alarms."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gantool.config import split_interval
from gantool.data.prepared import Prepared
from gantool.display import Display
from gantool.errors import DivergedError
from gantool.plugins.tracking import Trackers
from gantool.runs import checkpoints
from gantool.runs.files import JsonLines, finite, write_bytes, write_json
from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord, Status, timestamp
from gantool.sampling.generate import generate_samples
from gantool.sampling.grid import SampleGrid, real_cells
from gantool.sampling.pictures import png
from gantool.sampling.views import view_of
from gantool.training.detectors import (
    Alarm,
    SaturationDetector,
    VarietyDetector,
    variety_detectors,
)
from gantool.training.metrics import METRICS
from gantool.training.trainer import Trainer

_BLOCK = 50  # steps whose metrics are fetched at once from an accelerator: fetching waits for it
_FLUSH_SECONDS = 1.0
_CHECKPOINT_SECONDS = 300.0
_EARLY = 100  # steps before which the samples' variety says nothing
_CHECKPOINT_REST = 10.0  # epochs that follow each other faster than this share a checkpoint


class Recorder:
    """The recording of one training session into a run folder."""

    def __init__(
        self,
        folder: RunFolder,
        trainer: Trainer,
        *,
        record: RunRecord,
        sample_grid: SampleGrid,
        data: Prepared,
        display: Display,
    ) -> None:
        self.folder = folder
        self.record = record
        self.trainer = trainer
        self.sample_grid = sample_grid
        self.display = display
        self.trackers = Trackers(folder.tracked_file, report=self._tracker_failed)
        self.config = trainer.config
        self.labels = None if sample_grid.labels is None else sample_grid.labels.numpy()
        cells = real_cells(data, sample_grid)
        self.real = data.train.values[cells]
        known = None if data.train.labels is None else data.train.labels[cells]
        self.view = view_of(trainer.model.shapes, self.real, known)
        usual = max(1, min(500, math.ceil(trainer.total_steps / self.view.drawings)))
        self.sheet_every = self.config.sheet_every or usual
        self.block = 1 if trainer.device.type == "cpu" else _BLOCK
        self.metrics = JsonLines(folder.metrics_file)
        self.events = JsonLines(folder.events_file)
        self.saturation = SaturationDetector(trainer.model.d_scale == "probability")
        n = len(sample_grid.latents)
        self.variety = variety_detectors(
            *_some_real(data, n, with_labels=trainer.model.conditional),
            has_discriminator=record.has_discriminator,
            truth=data.truth,
        )
        self.seconds_before = record.seconds
        self.images_before = trainer.draws.images
        self.began = self.flushed = self.saved = time.monotonic()
        self.saved_epoch = int(trainer.batches.epoch)
        self.pending: list[tuple[dict[str, Any], dict[str, Tensor]]] = []

    def begin(self, data: Prepared) -> None:
        """Write all that is known before the first step.

        That is the record, real samples, the latents of the sample grid, and its first drawing.
        """
        self.folder.write(self.record)
        real = self.view.real(self.real, columns=self.sample_grid.columns)
        write_bytes(self.folder.real_file, png(real))
        write_json(self.folder.sheet_file, {**self.sample_grid.describe(), **self.view.describe()})
        self.draw_sample_grid()

    def step(self, metrics: dict[str, Tensor]) -> None:
        """Take a step's metrics; draw and save what is due.

        Raises:
            DivergedError: one of them is not finite.
        """
        progress = self.trainer.progress
        position = {
            "step": progress.step,
            "epoch": round(progress.epoch, 6),
            "images": progress.images,
            "seconds": round(self.seconds, 4),
        }
        self.pending.append((position, metrics))
        last = progress.step >= progress.total_steps
        grid_due = last or progress.step % self.sheet_every == 0
        save_due = self.trainer.world.any(last or self._checkpoint_due())
        if len(self.pending) >= self.block or grid_due or save_due:
            self.fetch()
        if grid_due:
            self.draw_sample_grid()
        every = self.config.keep_generators_every
        if every and progress.step % every == 0:
            self.save_generator(self.folder.generator(progress.step))
        # States come last: a run that goes on from one does not draw again what follows it.
        if save_due:
            self.save()

    def fetch(self) -> None:
        """Bring the pending metrics from the device and write them down."""
        pending, self.pending = self.pending, []
        for position, metrics in pending:
            values = dict(zip(metrics, torch.stack(tuple(metrics.values())).tolist(), strict=True))
            line = {**position, **dict.fromkeys(METRICS), **values}
            self.metrics.append(line)
            bad = [key for key, value in values.items() if not math.isfinite(value)]
            if bad:
                self._diverged(line, bad)
            self.trackers.metrics(line["step"], finite(line))
            self.say(self.saturation.step(line), line["step"])
            images = line["images"] - self.images_before
            seconds = max(1e-9, line["seconds"] - self.seconds_before)
            speed = images / seconds
            self.display.step({**line, "images_per_second": speed, "noun": self.record.noun})
        if time.monotonic() - self.flushed > _FLUSH_SECONDS:
            self.metrics.flush()
            self.flushed = time.monotonic()

    def draw_sample_grid(self) -> None:
        """Draw the sample grid of the current step; training is not touched."""
        step, sample_grid = self.trainer.steps, self.sample_grid
        with self.trainer.averaged() as model:
            samples = generate_samples(model, sample_grid.latents, y=sample_grid.labels)
            picture = self.view.picture(
                samples, columns=sample_grid.columns, labels=self.labels, judge=model
            )
        write_bytes(self.folder.sample_grid(step), png(picture))
        self.trackers.samples(step, picture)
        if step >= _EARLY:
            share = step / self.trainer.total_steps
            for detector in self.variety:
                self.say(detector.samples(samples, self.labels, share=share), step)

    @property
    def detectors(self) -> list[SaturationDetector | VarietyDetector]:
        """Those that look at steps, and those that look at sample grids."""
        return [self.saturation, *self.variety]

    def save(self) -> None:
        """Save a resumable state; the metrics up to it are on disk before it is."""
        self.fetch()
        self.metrics.flush(to_disk=True)
        self.events.flush(to_disk=True)
        self.trackers.tell()
        self.folder.write(self.up_to_date("running"))
        detectors = {detector.name: detector.state for detector in self.detectors}
        state = {**self.trainer.state_dict(), "seconds": self.seconds, "detectors": detectors}
        if (best := self.folder.best_file).is_file():
            state["best"] = torch.frombuffer(bytearray(best.read_bytes()), dtype=torch.uint8)
        checkpoints.save(self.folder, self.trainer.steps, state=state)
        self.saved = time.monotonic()
        self.saved_epoch = int(self.trainer.batches.epoch)

    def save_generator(self, path: Path) -> None:
        """Keep the generator of now, with averaged weights if any, as safetensors."""
        path.parent.mkdir(exist_ok=True)
        with self.trainer.averaged() as model:
            about: dict[str, Any] = {
                "model": self.record.model,
                "step": self.trainer.steps,
                "averaged": bool(self.trainer.averages),
                "latent": model.latent.describe(),
            }
            networks = {name: getattr(model, name) for name in model.keeps}
            kept: nn.Module = model.generator
            if len(networks) > 1:
                about["networks"] = list(networks)
                kept = nn.ModuleDict(networks)
            content = checkpoints.weights_to_bytes(kept, about)
        write_bytes(path, content)

    def say(self, alarm: Alarm | None, step: int) -> None:
        """Write an alarm down and tell the user."""
        if alarm is None:
            return
        self.note(alarm.kind, alarm.message, detector=alarm.detector, step=step)
        self.display.say(f"step {step}: {alarm.kind} ({alarm.detector}): {alarm.message}.")

    def note(self, kind: str, message: str, *, detector: str = "", step: int | None = None) -> None:
        """Write an event down, of the current step unless another is given."""
        self.events.append(
            {
                "step": self.trainer.steps if step is None else step,
                "kind": kind,
                "detector": detector,
                "message": message,
            }
        )
        self.events.flush()

    def scored(self) -> None:
        """Tell the trackers the scores of the current step."""
        step = self.trainer.steps
        scores = {s.metric: s.value for s in self.folder.scores() if s.step == step}
        self.trackers.scores(step, scores)

    def drawn(self, drawing: dict[str, Any]) -> None:
        """Take the cost of drawing samples into the record."""
        self.record = self.record.model_copy(update={"drawing": drawing})

    def up_to_date(self, status: Status) -> RunRecord:
        """The record with the numbers of now."""
        seconds, images = self.seconds, self.trainer.draws.images
        self.record = self.record.model_copy(
            update={
                "status": status,
                "ended": None if status == "running" else timestamp(),
                "steps": self.trainer.steps,
                "epochs": round(self.trainer.batches.epoch, 6),
                "images": images,
                "seconds": round(seconds, 3),
                "images_per_second": round(images / seconds, 1) if seconds > 0 else None,
            }
        )
        return self.record

    def close(self, status: Status, record: RunRecord | None = None) -> None:
        """Write the final record: the given one, or that of now.

        Raises:
            OSError: something could not be written; the rest was.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: self.folder.write(record or self.up_to_date(status)))
            stack.callback(self.events.close)
            stack.callback(self.metrics.close)
            stack.callback(self.trackers.close, status)

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
        self.note("disabled tracker", message, detector=name)
        self.display.say(f"{message}; the run goes on.")

    def _diverged(self, line: Mapping[str, Any], bad: list[str]) -> None:
        self.metrics.flush()
        networks = sorted(self.trainer.model.named_children())
        state = "; ".join(f"{name}: {_health(network)}" for name, network in networks)
        verb = "is" if len(bad) == 1 else "are"
        message = f"{', '.join(bad)} {verb} not finite ({state})"
        self.note("divergence", message, detector="non-finite", step=line["step"])
        penalty = "a --penalty, " if self.record.has_discriminator else ""
        raise DivergedError(
            f"run {self.folder.path} diverged at step {line['step']}: {message}.",
            f"The states before it are kept. Try a lower --lr, --precision fp32, {penalty}"
            "or another --seed.",
        )


def _health(network: nn.Module) -> str:
    gradients = [p.grad.detach().float().norm() for p in network.parameters() if p.grad is not None]
    norm = torch.stack(gradients).norm().item() if gradients else float("nan")
    sound = all(bool(torch.isfinite(p).all()) for p in network.parameters())
    return f"gradient norm {norm:.3g}, weights {'finite' if sound else 'not finite'}"


def _some_real(data: Prepared, n: int, *, with_labels: bool) -> tuple[Any, Any]:
    """Up to n training samples spread over the split, to compare the samples' variety with."""
    chosen = np.unique(np.linspace(0, len(data.train) - 1, num=n).astype(int))
    samples, labels = data.train.values[chosen], data.train.labels
    return samples, labels[chosen] if with_labels and labels is not None else None
