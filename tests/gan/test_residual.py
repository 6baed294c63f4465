from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool.gan.layers import (
    DownBlock,
    ResidualGenerator,
    ResidualTrunk,
    UpBlock,
    initialize_residual,
)
from gantool.gan.shapes import Shapes


@pytest.fixture(autouse=True)
def in_float64():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def conv(x: Tensor, layer: nn.Conv2d) -> Tensor:
    return F.conv2d(x, layer.weight, layer.bias, padding=layer.kernel_size[0] // 2)


def normalized(x: Tensor) -> Tensor:
    mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), False, keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


def test_the_generators_block_repeats_pixels_and_drops_those_beyond_an_odd_size() -> None:
    block = UpBlock(3, 5, size=(7, 14))

    def up(x: Tensor) -> Tensor:
        return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)[:, :, :7]

    x = torch.randn(4, 3, 4, 7)
    h = conv(up(normalized(x).relu()), block.first)
    expected = conv(up(x), block.skip) + conv(normalized(h).relu(), block.second)
    assert torch.allclose(block(x), expected, atol=1e-12)


@pytest.mark.parametrize("first", [True, False])
def test_the_discriminators_block_averages_what_there_is_of_two_by_two(first: bool) -> None:
    block = DownBlock(3, 5, before=(7, 4), after=(4, 4), first=first)
    convolutions = [m for m in block.residual if isinstance(m, nn.Conv2d)]

    def down(x: Tensor) -> Tensor:
        pairs = x[:, :, :6].unflatten(2, (3, 2)).mean(3)
        return torch.cat([pairs, x[:, :, 6:]], dim=2)

    x = torch.randn(2, 3, 7, 4)
    h = conv(x if first else x.relu(), convolutions[0]).relu()
    expected = down(conv(x, block.skip)) + down(conv(h, convolutions[1]))
    assert torch.allclose(block(x), expected, atol=1e-12)


def test_a_block_that_changes_nothing_adds_to_its_input() -> None:
    block = DownBlock(3, 3, before=(4, 4), after=(4, 4))
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("size", [(16, 16), (28, 28), (33, 17), (16, 64)])
def test_networks_of_any_size(size: tuple[int, int]) -> None:
    shapes = Shapes(size, 3, classes=0)
    generator, trunk = ResidualGenerator(shapes, nz=6, width=4), ResidualTrunk(shapes, width=4)
    images = generator(torch.randn(2, 6))
    assert images.shape == (2, 3, *size)
    assert trunk(images).shape == (2, 4)
    features = trunk.blocks(images)
    assert torch.allclose(trunk(images), features.clamp(min=0).flatten(2).sum(2))


def test_at_32_x_32_they_are_the_papers() -> None:
    shapes = Shapes((32, 32), 3, classes=0)
    generator = ResidualGenerator(shapes, nz=128, width=256)
    assert [block.size for block in generator.blocks] == [(8, 8), (16, 16), (32, 32)]
    assert generator.start[0].out_features == 4 * 4 * 256
    trunk, sides, x = ResidualTrunk(shapes, width=128), [], torch.randn(1, 3, 32, 32)
    for block in trunk.blocks:
        x = block(x)
        sides.append(x.shape[-1])
    assert sides == [16, 8, 8, 8]


def test_labels_reach_the_norms_of_the_blocks() -> None:
    class Shift(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.table = nn.Embedding(3, channels)

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return x + self.table(y)[:, :, None, None]

    shapes = Shapes((16, 16), 1, classes=3)
    generator = ResidualGenerator(shapes, nz=6, width=4, norm=Shift)
    assert sum(isinstance(m, Shift) for m in generator.modules()) == 4
    z = torch.randn(1, 6).expand(2, 6)
    first, second = generator(z, torch.tensor([0, 1]))
    assert not torch.equal(first, second)


def test_first_weights() -> None:
    network = nn.Sequential(ResidualTrunk(Shapes((16, 16), 1, classes=0), width=32))
    initialize_residual(network)
    block = network[0].blocks[1]
    bound = (6 / (2 * 32 * 9)) ** 0.5 * 2**0.5
    weights = block.residual[1].weight.abs()
    assert 0.95 * bound < weights.max() <= bound
    skip = network[0].blocks[0].skip
    assert 0.9 * (6 / 33) ** 0.5 < skip.weight.abs().max() <= (6 / 33) ** 0.5
    assert not block.residual[1].bias.any()
