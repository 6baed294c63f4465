from __future__ import annotations

import numpy as np
import pytest
import torch
from gantool_zoo.dragan import DRAGANConfig
from gantool_zoo.dragan.model import DRAGAN

from gantool import Batch, Shapes
from gantool.gan.penalties import local_gradient_penalty
from gantool.testing import check_model


def test_dragan_keeps_gantools_contract():
    check_model("dragan", sizes=(16, (8, 12)), channels=(1,), classes=(0,), ngf=4, ndf=4)


def test_the_penalty_looks_where_the_authors_look():
    """Points x + 0.5 std(x) u, with u in [0, 1] for each value and the batch's own deviation."""
    torch.manual_seed(1)
    seen = []

    def square(x):
        seen.append(x.detach())
        return (x**2).flatten(1).sum(1) / 2  # whose slope at x is |x|

    real = torch.randn(50, 1, 4, 4, dtype=torch.float64)
    value = local_gradient_penalty(square, real, weight=3.0)
    u = ((seen[0] - real) / (0.5 * np.std(real.numpy(), ddof=1))).numpy()
    assert u.min() >= 0 and u.max() <= 1 and len(np.unique(u)) == u.size
    slopes = np.linalg.norm(seen[0].numpy().reshape(50, -1), axis=1)
    assert value.item() == pytest.approx(3 * np.mean((slopes - 1) ** 2), abs=1e-9)


def test_the_losses_are_the_papers():
    """Kodali et al. 2017, Algorithm 1: the game of 2014 and lambda (|grad D| - 1)^2; lambda 10."""
    torch.manual_seed(1)
    gan = DRAGAN.create(DRAGANConfig(nz=2, ngf=2, ndf=2), Shapes.of_points()).double()
    real, z = torch.randn(2, 8, 2, dtype=torch.float64)
    batch = Batch(real=real, fake=gan.generate(z, None).detach())
    state = torch.get_rng_state()
    losses = gan.discriminator_loss(batch)
    torch.set_rng_state(state)
    around = (real + 0.5 * real.std() * torch.rand_like(real)).requires_grad_()
    r, f = (torch.sigmoid(gan.discriminator(x)) for x in (real, batch.fake))
    slopes = []
    for i in range(8):
        (slope,) = torch.autograd.grad(gan.discriminator(around[i : i + 1]).sum(), around)
        slopes.append(slope[i].norm().item())
    penalty = 10 * np.mean((np.array(slopes) - 1) ** 2)
    expected = -(r.log().mean() + (1 - f).log().mean()).item() + penalty
    assert losses.total.item() == pytest.approx(expected, abs=1e-9)
    assert losses.extra["penalty"].item() == pytest.approx(penalty, abs=1e-9)
