from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from gantool.config import GANConfig
from gantool.gan import penalties
from gantool.gan.game import Batch
from gantool.gan.objectives import Objective
from gantool.plugins.registry import load_registry

logits = st.lists(st.floats(-20, 20), min_size=2, max_size=8)


OBJECTIVES: dict[str, Objective] = {
    name: spec.make() for name, spec in load_registry().objectives.items()
}


def sigma(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


# Written from the papers, in plain Python, without anything of the package.
DISCRIMINATOR = {
    "minimax": lambda r, f: (
        mean([-math.log(sigma(x)) for x in r]) + mean([-math.log(sigma(-x)) for x in f])
    ),
    "non-saturating": lambda r, f: (
        mean([-math.log(sigma(x)) for x in r]) + mean([-math.log(sigma(-x)) for x in f])
    ),
    "least-squares": lambda r, f: mean([(x - 1) ** 2 for x in r]) / 2 + mean([x**2 for x in f]) / 2,
    "hinge": lambda r, f: mean([max(0.0, 1 - x) for x in r]) + mean([max(0.0, 1 + x) for x in f]),
    "wasserstein": lambda r, f: mean(f) - mean(r),
    "relativistic": lambda r, f: mean(
        [math.log(1 + math.exp(b - a)) for a, b in zip(r, f, strict=True)]
    ),
}
GENERATOR = {
    "minimax": lambda r, f: mean([math.log(sigma(-x)) for x in f]),
    "non-saturating": lambda r, f: mean([-math.log(sigma(x)) for x in f]),
    "least-squares": lambda r, f: mean([(x - 1) ** 2 for x in f]) / 2,
    "hinge": lambda r, f: -mean(f),
    "wasserstein": lambda r, f: -mean(f),
    "relativistic": lambda r, f: mean(
        [math.log(1 + math.exp(a - b)) for a, b in zip(r, f, strict=True)]
    ),
}


@pytest.mark.parametrize("name", OBJECTIVES)
@given(pairs=st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20)), min_size=2, max_size=8))
def test_losses_are_the_papers_formulas(name: str, pairs: list[tuple[float, float]]) -> None:
    real, fake = [p[0] for p in pairs], [p[1] for p in pairs]
    r, f = torch.tensor(real, dtype=torch.float64), torch.tensor(fake, dtype=torch.float64)
    assert OBJECTIVES[name].discriminator(r, f).item() == pytest.approx(
        DISCRIMINATOR[name](real, fake), abs=1e-8
    )
    assert OBJECTIVES[name].generator(f, r).item() == pytest.approx(
        GENERATOR[name](real, fake), abs=1e-8
    )


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_agree_with_finite_differences(name: str) -> None:
    torch.manual_seed(0)
    real = torch.randn(5, dtype=torch.float64, requires_grad=True)
    fake = torch.randn(5, dtype=torch.float64, requires_grad=True)
    game = OBJECTIVES[name]
    assert torch.autograd.gradcheck(game.discriminator, (real, fake))
    if game.generator_needs_real:
        assert torch.autograd.gradcheck(game.generator, (fake, real))
    else:
        assert torch.autograd.gradcheck(game.generator, (fake,))


def test_minimax_at_equilibrium_is_log_4() -> None:
    undecided = torch.zeros(7)
    assert OBJECTIVES["minimax"].discriminator(undecided, undecided).item() == pytest.approx(
        math.log(4)
    )


def test_relativistic_needs_real_logits() -> None:
    with pytest.raises(ValueError, match="real logits"):
        OBJECTIVES["relativistic"].generator(torch.zeros(2))


