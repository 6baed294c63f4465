"""Run folders made by hand: what a comparison reads, without training anything."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gantool.runs.folder import RunFolder
from gantool.runs.records import RunRecord, Score

PROTOCOL = {
    "extractor": "digits",
    "split": "test",
    "n_real": 500,
    "n_fake": 10_000,
    "data": "mnist5k",
}
CONFIG = {"loss": "non-saturating", "lr": 2e-4, "steps": 100, "epochs": None, "precision": "fp32"}


def make_run(
    path: Path,
    *,
    model: str = "dcgan",
    seed: int = 0,
    scores: Mapping[str, float | None] | None = None,
    config: Mapping[str, Any] | None = None,
    protocol: Mapping[str, Any] | None = None,
    status: str = "finished",
    steps: int = 100,
    images_a_step: int = 16,
    sample_grids: Sequence[int] = (0, 50, 100),
    events: Sequence[Mapping[str, Any]] = (),
    score_steps: Sequence[int] | None = None,
    name: str | None = None,
    side: int = 28,
    networks: Mapping[str, int] | None = None,
    metrics: Callable[[int], Mapping[str, float | None]] = lambda step: {},
    **record: Any,
) -> Path:
    """Write a run folder whose figures follow a simple rule, so that a test can know them.

    `metrics` gives those of a step that are to be others, or more.
    """
    folder = RunFolder.create(
        path,
        RunRecord(
            name=name or path.name,
            model=model,
            status=status,
            config={**CONFIG, "seed": seed, **(config or {})},
            data={
                "name": "mnist5k",
                "fingerprint": "f" * 64,
                "image_size": side,
                "channels": 1,
                "classes": [],
            },
            networks=networks or {"generator": 1000, "discriminator": 2000},
            plugin={"distribution": "gantool", "version": "0.1.0"},
            total_steps=100,
            steps=steps,
            epochs=steps / 25,
            images=steps * images_a_step,
            seconds=steps * 0.1,
            images_per_second=images_a_step * 10.0,
            started=f"2026-01-01T00:00:{seed:02d}+00:00",
            **record,
        ),
    )
    rng = np.random.default_rng(seed)
    with folder.metrics_file.open("w") as file:
        for step in range(1, steps + 1):
            line = {
                **{
                    "step": step,
                    "epoch": step / 25,
                    "images": step * images_a_step,
                    "seconds": step * 0.1,
                },
                **{
                    "loss_d": 1 + math.exp(-step / 20) + 0.1 * rng.random(),
                    "loss_g": 0.7 + 0.1 * rng.random(),
                },
                **{"d_real": 0.6, "d_fake": 0.3, "d_fake_after": 0.2},
                **metrics(step),
            }
            file.write(json.dumps(line) + "\n")
    folder.events_file.write_text("".join(json.dumps(event) + "\n" for event in events))
    with folder.scores_file.open("w") as file:
        for step in score_steps or (steps,):
            for metric, value in (scores or {}).items():
                better = "higher" if metric in ("recall", "parzen") else "lower"
                made = Score(
                    step=step,
                    metric=metric,
                    value=None if value is None else value + (steps - step) / 100,
                    better=better,
                    real=0.5,
                    noise=1000.0,
                    protocol={**PROTOCOL, **(protocol or {})},
                )
                file.write(made.model_dump_json() + "\n")
    pixels = side * 8 + 2 * 9
    for step in sample_grids:
        shade = np.full((pixels, pixels, 3), min(255, step * 2), dtype=np.uint8)
        shade[: pixels // 2] = rng.integers(0, 256, size=(pixels // 2, pixels, 3))
        Image.fromarray(shade).save(folder.sample_grid(step))
    Image.fromarray(np.full((pixels, pixels, 3), 200, dtype=np.uint8)).save(folder.real_file)
    folder.sheet_file.write_text(
        json.dumps({"rows": 8, "columns": 8, "padding": 2, "labels": None, "latents": []})
    )
    return path


def make_outsider(path: Path, **options: Any) -> Path:
    """Write the run folder of a VAE: one player, and no discriminator.

    Its loss falls from 100 by 1/2 a step, and its term kl rises by 1/10.
    """

    def metrics(step: int) -> dict[str, float | None]:
        nothing = dict.fromkeys(("loss_d", "loss_g", "d_real", "d_fake", "d_fake_after"))
        return {**nothing, "loss_vae": 100 - step / 2, "kl": step / 10}

    return make_run(
        path,
        model="vae",
        networks={"generator": 1000, "encoder": 500},
        metrics=metrics,
        d_scale=None,
        **options,
    )
