from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gantool.study.file import Budget
from gantool.study.job import Job
from gantool.study.table import StudyTable

NOTHING = dict.fromkeys(("loss_d", "loss_g", "d_real", "d_fake", "d_fake_after"))


@pytest.mark.parametrize(
    ("metrics", "shown"),
    [
        ({**NOTHING, "loss_d": 1.25, "loss_g": 0.5}, "D 1.250  G 0.500"),
        ({**NOTHING, "loss_vae": 52.0, "kl": 3.0}, "vae 52.000"),
    ],
)
def test_a_run_under_way_shows_the_losses_it_has(
    tmp_path: Path, metrics: dict[str, Any], shown: str
) -> None:
    job = Job(
        name="one",
        model="m",
        preset=None,
        data="mnist5k",
        seed=0,
        budget=Budget(steps=100),
        steps=100,
    )
    (tmp_path / "one").mkdir()
    line = {"step": 10, "seconds": 5.0, **metrics}
    (tmp_path / "one" / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    output = io.StringIO()
    Console(width=100, file=output).print(StudyTable([job], tmp_path).table())
    (row,) = [found for found in output.getvalue().splitlines() if found.startswith("one")]
    assert " ".join(row.split()) == f"one 10/100 {' '.join(shown.split())} 0:45"
