"""The classes that fakes ask for: in the shares of the training data, or all alike."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_runs import make_run
from torch import Tensor, nn

from gantool.config import LabelOptions, TrainConfig, resolve
from gantool.data.load import load
from gantool.data.points.mixture import Mixture
from gantool.data.points.plane import prepare_points, ring
from gantool.data.prepared import ImageSplit, Prepared
from gantool.errors import ConfigError
from gantool.evaluation.evaluate import draw_samples
from gantool.evaluation.extractors import choose
from gantool.evaluation.metric import Evaluation, ImageSet
from gantool.evaluation.metrics import classes, distances
from gantool.gan.base import Model
from gantool.gan.latent import Latent
from gantool.gan.shapes import Shapes
from gantool.plugins.registry import load_registry
from gantool.report.compare import compare
from gantool.report.load import configuration, read_run
from gantool.runs.folder import RunFolder

OFTEN, RARELY = 180, 20  # digits of class 0 and of each other class, in each split


class Options(LabelOptions, TrainConfig):
    """The options of a model that takes labels."""


class Playback(Model[TrainConfig]):
    """Draws training images: a perfect generator."""

    def build(self, shapes: Shapes) -> None:
        self.generator = nn.Linear(1, 1)  # something with a device

    def initialize(self, train_data: Any) -> None:
        self.images, self.of_class = train_data.tensor(slice(None), torch.device("cpu")), None
        if train_data.labels is not None:
            labels = torch.from_numpy(train_data.labels)
            self.of_class = [
                torch.nonzero(labels == label).flatten() for label in range(self.shapes.classes)
            ]

    @property
    def latent(self) -> Latent:
        return Latent("uniform", 1, low=0.0)

    def generate(self, z: Tensor, y: Tensor | None) -> Tensor:
        if y is None:
            return self.images[(z[:, 0] * len(self.images)).long()]
        members = [self.of_class[label] for label in y.tolist()]
        chosen = [own[int(u * len(own))] for u, own in zip(z[:, 0], members, strict=True)]
        return self.images[torch.stack(chosen)]


class ConditionalPlayback(Playback):
    """Draws training images of the class that is asked for."""

    conditional = True


@pytest.fixture(scope="module")
def unbalanced(data_dir: Path) -> Prepared:
    """Digits, half of them zeros, in a training and a test split without a common image."""
    digits = load(Options(), load_registry())
    assert digits.shares is None
    train = digits.train
    rng = np.random.default_rng(0)
    parts: dict[str, list[Any]] = {"train": [], "test": []}
    for label in range(10):
        n = RARELY if label else OFTEN
        own = rng.permutation(np.flatnonzero(train.labels == label))
        parts["train"].append(own[:n])
        parts["test"].append(own[n : 2 * n])
    chosen = {split: np.concatenate(own) for split, own in parts.items()}
    splits = {
        split: ImageSplit(train.values[own], train.labels[own]) for split, own in chosen.items()
    }
    return replace(digits, name="zeros", splits={**splits, "validation": splits["test"]})


def judged(data: Prepared, model: Model[Any]) -> Evaluation:
    extractor = choose(
        "digits",
        data,
        registry=load_registry(),
        usual="digits",
        weights=None,
        cache=Path("nowhere"),
        device=torch.device("cpu"),
    )
    return Evaluation(
        data,
        extractor,
        folder=RunFolder(Path("nowhere")),
        conditional=model.conditional,
        shares=model.label_shares,
    )


def drawn_from(kind: type[Model[Any]], data: Prepared, **options: Any) -> Model[Any]:
    return kind.create(Options(**options), Shapes.of(data), train_data=data.train)


def frechet(samples: ImageSet, evaluation: Evaluation) -> float:
    return distances.frechet(samples, evaluation)["frechet-distance"].value


def test_a_perfect_generator_is_as_good_with_labels_as_without(unbalanced: Prepared) -> None:
    """Both draw from one distribution: the distances differ as those of two draws do."""
    n, draws = 600, 5
    free = drawn_from(Playback, unbalanced)
    evaluation = judged(unbalanced, free)
    pixels = draw_samples(free, n * draws).pixels
    parts = [ImageSet(f"part {i}", pixels[i * n : (i + 1) * n]) for i in range(draws)]
    without = np.array([frechet(part, evaluation) for part in parts])
    asked = drawn_from(ConditionalPlayback, unbalanced)
    with_labels = frechet(draw_samples(asked, n), evaluation)
    assert abs(with_labels - without.mean()) < 4 * without.std(ddof=1)
    uniform = drawn_from(ConditionalPlayback, unbalanced, labels="uniform")
    evaluation = judged(unbalanced, uniform)
    assert frechet(draw_samples(uniform, n), evaluation) > 4 * without.mean()


def test_labels_have_the_shares_of_the_training_split(unbalanced: Prepared) -> None:
    counts = np.bincount(unbalanced.train.labels)
    assert unbalanced.shares == pytest.approx(counts / counts.sum())
    asked = drawn_from(ConditionalPlayback, unbalanced)
    n = 20_000
    labels = asked.sample_labels(n, torch.Generator().manual_seed(0))
    found = np.bincount(labels, minlength=10) / n
    shares = np.array(unbalanced.shares)
    assert np.all(np.abs(found - shares) < 5 * np.sqrt(shares * (1 - shares) / n))
    absent = drawn_from(
        ConditionalPlayback,
        replace(
            unbalanced,
            splits={
                split: ImageSplit(part.values[part.labels > 0], part.labels[part.labels > 0])
                for split, part in unbalanced.splits.items()
            },
        ),
    )
    assert absent.label_shares[0] == 0
    assert absent.sample_labels(n, torch.Generator().manual_seed(0)).min() == 1


@pytest.mark.parametrize("options", [{}, {"labels": "uniform"}])
def test_equal_classes_and_uniform_labels_are_drawn_as_ever(
    unbalanced: Prepared, options: dict[str, str]
) -> None:
    shapes = Shapes.of(unbalanced)
    if not options:
        shapes = replace(shapes, shares=None)
    model = ConditionalPlayback(Options(**options), shapes)
    labels = model.sample_labels(50, torch.Generator().manual_seed(7))
    expected = torch.randint(10, (50,), generator=torch.Generator().manual_seed(7))
    assert torch.equal(labels, expected)


def test_points_have_the_shares_of_their_formula() -> None:
    assert prepare_points(ring(), "ring", points=1000).shares is None
    centers = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    truth = Mixture(
        centers,
        std=0.1,
        labels=np.array([0, 1, 1]),
        classes=("a", "b"),
        weights=np.array([2.0, 1.0, 1.0]),
    )
    assert prepare_points(truth, "even", points=1000).shares is None
    heavy = replace(truth, weights=np.array([2.0, 5.0, 1.0]))
    assert prepare_points(heavy, "heavy", points=1000).shares == pytest.approx((0.25, 0.75))


def test_noise_asks_as_samples_do_and_fidelity_is_also_a_mean_over_classes(
    unbalanced: Prepared,
) -> None:
    asked = drawn_from(ConditionalPlayback, unbalanced)
    evaluation = judged(unbalanced, asked)
    noise = np.bincount(evaluation.noise(2000).labels, minlength=10) / 2000
    assert noise == pytest.approx(unbalanced.shares, abs=0.05)
    # Half of the images are zeros, and zeros alone are asked for: all zeros right, all others
    # wrong.
    real = evaluation.real("train")
    told = ImageSet("samples", real.pixels, labels=np.where(real.labels == 0, 0, 1))
    (found,) = classes.label_fidelity(told, evaluation).values()
    zeros = float((real.labels == 0).mean())
    ones = float((real.labels == 1).mean())
    assert found.value == pytest.approx(zeros + ones, abs=0.02)
    mean = (1 + ones / (1 - zeros)) / 2
    assert found.detail["mean_over_classes"] == pytest.approx(mean, abs=0.03)


def test_a_record_without_shares_is_of_a_run_that_asked_for_all_classes_alike(
    tmp_path: Path,
) -> None:
    data = {"image_size": 28, "channels": 1, "classes": ["a", "b"]}
    assert Shapes.recorded(data).shares is None
    assert Shapes.recorded({**data, "shares": None}).shares is None
    assert Shapes.recorded({**data, "shares": [0.25, 0.75]}).shares == (0.25, 0.75)
    for wrong in ([0.25, 0.5, 0.25], [-0.5, 1.5], [0.5, 0.4], [float("nan"), 0.5]):
        with pytest.raises(ValueError, match="are no shares of 2 classes"):
            Shapes.recorded({**data, "shares": wrong})
    with pytest.raises(TypeError):
        Shapes.recorded({**data, "shares": 4})

    file = tmp_path / "run.json"
    for config, labels in (({}, "uniform"), ({"labels": "data"}, "data")):
        file.write_text(json.dumps({"model": "m", "config": config}))
        again = resolve(Options, model="m", environment={}, file=file).config
        assert isinstance(again, Options)
        assert again.labels == labels
    file.write_text(json.dumps({"model": "m", "config": {"lr": 0.1}}))
    assert resolve(TrainConfig, model="m", environment={}, file=file).config.lr == 0.1


def test_an_older_run_is_of_the_variant_with_uniform_labels(tmp_path: Path) -> None:
    def run(name: str, seed: int, shares: Any = None, **config: str) -> Any:
        path = make_run(tmp_path / name, model="cgan", seed=seed, config=config)
        record = json.loads((path / "run.json").read_text())
        if config:
            record["data"]["shares"] = shares
        (path / "run.json").write_text(json.dumps(record))
        return read_run(path)

    old = run("old", seed=0)
    equal = run("equal", seed=1, labels="data")
    assert len(compare([old, equal]).variants) == 1  # where the classes are equal, nothing changed
    shares = [0.25, 0.75]
    new = run("new", seed=1, shares=shares, labels="data")
    uniform = run("uniform", seed=2, shares=shares, labels="uniform")
    assert configuration(uniform.record)["labels"] == "uniform"
    found = {variant.name: variant.runs for variant in compare([old, new, uniform]).variants}
    assert sorted(found.values()) == [["new"], ["old", "uniform"]]


def test_models_without_labels_have_no_such_option() -> None:
    registry = load_registry()
    for spec in registry.models.values():
        assert ("labels" in spec.config.model_fields) == spec.needs_labels
    with pytest.raises(ConfigError, match="labels"):
        resolve(TrainConfig, model="m", environment={}, flags={"labels": "uniform"})
