"""The distance to real digits that a default run ends at, over five seeds."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Result
from gantool.runs.files import read_json_lines

_SEEDS = "1,2,3,4,5"


def quality(
    name: str, words: Sequence[str], *, distance: float, fidelity: float | None = None
) -> Result:
    """The median Fréchet distance of `gantool run WORDS` on mnist5k, and what a run took.

    With `fidelity` the median share of samples that are read as what was asked for counts too.
    """
    with tempfile.TemporaryDirectory() as folder:
        where = ["--seeds", _SEEDS, "--experiments-dir", folder, "--json"]
        command = [sys.executable, "-m", "gantool", "run", *words, *where]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        records = json.loads(done.stdout)
        scores = [_scores(path) for path in Path(folder).iterdir() if path.is_dir()]
    distances = [found["frechet-distance"] for found in scores]
    value = statistics.median(distances)
    taken = statistics.median(record["seconds"] for record in records)
    detail = f"{min(distances):.2f} to {max(distances):.2f}; {taken:.0f} s of training"
    target, met = f"at most {distance}", value <= distance
    if fidelity is not None:
        right = statistics.median(found["label-fidelity"] for found in scores)
        detail += f"; label-fidelity {right:.3f}"
        target, met = f"{target}, {fidelity} right", met and right >= fidelity
    return Result(name, value, unit="Fréchet distance", target=target, met=met, detail=detail)


def _scores(run: Path) -> dict[str, float]:
    return {line["metric"]: line["value"] for line in read_json_lines(run / "scores.jsonl")}
