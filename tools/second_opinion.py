"""Scores of runs on mnist5k under a classifier that nothing was tuned by.

`python tools/second_opinion.py RUN...` trains it, in a minute or two the first time, and prints its
scores of each run below those of the extractor that gantool ships.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from train_extractors import train

from gantool.data.load import load
from gantool.data.prepared import Prepared
from gantool.data.preparing import data_folder
from gantool.evaluation.classifier import to_input
from gantool.evaluation.evaluate import draw_samples
from gantool.evaluation.extractors import Extractor, digits
from gantool.evaluation.metric import Evaluation, ImageSet, Measured
from gantool.evaluation.metrics.classes import label_fidelity
from gantool.evaluation.metrics.distances import frechet, manifolds
from gantool.evaluation.metrics.memorization import memorized
from gantool.plugins.registry import load_registry
from gantool.runs.checkpoints import weights_from_bytes, weights_to_bytes
from gantool.runs.files import write_bytes
from gantool.runs.folder import RunFolder
from gantool.sampling.trained import open_trained

_EPOCHS = 20
_SEED = 1
_CPU = torch.device("cpu")


class SecondClassifier(nn.Module):
    """Two convolutions of 5 x 5 with pooling and GELU, then 24 features: nothing as in the first.

    It takes float [N, 1, 28, 28] in [0, 1], and gives features [N, 24] and logits [N, 10].
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 24, kernel_size=5),
            nn.GELU(),
            nn.AvgPool2d(2),
            nn.Conv2d(24, 48, kernel_size=5),
            nn.GELU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(48 * 4 * 4, 128),
            nn.GELU(),
            nn.Linear(128, 24),
        )
        self.head = nn.Linear(24, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features and logits of images."""
        features = self.body(images)
        return features, self.head(features)


def main() -> None:
    """Print both opinions of each run."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python tools/second_opinion.py")
    parser.add_argument("runs", type=Path, nargs="+", help="run folders, of mnist5k")
    parser.add_argument("--samples", type=int, default=10_000, help="to draw from each run")
    arguments = parser.parse_args()
    registry = load_registry()
    second: Extractor | None = None
    for path in arguments.runs:
        folder = RunFolder.open(path)
        trained = open_trained(folder, registry, device=_CPU)
        data = load(trained.model.config, registry)
        first = digits(data, weights=None, cache=data_folder(None), device=_CPU)
        second = second or opinion(data)
        samples = draw_samples(trained.model, arguments.samples)
        assert isinstance(samples, ImageSet)
        for extractor in (first, second):
            evaluation = Evaluation(
                data,
                extractor,
                folder=folder,
                conditional=trained.model.conditional,
                shares=trained.model.label_shares,
            )
            measured: dict[str, Measured] = {}
            for measure in (frechet, manifolds, memorized):
                measured |= measure(samples, evaluation)
            if trained.model.conditional:
                measured |= label_fidelity(samples, evaluation)
            print(f"{path} by {extractor.name}: {_in_words(measured)}", flush=True)


def opinion(data: Prepared) -> Extractor:
    """The second network as an extractor, trained if it is not in the data folder yet."""
    file = data_folder(None) / "weights" / "second-opinion.safetensors"
    network = SecondClassifier()
    if not file.is_file():
        torch.manual_seed(_SEED)
        network, validated, epoch = train(SecondClassifier(), data, epochs=_EPOCHS)
        file.parent.mkdir(parents=True, exist_ok=True)
        about = {"validation_accuracy": round(validated, 4), "epoch": epoch}
        write_bytes(file, weights_to_bytes(network, about))
    content = file.read_bytes()
    network.load_state_dict(weights_from_bytes(content)[0])
    network.eval()

    def read(images: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = network(to_input(images))
        return features, logits

    return Extractor(
        "second-opinion",
        hashlib.sha256(content).hexdigest(),
        classes=tuple(data.classes),
        chunk=500,
        network=read,
        device=_CPU,
    )


def _in_words(measured: Mapping[str, Measured]) -> str:
    return ", ".join(f"{name} {score.value:.4g}" for name, score in measured.items())


if __name__ == "__main__":
    main()
