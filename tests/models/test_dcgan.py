from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gantool.data.prepared import ImageSplit
from gantool.errors import ConfigError
from gantool.gan.shapes import Shapes, maps, sides
from gantool.models.dcgan import Config
from gantool.models.dcgan.model import DCGAN


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def make(size: int | tuple[int, int], channels: int, **options: object) -> DCGAN:
    sides = (size, size) if isinstance(size, int) else size
    split = ImageSplit(np.zeros((2, *sides, channels), dtype=np.uint8), None)
    return DCGAN.create(Config(**options), Shapes(sides, channels, classes=0), train_data=split)


def test_at_64_rgb_the_networks_are_the_tutorials_layer_for_layer() -> None:
    gan = make(64, 3)
    assert parameters(gan.generator) == 3_576_704
    assert parameters(gan.discriminator) == 2_765_568
    ups = [m for m in gan.generator if isinstance(m, nn.ConvTranspose2d)]
    described = [
        (m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0], m.padding[0], m.bias)
        for m in ups
    ]
    assert described == [
        (100, 512, 4, 1, 0, None),
        (512, 256, 4, 2, 1, None),
        (256, 128, 4, 2, 1, None),
        (128, 64, 4, 2, 1, None),
        (64, 3, 4, 2, 1, None),
    ]
    assert [type(m).__name__ for m in gan.generator][1:5] == [
        "ConvTranspose2d",
        "BatchNorm2d",
        "ReLU",
        "ConvTranspose2d",
    ]
    assert isinstance(gan.generator[-1], nn.Tanh)
    downs = [m for m in gan.discriminator if isinstance(m, nn.Conv2d)]
    described = [
        (m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0], m.padding[0], m.bias)
        for m in downs
    ]
    assert described == [
        (3, 64, 4, 2, 1, None),
        (64, 128, 4, 2, 1, None),
        (128, 256, 4, 2, 1, None),
        (256, 512, 4, 2, 1, None),
        (512, 1, 4, 1, 0, None),
    ]
    assert [type(m).__name__ for m in gan.discriminator] == [
        *("Conv2d", "LeakyReLU"),
        *("Conv2d", "BatchNorm2d", "LeakyReLU") * 3,
        "Conv2d",
    ]
    assert all(m.negative_slope == 0.2 for m in gan.discriminator if isinstance(m, nn.LeakyReLU))


def test_first_weights_are_the_tutorials() -> None:
    torch.manual_seed(0)
    gan = make(64, 3)
    for layer in itertools.chain(gan.generator, gan.discriminator):
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)
            assert abs(layer.weight.mean().item()) < 2e-3
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.weight.mean().item() == pytest.approx(1, abs=0.02)
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.3)
            assert layer.bias.abs().max().item() == 0


def test_without_batchnorm_the_discriminator_keeps_weights_that_can_learn() -> None:
    torch.manual_seed(0)
    plain = make(28, 1, penalty="r1")
    layers = [m for m in plain.discriminator if isinstance(m, nn.Conv2d)]
    assert layers[1].weight.std().item() == pytest.approx(
        1 / (3 * layers[1].weight[0].numel()) ** 0.5, rel=0.1
    )
    assert plain.generator[1].weight.std().item() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("options", [{"penalty": "r1"}, {"spectral_norm": True}])