class Quadratic(nn.Module):
    """D(x) = sum_i w_i x_i^2: its gradient is 2 w x, known by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(12, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return (self.weight * x.flatten(1).square()).sum(1)


@pytest.fixture
def critic() -> Quadratic:
    torch.manual_seed(1)
    return Quadratic()


def by_hand(critic: Quadratic, x: Tensor) -> Tensor:
    return (2 * critic.weight.detach() * x.flatten(1)).square().sum(1)


def test_zero_centered_penalty_is_half_gamma_times_squared_gradient(critic: Quadratic) -> None:
    x = torch.randn(4, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    value = penalties.zero_centered_gradient_penalty(critic(x), x, weight=7.0)
    assert value.item() == pytest.approx(3.5 * by_hand(critic, x.detach()).mean().item())


def test_zero_centered_penalty_moves_the_critic(critic: Quadratic) -> None:
    x = torch.randn(4, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    penalties.zero_centered_gradient_penalty(critic(x), x, weight=2.0).backward()
    # d/dw_j of mean_i sum_j (2 w_j x_ij)^2 is 8 w_j mean_i x_ij^2
    expected = 8 * critic.weight.detach() * x.detach().flatten(1).square().mean(0)
    torch.testing.assert_close(critic.weight.grad, expected)


def test_one_centered_penalty_on_a_linear_critic_does_not_depend_on_the_interpolation() -> None:
    direction = torch.tensor([3.0, 4.0], dtype=torch.float64)  # slope 5 everywhere

    def linear(x: Tensor) -> Tensor:
        return x.flatten(1) @ direction

    real, fake = (
        torch.randn(6, 1, 1, 2, dtype=torch.float64),
        torch.randn(6, 1, 1, 2, dtype=torch.float64),
    )
    value = penalties.one_centered_gradient_penalty(linear, real, fake=fake, weight=10.0)
    assert value.item() == pytest.approx(10 * (5 - 1) ** 2)


def test_one_centered_penalty_moves_a_linear_critic_as_the_formula_says() -> None:
    direction = torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)
    real, fake = (
        torch.randn(6, 1, 1, 2, dtype=torch.float64),
        torch.randn(6, 1, 1, 2, dtype=torch.float64),
    )
    penalties.one_centered_gradient_penalty(
        lambda x: x.flatten(1) @ direction, real, fake=fake, weight=10.0
    ).backward()
    # d/dw of 10 (|w| - 1)^2 is 20 (|w| - 1) w / |w|
    torch.testing.assert_close(direction.grad, 20 * (5 - 1) * direction.detach() / 5)


@pytest.mark.parametrize("kind", ["zero", "one"])
def test_penalties_agree_with_finite_differences(kind: str) -> None:
    torch.manual_seed(0)
    real, fake = (
        torch.randn(4, 1, 2, 2, dtype=torch.float64),
        torch.randn(4, 1, 2, 2, dtype=torch.float64),
    )

    def penalty(first: Tensor, second: Tensor) -> Tensor:
        def critic(x: Tensor) -> Tensor:
            return torch.tanh(x.flatten(1) @ first) @ second

        torch.manual_seed(1)  # the same interpolation at every evaluation
        if kind == "one":
            return penalties.one_centered_gradient_penalty(critic, real, fake=fake, weight=3.0)
        x = real.clone().requires_grad_()
        return penalties.zero_centered_gradient_penalty(critic(x), x, weight=3.0)

    weights = (torch.randn(4, 3, dtype=torch.float64), torch.randn(3, dtype=torch.float64))
    assert torch.autograd.gradcheck(penalty, tuple(w.requires_grad_() for w in weights))


def test_one_centered_penalty_interpolates_whole_images_on_the_segment() -> None:
    seen: list[Tensor] = []

    def spy(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.flatten(1).square().sum(1)

    real, fake = torch.ones(64, 3, 4, 4), torch.zeros(64, 3, 4, 4)
    torch.manual_seed(0)
    penalties.one_centered_gradient_penalty(spy, real, fake=fake, weight=1.0)
    (between,) = seen
    per_image = between.flatten(1)
    assert (per_image == per_image[:, :1]).all()  # one epsilon an image
    assert len(per_image[:, 0].unique()) == 64  # another for each
    assert per_image.min() >= 0 and per_image.max() <= 1
    assert per_image[:, 0].mean().item() == pytest.approx(0.5, abs=0.15)


def test_one_centered_penalty_is_finite_where_the_critic_is_flat() -> None:
    weight = torch.zeros(2, requires_grad=True)
    value = penalties.one_centered_gradient_penalty(
        lambda x: x.flatten(1) @ weight,
        torch.ones(3, 1, 1, 2),
        fake=torch.zeros(3, 1, 1, 2),
        weight=1.0,
    )
    value.backward()
    assert torch.isfinite(weight.grad).all()


def test_no_penalty_is_a_zero() -> None:
    terms = penalties.PenaltyTerms(GANConfig(penalty="none"), load_registry())
    real, fake = torch.randn(2, 3)
    batch = terms.ready(Batch(real=torch.zeros(3, 1, 2, 2), fake=torch.zeros(3, 1, 2, 2)))
    assert not batch.real.requires_grad
    value = terms(lambda x, y: x, batch, real_logits=real, fake_logits=fake)
    assert (value.dtype, value.shape, value.item()) == (torch.float32, (), 0.0)
