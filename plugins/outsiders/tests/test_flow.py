from __future__ import annotations

import math

import pytest
import torch
from gantool_outsiders.flow import FlowConfig
from gantool_outsiders.flow.model import Flow, carried
from pydantic import ValidationError
from torch import nn

from gantool import Batch, Shapes
from gantool.evaluation.evaluate import draw_samples
from gantool.testing import check_model

IMAGES = Shapes((16, 12), 1, classes=0)


def make(shapes=IMAGES, **options):
    torch.manual_seed(0)
    return Flow.create(FlowConfig(**{"width": 4, **options}), shapes).double()


def values(n=6, shapes=IMAGES):
    generator = torch.Generator().manual_seed(1)
    real = torch.rand(n, *shapes.sample, generator=generator, dtype=torch.float64) * 2 - 1
    return real, torch.randn(n, shapes.values, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("shapes", [IMAGES, Shapes.of_points()])
def test_the_loss_is_the_papers(shapes):
    """Equation 23 with sigma_min = 0: |v(x_t, t) - (x_1 - x_0)|^2 on the line between both."""
    flow, (real, noise) = make(shapes), values(shapes=shapes)
    torch.manual_seed(2)
    loss = flow.matching(Batch(real=real, z=noise)).total
    torch.manual_seed(2)
    t = torch.rand(6, dtype=torch.float64)
    expected = 0.0
    for x_1, x_0, time in zip(real, noise.view_as(real), t, strict=True):
        x_t = (1 - time) * x_0 + time * x_1
        answer = flow.generator(x_t[None], time[None])[0]
        expected += (answer - (x_1 - x_0)).square().mean().item() / 6
    assert loss.item() == pytest.approx(expected, rel=1e-9)


def test_the_time_of_training_is_uniform(monkeypatch):
    flow, seen = make(Shapes.of_points()), []
    monkeypatch.setattr(flow.generator, "forward", lambda x, t: (seen.append(t), 0 * x)[1])
    z = torch.zeros(2000, 2, dtype=torch.float64)
    flow.matching(Batch(real=z, z=z))
    times = seen[0].sort().values
    assert (times - torch.linspace(0, 1, steps=2000)).abs().max() < 0.05


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2)])
def test_the_solvers_follow_a_linear_field(solver, order):
    """Of dx/dt = (2 t - 1) a - 3 x the way is known in closed form."""
    a, x = torch.tensor([[1.0, -2.0]], dtype=torch.float64), torch.ones(1, 2, dtype=torch.float64)

    def error(steps):
        times = torch.linspace(0, 1, steps=steps + 1, dtype=torch.float64)
        found = carried(
            lambda x, t: (2 * t[:, None] - 1) * a - 3 * x, x, times=times, solver=solver
        )
        # A particular solution (2 t / 3 - 5 / 9) a, and what decays.
        exact = a / 9 + (x + a * 5 / 9) * math.exp(-3)
        return (found - exact).abs().max().item()

    assert error(400) < (1e-2 if order == 1 else 1e-4)
    assert error(200) / error(400) == pytest.approx(2**order, rel=0.05)


def test_a_step_by_hand():
    x = torch.tensor([[2.0]])
    times = torch.tensor([0.5, 1.0])
    field = lambda x, t: x * t[:, None]  # noqa: E731
    assert carried(field, x, times=times, solver="euler").item() == 2 + 0.5 * 1
    assert carried(field, x, times=times, solver="heun").item() == 2 + 0.25 * (1 + 2.5)


def test_the_latent_is_noise_of_the_datas_shape():
    flow = make()
    assert (flow.latent.prior, flow.latent.dimension) == ("normal", 16 * 12)
    with pytest.raises(ValidationError, match="nz"):
        FlowConfig(nz=3)


def test_latents_as_large_as_images_are_drawn_a_block_at_a_time(monkeypatch):
    flow = make(Shapes((33, 32), 1, classes=0), sampling_steps=1, width=1).float()
    sizes, told, sample = [], [], flow.sample_latent
    monkeypatch.setattr(flow, "sample_latent", lambda n, rng: (sizes.append(n), sample(n, rng))[1])
    drawn = draw_samples(flow, 300, lambda *progress: told.append(progress))
    assert (sizes, len(drawn.pixels), told[-1]) == ([256, 44], 300, (300, 300))
    assert draw_samples(flow, 10).pixels.tolist() == drawn.pixels[:10].tolist()


def test_encoding_goes_the_way_back():
    flow, z = make(Shapes.of_points(), sampling_steps=100), values(shapes=Shapes.of_points())[1]
    torch.testing.assert_close(flow.encode(flow.generate(z, None), None), z, rtol=0, atol=1e-3)


@pytest.mark.parametrize(("solver", "passes"), [("euler", 5), ("heun", 10)])
def test_the_steps_are_those_of_the_option(solver, passes):
    flow, asked = make(sampling_steps=5, solver=solver), []
    flow.generator.register_forward_hook(lambda *_: asked.append(1))
    flow.generate(values()[1], None)
    assert len(asked) == passes


def test_learned_points_are_those_of_the_data():
    """Two points alike likely: after a short training samples lie at both."""
    flow = make(Shapes.of_points(), width=32, sampling_steps=20).float()
    generator = torch.Generator().manual_seed(3)
    optimizer = torch.optim.Adam(flow.parameters(), lr=5e-3)
    for _ in range(400):
        real = torch.sign(torch.randn(64, 1, generator=generator)).expand(-1, 2) * 0.5
        optimizer.zero_grad()
        z = flow.sample_latent(64, generator)
        flow.matching(Batch(real=real, z=z)).total.backward()
        optimizer.step()
    drawn = flow.generate(flow.sample_latent(400, generator), None).detach()
    assert ((drawn.abs() - 0.5).abs().amax(1) < 0.2).float().mean() > 0.85
    assert 0.4 < (drawn[:, 0] > 0).float().mean() < 0.6


def test_the_model_keeps_gantools_contract():
    check_model(
        "flow", sizes=(16, (17, 24)), channels=(1,), classes=(0,), width=4, sampling_steps=2
    )


def test_points_have_a_perceptron():
    first = next(
        m for m in make(Shapes.of_points()).generator.modules() if isinstance(m, nn.Linear)
    )
    assert first.in_features == 2 + 16
