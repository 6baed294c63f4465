"""The price of few test images: scores of two runs against parts of a large test split.

`python tools/fewer_test_images.py RUN RUN`, of one data set with many, as fashion-mnist. Samples of
each run are drawn once; then parts of the test split are drawn at random, and what the scores and
their differences between the runs scatter by is printed as a table in Markdown.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gantool.data.load import load
from gantool.evaluation.evaluate import ScoringSettings, draw_samples, extractor_for
from gantool.evaluation.metric import NotComputedError
from gantool.evaluation.metrics.distances import frechet_distance, kernel_distance, overlap
from gantool.plugins.registry import load_registry
from gantool.runs.folder import RunFolder
from gantool.sampling.trained import open_trained

_CPU = torch.device("cpu")
_SUBSET = 500  # of the kernel distance, so that it is the same measure at every size
_SCORES = ("frechet-distance", "kernel-distance", "precision", "recall", "density", "coverage")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python tools/fewer_test_images.py")
    parser.add_argument("runs", type=Path, nargs=2, help="run folders, of one data set")
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 2_000, 5_000])
    parser.add_argument("--draws", type=int, default=20, help="parts of each size")
    parser.add_argument("--samples", type=int, default=5_000, help="to draw from each run")
    arguments = parser.parse_args()
    features = [_features(path, arguments.samples) for path in arguments.runs]
    real = features[0][1]
    if not torch.equal(real, features[1][1]):
        raise SystemExit("The two runs are of other data.")
    rng = np.random.default_rng(0)
    found: dict[int, np.ndarray] = {}
    for size in arguments.sizes:
        orders = [rng.permutation(len(real))[:size] for _ in range(arguments.draws)]
        parts = [real[torch.from_numpy(order)] for order in orders]
        found[size] = np.array([[_scores(fake, part) for part in parts] for fake, _ in features])
    print(f"| score | {' | '.join(f'{size:,} test images: run A; B; B - A' for size in found)} |")
    print("|---|" + "---|" * len(found))
    for column, score in enumerate(_SCORES):
        cells = []
        for values in found.values():
            a, b = values[0, :, column], values[1, :, column]
            cells.append("; ".join(f"{x.mean():.3g} ± {x.std(ddof=1):.2g}" for x in (a, b, b - a)))
        print(f"| `{score}` | {' | '.join(cells)} |")


def _features(path: Path, samples: int) -> tuple[Tensor, Tensor]:
    """Features of a run's samples and of its data's test images, float32 [N, D] and [M, D]."""
    registry = load_registry()
    trained = open_trained(RunFolder.open(path), registry, device=_CPU)
    config = trained.model.config
    data = load(config, registry)
    settings = ScoringSettings.of(config)
    extractor = extractor_for(data, registry, settings=settings, device=_CPU)
    if isinstance(extractor, NotComputedError):
        raise SystemExit(str(extractor))
    drawn = draw_samples(trained.model, samples)
    return extractor.read(drawn.pixels)[0], extractor.read(data.splits["test"].values)[0]


def _scores(fake: Tensor, real: Tensor) -> list[float]:
    n = min(len(fake), len(real))
    return [
        frechet_distance(fake, real),
        kernel_distance(fake, real, subset_size=_SUBSET)[0],
        *overlap(fake[:n], real[:n]),
    ]


if __name__ == "__main__":
    main()
