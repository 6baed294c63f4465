"""The discriminator's landscape, against discriminators whose answers are formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gantool import GAN, GANConfig, Model, Shapes, TrainConfig
from gantool.sampling.landscape import SIDE, lattice, survey

AT = torch.tensor([[0.1, 0.2], [-0.9, 0.4], [0.7, -0.8], [0.0, 0.0]])


class Sloped(GAN[GANConfig]):
    """D(x) = 2 x - y + 1/2, of networks with everything that a look at them could disturb."""

    def build(self, shapes: Shapes) -> None:
        self.generator = nn.Linear(self.latent.dimension, 2)
        self.discriminator = nn.Linear(2, 1)
        with torch.no_grad():
            self.discriminator.weight.copy_(torch.tensor([[2.0, -1.0]]))
            self.discriminator.bias.fill_(0.5)


class Bowl(Sloped):
    """D(x) = -|x|^2 + label."""

    conditional = True

    def judge(self, x: Tensor, y: Tensor | None) -> Tensor:
        assert y is not None
        return -x.square().sum(dim=1) + y


class Disturbed(Sloped):
    def build(self, shapes: Shapes) -> None:
        super().build(shapes)
        self.discriminator = nn.Sequential(
            nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 1)
        )


class NoDiscriminator(Model[TrainConfig]):
    def build(self, shapes: Shapes) -> None:
        self.generator = nn.Linear(self.latent.dimension, 2)


def make(kind: type[Any], loss: str = "non-saturating", classes: int = 0, **options: Any) -> Any:
    if loss == "wasserstein":
        options["penalty"] = "gp"
    return kind.create(GANConfig(loss=loss, nz=2, **options), Shapes.of_points(classes))


def test_the_lattice_has_the_middles_of_cells_from_the_top_left() -> None:
    places = lattice(2.0)
    assert places.shape == (SIDE * SIDE, 2)
    half = 2.0 / SIDE
    np.testing.assert_allclose(places[0], [-2 + half, 2 - half])
    np.testing.assert_allclose(places[SIDE - 1], [2 - half, 2 - half])
    np.testing.assert_allclose(places[-1], [2 - half, -2 + half])


def test_heights_are_the_probability_where_the_objective_has_one() -> None:
    seen = survey(make(Sloped), AT, bound=1.5)
    assert seen is not None
    x, y = lattice(1.5).T
    expected = (1 / (1 + np.exp(-(2 * x - y + 0.5)))).reshape(SIDE, SIDE)
    np.testing.assert_allclose(seen.heights, expected, atol=1e-6)


@pytest.mark.parametrize("loss", ["wasserstein", "hinge", "relativistic"])
def test_raw_answers_lie_between_their_quantiles(loss: str) -> None:
    seen = survey(make(Sloped, loss), AT, bound=1.5, real=AT)
    assert seen is not None
    x, y = lattice(1.5).T
    raw = 2 * x - y + 0.5
    low, high = np.quantile(raw, 0.02), np.quantile(raw, 0.98)
    expected = np.clip((raw - low) / (high - low), 0, 1).reshape(SIDE, SIDE)
    np.testing.assert_allclose(seen.heights, expected, atol=1e-5)


def test_a_flat_discriminator_is_undecided_everywhere_and_pulls_nowhere() -> None:
    gan = make(Sloped, "wasserstein")
    with torch.no_grad():
        gan.discriminator.weight.zero_()
    seen = survey(gan, AT, bound=1)
    assert seen is not None
    assert (seen.heights == 0.5).all()
    assert (seen.arrows == 0).all()


def logits(points: Tensor) -> Tensor:
    return 2 * points[:, 0] - points[:, 1] + 0.5


@pytest.mark.parametrize(
    ("loss", "pull"),  # of each sample along D's own gradient: minus the loss's derivative by f
    [
        ("non-saturating", lambda f: torch.sigmoid(-f)),
        ("minimax", lambda f: torch.sigmoid(f)),
        ("least-squares", lambda f: 1 - f),
        ("hinge", torch.ones_like),
        ("wasserstein", torch.ones_like),
        (
            "relativistic",
            lambda f: torch.sigmoid(logits(AT[:3])[None, :] - f[:, None]).mean(dim=1),
        ),
    ],
)
def test_arrows_go_against_the_gradient_of_the_generators_loss(loss: str, pull: Any) -> None:
    seen = survey(make(Sloped, loss), AT, bound=1, real=AT[:3])
    assert seen is not None
    gradients = pull(logits(AT))[:, None] * torch.tensor([[2.0, -1.0]])
    lengths = gradients.norm(dim=1, keepdim=True)
    expected = gradients / torch.maximum(lengths, torch.quantile(lengths, 0.9))
    np.testing.assert_allclose(seen.arrows, expected, atol=1e-5)
    assert np.linalg.norm(seen.arrows, axis=1).max() <= 1 + 1e-6


def test_an_objective_that_compares_has_no_arrows_without_real_points() -> None:
    seen = survey(make(Sloped, "relativistic"), AT, bound=1)
    assert seen is not None
    assert seen.arrows.shape == (0, 2)


def test_labels_give_the_best_height_and_each_sample_its_own_arrow() -> None:
    labels = torch.tensor([0, 1, 2, 2])
    seen = survey(make(Bowl, classes=3), AT, bound=1, labels=labels)
    assert seen is not None
    square = (lattice(1) ** 2).sum(axis=1)
    np.testing.assert_allclose(
        seen.heights, (1 / (1 + np.exp(square - 2))).reshape(SIDE, SIDE), atol=1e-6
    )
    f = labels - AT.square().sum(dim=1)
    gradients = torch.sigmoid(-f)[:, None] * -2 * AT
    lengths = gradients.norm(dim=1, keepdim=True)
    expected = gradients / torch.maximum(lengths, torch.quantile(lengths, 0.9))
    np.testing.assert_allclose(seen.arrows, expected, atol=1e-5)


def test_a_model_without_a_discriminator_has_no_landscape() -> None:
    model = NoDiscriminator.create(TrainConfig(nz=2), Shapes.of_points())
    assert survey(model, AT, bound=1) is None


@pytest.mark.parametrize("loss", ["non-saturating", "relativistic"])
def test_looking_changes_nothing(loss: str) -> None:
    torch.manual_seed(0)
    gan = make(Disturbed, loss, spectral_norm=True)
    gan.train()
    gan.discriminator[2].eval()  # one part in another mode than the rest
    gan.discriminate(AT, None).sum().backward()
    modes = [module.training for module in gan.modules()]
    state = {key: value.clone() for key, value in gan.state_dict().items()}
    gradients = [None if p.grad is None else p.grad.clone() for p in gan.parameters()]
    random = torch.get_rng_state()
    with torch.no_grad():
        first = survey(gan, AT, bound=1, real=AT)
        second = survey(gan, AT, bound=1, real=AT)
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.heights, second.heights)
    np.testing.assert_array_equal(first.arrows, second.arrows)
    assert [module.training for module in gan.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random)
    for key, value in gan.state_dict().items():
        assert torch.equal(value, state[key]), key
    for parameter, before in zip(gan.parameters(), gradients, strict=True):
        assert (parameter.grad is None) == (before is None)
        assert before is None or torch.equal(parameter.grad, before)
