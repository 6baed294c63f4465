"""The U-Net and its block against their formulas."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool.gan.layers import TimedBlock, UNet, waves
from gantool.gan.shapes import Shapes


def randomized(network: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.3, generator=generator)
    return network.double()


def normalized(x: Tensor, group: nn.GroupNorm) -> Tensor:
    """Wu and He 2018, equation 7: each group of channels of an image to mean 0 and variance 1."""
    groups = x.unflatten(1, (group.num_groups, -1))
    mean = groups.mean((2, 3, 4), keepdim=True)
    variance = groups.var((2, 3, 4), unbiased=False, keepdim=True)
    shaped = ((groups - mean) / (variance + 1e-5).sqrt()).flatten(1, 2)
    found = shaped * group.weight[:, None, None] + group.bias[:, None, None]
    return found * torch.sigmoid(found)


def test_waves() -> None:
    told = waves(torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64))
    for row, t in zip(told, (0.0, 0.5, 1.0), strict=True):
        assert row.tolist() == pytest.approx([math.cos(math.pi * k * t) for k in range(16)])


def test_a_block_is_its_formula() -> None:
    block = randomized(TimedBlock(16))
    x, told = torch.randn(3, 16, 5, 4, dtype=torch.float64), torch.randn(3, 16).double()
    convolve = {name: getattr(block, name)[2] for name in ("first", "second")}
    h = F.conv2d(
        normalized(x, block.first[0]),
        convolve["first"].weight,
        convolve["first"].bias,
        padding=1,
    )
    h = h + (told @ block.time.weight.T + block.time.bias)[:, :, None, None]
    h = F.conv2d(
        normalized(h, block.second[0]),
        convolve["second"].weight,
        convolve["second"].bias,
        padding=1,
    )
    torch.testing.assert_close(block(x, told), x + h, rtol=0, atol=1e-9)


@pytest.mark.parametrize("size", [(16, 16), (28, 28), (33, 20), (8, 12), (16, 64)])
def test_any_size_comes_back(size: tuple[int, int]) -> None:
    network = randomized(UNet(Shapes(size, 3, classes=0), width=6))
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    answer = network(x, torch.tensor([0.2, 0.7], dtype=torch.float64))
    assert answer.shape == x.shape
    assert network(x[1:], torch.tensor([0.7], dtype=torch.float64)).allclose(answer[1:])


def test_every_level_and_the_time_reach_the_result() -> None:
    network = randomized(UNet(Shapes((28, 28), 1, classes=0), width=8))
    assert [m.out_channels for m in network.down] == [8, 16, 16]
    x = torch.randn(2, 1, 28, 28, dtype=torch.float64)
    t = torch.tensor([0.3, 0.6], dtype=torch.float64, requires_grad=True)
    network(x, t).square().sum().backward()
    assert t.grad is not None and t.grad.abs().min() > 0
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_with_nothing_learned_inside_it_is_the_factor_of_the_time() -> None:
    network = randomized(UNet(Shapes((16, 16), 2, classes=0), width=4))
    with torch.no_grad():
        for up in network.up:
            for parameter in up[2].parameters():
                parameter.zero_()
    x = torch.randn(2, 2, 16, 16, dtype=torch.float64)
    t = torch.tensor([0.1, 0.9], dtype=torch.float64)
    factor = waves(t) @ network.straight.weight.T + network.straight.bias
    torch.testing.assert_close(network(x, t), factor[:, :, None, None] * x)
