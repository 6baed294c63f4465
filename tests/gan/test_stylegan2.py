from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool.gan.layers import (
    MinibatchStd,
    ModulatedConv,
    ShrinkingBlock,
    StyledConv,
    StyleGenerator,
    equalized,
)
from gantool.gan.shapes import Shapes


@pytest.fixture(autouse=True)
def in_float64():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def test_equalized_layers_divide_by_the_root_of_fan_in() -> None:
    layer = equalized(nn.Conv2d(5, 40, 3))
    raw = layer.parametrizations.weight.original
    assert torch.allclose(layer.weight, raw / 45**0.5)
    assert raw.std().item() == pytest.approx(1, abs=0.05)
    assert not layer.bias.any()


def effective(layer: ModulatedConv, w: Tensor, size: int = 5) -> Tensor:
    """The weights [O, I, 3, 3] that act on an image, read off the answers to single points."""
    inputs = layer.conv.in_channels
    points = torch.zeros(inputs, inputs, size, size)
    points[range(inputs), range(inputs), size // 2, size // 2] = 1
    answers = layer(points, w.expand(inputs, -1))  # [I, O, size, size]
    middle = slice(size // 2 - 1, size // 2 + 2)
    return answers[:, :, middle, middle].flip(2, 3).transpose(0, 1)


@pytest.mark.parametrize("demodulate", [True, False])
def test_weights_are_modulated_and_demodulated(demodulate: bool) -> None:
    layer = ModulatedConv(3, 4, styles=6, demodulate=demodulate)
    for w in torch.randn(2, 1, 6):
        found = effective(layer, w)
        style = w[0] @ layer.affine.weight.T + layer.affine.bias
        modulated = torch.einsum("oikl,i->oikl", layer.conv.weight, style)  # equation 1
        norms = modulated.square().sum((1, 2, 3), keepdim=True).sqrt()
        expected = modulated / norms if demodulate else modulated  # equation 3
        assert torch.allclose(found, expected, rtol=0, atol=1e-6)
        if demodulate:
            unit = torch.ones(4)
            assert torch.allclose(found.flatten(1).norm(dim=1), unit, rtol=0, atol=1e-6)


def test_each_image_has_its_own_weights() -> None:
    layer = ModulatedConv(3, 4, styles=6)
    x, w = torch.randn(2, 3, 5, 5), torch.randn(2, 6)
    expected = [F.conv2d(x[i : i + 1], effective(layer, w[i : i + 1]), padding=1) for i in range(2)]
    assert torch.allclose(layer(x, w), torch.cat(expected), atol=1e-9)


def test_noise_is_fresh_in_training_and_fixed_else() -> None:
    layer = StyledConv(3, 4, styles=6, size=(5, 7))
    x, w = torch.randn(2, 3, 5, 7), torch.randn(2, 6)
    quiet = layer(x, w)
    with torch.no_grad():
        layer.strength.fill_(0.3)
        layer.bias.normal_()
    assert not torch.equal(layer(x, w), layer(x, w))
    layer.eval()
    expected = layer.conv(x, w) + 0.3 * layer.noise + layer.bias
    expected = expected.where(expected > 0, 0.2 * expected) * 2**0.5
    assert torch.allclose(layer(x, w), expected)
    assert not torch.equal(layer(x, w), quiet)


@pytest.mark.parametrize(("n", "group"), [(8, 4), (6, 3), (2, 2), (7, 1)])
def test_minibatch_standard_deviation(n: int, group: int) -> None:
    x = torch.randn(n, 3, 2, 2)
    found = MinibatchStd()(x)  # groups of 4, as the paper's
    assert torch.equal(found[:, :3], x)
    groups = n // group
    for first in range(groups):
        members = [x[i] for i in range(first, n, groups)]
        assert len(members) == group
        deviations = []
        for place in range(3 * 2 * 2):
            values = [float(member.flatten()[place]) for member in members]
            mean = sum(values) / group
            deviations.append((sum((v - mean) ** 2 for v in values) / group + 1e-8) ** 0.5)
        expected = sum(deviations) / len(deviations)
        for i in range(first, n, groups):
            assert torch.allclose(found[i, 3], torch.tensor(expected), rtol=0, atol=1e-12)


def test_the_discriminators_block_keeps_the_scale() -> None:
    block = ShrinkingBlock(16, before=(9, 8), after=(5, 4))
    x = torch.randn(4, 16, 9, 8)
    assert block(x).shape == (4, 16, 5, 4)

    def conv(x: Tensor, layer: nn.Conv2d) -> Tensor:
        return F.conv2d(x, layer.weight, layer.bias, padding=layer.kernel_size[0] // 2)

    def down(x: Tensor) -> Tensor:
        return F.interpolate(x, size=(5, 4), mode="bilinear", antialias=True)

    def act(x: Tensor) -> Tensor:
        return torch.maximum(x, 0.2 * x) * 2**0.5

    h = act(conv(x, block.first.layer))
    expected = conv(down(x), block.skip) + act(conv(down(h), block.second.layer))
    assert torch.allclose(block(x), expected / 2**0.5, atol=1e-9)


def generator(**options: float) -> StyleGenerator:
    shapes = Shapes((16, 24), 3, classes=0)
    return StyleGenerator(shapes, nz=6, width=4, mapping_layers=2, **options)


def test_layers_have_one_style_outside_of_training() -> None:
    network = generator().eval()
    z = torch.randn(2, 6)
    styles = network.styles(z)
    assert styles.shape == (2, network.layers, 6)
    assert network.layers == 2 + 3 + 3 + 3
    w = z / z.square().mean(1, keepdim=True).sqrt()
    for layer in network.mapping:
        w = w @ layer.layer.weight.T + layer.layer.bias
        w = torch.maximum(w, 0.2 * w) * 2**0.5
    assert torch.allclose(styles, w[:, None].expand(-1, network.layers, -1), atol=1e-7)
    assert network(z).shape == (2, 3, 16, 24)


def test_truncation_goes_from_the_mean_style_to_the_own() -> None:
    network, z = generator().eval(), torch.randn(2, 6)
    network.mean.normal_()
    own = network.styles(z)
    network.psi = 0.25
    assert torch.allclose(network.styles(z), network.mean + 0.25 * (own - network.mean))
    network.psi = 0.0
    assert torch.equal(*network(z))


def test_the_mean_style_is_a_moving_average() -> None:
    network, z = generator(mixing=0.0), torch.randn(8, 6)
    w = network.styles(z)[:, 0]
    assert torch.allclose(network.mean, 0.005 * w.mean(0))
    network.styles(z)
    assert torch.allclose(network.mean, (0.005 + 0.995 * 0.005) * w.mean(0))


def test_style_mixing() -> None:
    z = torch.randn(2000, 6)
    network = generator()
    styles = network.styles(z).detach()
    with torch.no_grad():
        own = network.eval().styles(z)
    same = (styles == own).all(2)
    assert same[:, 0].all()  # the first layers have their own style
    assert (same[:, 1:] <= same[:, :-1]).all()  # the others cross over once
    assert (~same[:, -1]).double().mean().item() == pytest.approx(0.9, abs=0.03)
    crossings = same.sum(1)[~same[:, -1]]
    assert crossings.unique().tolist() == [*range(1, network.layers)]
