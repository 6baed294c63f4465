"""Run folders without training: as many and as long as a measurement wants."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord, Score
from gantool.sampling.pictures import lay_out, png


def make_runs(where: Path, *, runs: int, steps: int, sample_grids: int, settings: int = 1) -> None:
    """Write finished runs of four models, each with so many learning rates.

    Each has metrics of every step, scores, and sample grids of the size of 64 digits.
    """
    rng = np.random.default_rng(0)
    figures = rng.random((steps, 5))
    lines = []
    for step, values in enumerate(figures.tolist(), 1):
        names = ("loss_d", "loss_g", "d_real", "d_fake", "d_fake_after")
        position = {
            "step": step,
            "epoch": step / 250,
            "images": 16 * step,
            "seconds": round(step / 50, 4),
        }
        lines.append(json.dumps(position | dict(zip(names, values, strict=True))))
    metrics = "\n".join(lines) + "\n"
    pictures = [
        png(lay_out(rng.integers(0, 2, size=(64, 28, 28, 1), dtype=np.uint8) * 255, columns=8))
        for _ in range(sample_grids)
    ]
    for number in range(runs):
        model, setting, seed = number % 4, number // 4 % settings, number // 4 // settings
        folder = RunFolder.create(
            where / f"run-{number}",
            RunRecord(
                name=f"run-{number}",
                model=f"model-{model}",
                status="finished",
                config={"seed": seed, "loss": "non-saturating", "lr": (1 + setting) / 10_000},
                data={"name": "digits", "fingerprint": "f", "image_size": 28, "channels": 1},
                steps=steps,
                total_steps=steps,
                images=16 * steps,
            ),
        )
        folder.metrics_file.write_text(metrics)
        scores = [
            Score(step=steps, metric=name, value=float(rng.random()))
            for name in ("frechet-distance", "parzen")
        ]
        folder.scores_file.write_text("".join(score.model_dump_json() + "\n" for score in scores))
        for i, picture in enumerate(pictures):
            folder.sample_grid(steps * i // max(1, sample_grids - 1)).write_bytes(picture)
        folder.real_file.write_bytes(pictures[0])
