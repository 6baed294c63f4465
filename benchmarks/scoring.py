"""Scoring ten thousand digits, against the same scores computed one after the other."""

from __future__ import annotations

import math
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch_fidelity import metric_fid, metric_kid, metric_prc

from benchmarks.measure import Result, seconds, short_run
from gantool.config import TrainConfig
from gantool.data.load import load
from gantool.display import Display
from gantool.evaluation import classifier
from gantool.evaluation.evaluate import SAMPLE_SEED, evaluate_run
from gantool.evaluation.metrics.parzen import SIGMAS
from gantool.gan.base import Model
from gantool.plugins.registry import load_registry
from gantool.runs.folder import RunFolder
from gantool.sampling.trained import open_trained

_SAMPLES = 10_000
_Pixels = npt.NDArray[np.uint8]


def scoring() -> Result:
    """The scores of a short run of dcgan on mnist5k, over plain loops that compute the same.

    Both draw the samples; the loops read and measure real images and noise every time, and have
    what each score needs computed for it alone.
    """
    registry = load_registry()
    with tempfile.TemporaryDirectory() as folder:
        short_run(folder, "dcgan", "--steps", "20", "--name", "it")
        path = Path(folder, "it")
        trained = open_trained(RunFolder.open(path), registry, device=torch.device("cpu"))
        assert isinstance(trained.model.config, TrainConfig)
        data = load(trained.model.config, registry)
        splits = {name: np.asarray(split.values) for name, split in data.splits.items()}
        pairs = [
            (
                seconds(lambda: evaluate_run(path, registry, display=Display(), device="cpu")),
                seconds(lambda: _plain_scores(trained.model, splits)),
            )
            for _ in range(4)
        ][1:]
    value = statistics.median(ours / plain for ours, plain in pairs)
    ours, plain = (statistics.median(times) for times in zip(*pairs, strict=True))
    return Result(
        "scoring",
        value,
        unit="of plain loops",
        target="at most half",
        met=value <= 0.5,
        detail=f"{ours:.1f} s against {plain:.1f} s",
    )


@torch.no_grad()
def _plain_scores(model: Model[Any], splits: dict[str, _Pixels]) -> None:
    network, _, _ = classifier.load("digits")
    z = model.sample_latent(_SAMPLES, torch.Generator().manual_seed(SAMPLE_SEED))
    drawn = [model.generate(part, None) for part in z.split(256)]
    samples = torch.cat(drawn).add(1).mul(127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    noise = np.random.default_rng(0).integers(0, 256, samples.shape, dtype=np.uint8)
    real = _features(network, splits["test"])
    for images in (samples, splits["train"], noise):
        features = _features(network, images)
        _distances(features, real)
        _parzen(_flat(splits["validation"]), _flat(images), sigmas=SIGMAS)
        _parzen(_flat(splits["test"]), _flat(images), sigmas=SIGMAS[:1])
        for some in (splits["validation"], images[:1000]):
            torch.cdist(_flat(some).float(), _flat(splits["train"]).float()).min(1)


def _features(network: classifier.Classifier, images: _Pixels) -> Tensor:
    pixels = torch.tensor(images).permute(0, 3, 1, 2)
    return torch.cat([network(classifier.to_input(part))[0] for part in pixels.split(500)])


def _distances(fake: Tensor, real: Tensor) -> None:
    """Fréchet and kernel distance, precision, recall, density and coverage."""
    statistics_of_both = [
        metric_fid.fid_features_to_statistics(features.double()) for features in (fake, real)
    ]
    metric_fid.fid_statistics_to_metric(*statistics_of_both, verbose=False)
    metric_kid.kid_features_to_metric(
        fake.double(),
        real.double(),
        kid_subsets=100,
        kid_subset_size=min(1000, len(real)),
        rng_seed=0,
        verbose=False,
    )
    fake = fake[: len(real)]
    metric_prc.prc_features_to_metric(
        fake, real, prc_neighborhood=3, prc_batch_size=1000, save_cpu_ram=True, verbose=False
    )
    radius = torch.cdist(real, real).kthvalue(6, dim=1).values
    (torch.cdist(real, fake) <= radius[:, None]).any(1)


def _parzen(points: Tensor, centers: Tensor, *, sigmas: tuple[float, ...]) -> None:
    for chunk in points.split(250):
        squared = torch.cdist(chunk, centers).square()
        for sigma in sigmas:
            (-squared / (2 * sigma**2)).logsumexp(1).sub(math.log(len(centers)))


def _flat(images: _Pixels) -> Tensor:
    return torch.tensor(images.reshape(len(images), -1), dtype=torch.float64).div_(255)