def test_without_batchnorm_the_discriminator_has_biases(options: dict[str, Any]) -> None:
    # Without them D(0) is 0 and D(a x) = a D(x): gray images could not be told from real ones.
    gan = DCGAN.create(Config(ndf=4, ngf=4, **options), Shapes((28, 28), 1, classes=0))
    layers = [m for m in gan.discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert all(layer.bias is not None for layer in layers)
    gray = torch.zeros(1, 1, 28, 28)
    assert gan.discriminate(gray, None).item() != 0
    with_batch_norm = DCGAN.create(Config(ndf=4, ngf=4), Shapes((28, 28), 1, classes=0))
    assert not any(m.bias is not None for m in with_batch_norm.modules() if type(m) is nn.Conv2d)


def test_optimizers_are_the_tutorials() -> None:
    gan = make(64, 3)
    for player, (network,) in gan.players().items():
        optimizer = gan.make_optimizer(player, network.parameters())
        assert isinstance(optimizer, torch.optim.Adam)
        assert optimizer.param_groups[0]["lr"] == 2e-4
        assert optimizer.param_groups[0]["betas"] == (0.5, 0.999)


def test_sides() -> None:
    assert sides(64) == [64, 32, 16, 8, 4]
    assert sides(28) == [28, 14, 7, 4]
    assert sides(48) == [48, 24, 12, 6, 3]


def test_the_shorter_side_stays_where_it_is_done() -> None:
    assert maps((16, 64)) == [(16, 64), (8, 32), (4, 16), (4, 8), (4, 4)]
    assert maps((64, 9)) == [(64, 9), (32, 5), (16, 3), (8, 3), (4, 3)]
    gan = make((16, 64), 1, ngf=2, ndf=2, nz=2)
    downs = [m for m in gan.discriminator if isinstance(m, nn.Conv2d)]
    assert [(m.kernel_size, m.stride) for m in downs] == [
        ((4, 4), (2, 2)),
        ((4, 4), (2, 2)),
        ((3, 4), (1, 2)),
        ((3, 4), (1, 2)),
        ((4, 4), (1, 1)),
    ]
    ups = [m for m in gan.generator if isinstance(m, nn.ConvTranspose2d)]
    mirrored = [(m.kernel_size, m.stride) for m in reversed(ups)]
    assert mirrored == [(m.kernel_size, m.stride) for m in downs]


@pytest.mark.parametrize("side", [28, 33, 64])
def test_a_square_has_square_kernels_of_stride_2(side: int) -> None:
    gan = make(side, 1, ngf=2, ndf=2, nz=2)
    downs = [m for m in gan.discriminator if isinstance(m, nn.Conv2d)][:-1]
    assert [(m.kernel_size, m.stride) for m in downs] == [
        ((4, 4) if length % 2 == 0 else (3, 3), (2, 2)) for length in sides(side)[:-1]
    ]


@pytest.mark.parametrize("size", [28, 32, 48, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_fit(size: int, channels: int) -> None:
    gan = make(size, channels, ngf=4, ndf=4)
    images = gan.generate(torch.randn(2, 100), None)
    assert images.shape == (2, channels, size, size)
    assert images.abs().max() <= 1
    assert gan.discriminate(images, None).shape == (2,)


@settings(max_examples=25, deadline=None)
@given(size=st.tuples(st.integers(8, 200), st.integers(8, 200)), channels=st.sampled_from([1, 4]))
def test_any_size_from_8_up_can_be_built(size: tuple[int, int], channels: int) -> None:
    gan = make(size, channels, ngf=1, ndf=1, nz=2)
    images = gan.generate(torch.randn(2, 2), None)
    assert images.shape == (2, channels, *size)
    assert gan.discriminate(images, None).shape == (2,)


def test_widths_never_exceed_eight_times_the_base() -> None:
    gan = make(256, 3, ngf=2, ndf=2)
    assert max(m.out_channels for m in gan.discriminator if isinstance(m, nn.Conv2d)) == 16


def test_batchnorm_leaves_the_discriminator_where_images_must_be_treated_apart() -> None:
    def has_norm(**options: object) -> bool:
        return any(
            isinstance(m, nn.BatchNorm2d)
            for m in make(32, 1, ngf=4, ndf=4, **options).discriminator
        )

    assert has_norm()
    assert has_norm(loss="hinge")
    assert not has_norm(penalty="r1")
    assert not has_norm(loss="wasserstein", clip=0.01)
    assert not has_norm(discriminator_norm="none")
    with pytest.raises(ConfigError, match="BatchNorm ties"):
        has_norm(discriminator_norm="batch", penalty="gp")
