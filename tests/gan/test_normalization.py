from __future__ import annotations

import pytest
import torch

from gantool.gan.layers import ConditionalBatchNorm2d


def maps() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(12, 5, 3, 4, generator=generator, dtype=torch.float64) * 3 + 1
    return x, torch.arange(12) % 3


def randomized() -> ConditionalBatchNorm2d:
    torch.manual_seed(0)
    layer = ConditionalBatchNorm2d(5, classes=3).double()
    for table in (layer.gain, layer.shift):
        torch.nn.init.normal_(table.weight)
    return layer


def test_each_class_has_a_gain_and_a_shift_of_its_own() -> None:
    layer, (x, y) = randomized(), maps()
    result = layer(x, y)
    mean = x.mean((0, 2, 3), keepdim=True)
    std = (x.var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
    for label in range(3):
        own = (x[y == label] - mean) / std
        gain, shift = layer.gain.weight[label], layer.shift.weight[label]
        expected = gain[None, :, None, None] * own + shift[None, :, None, None]
        torch.testing.assert_close(result[y == label], expected, rtol=0, atol=1e-9)


def test_it_begins_as_plain_batchnorm() -> None:
    x, y = maps()
    plain = torch.nn.BatchNorm2d(5).double()
    torch.testing.assert_close(ConditionalBatchNorm2d(5, classes=3).double()(x, y), plain(x))


def test_in_evaluation_the_statistics_are_the_running_ones() -> None:
    layer, (x, y) = randomized(), maps()
    for _ in range(200):
        layer(x, y)
    layer.eval()
    alone = layer(x[:1], y[:1])
    torch.testing.assert_close(alone, layer(x, y)[:1])
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
    assert layer.norm.running_mean is not None and layer.norm.running_var is not None
    assert layer.norm.running_mean.tolist() == pytest.approx(mean.tolist(), rel=1e-6)
    assert layer.norm.running_var.tolist() == pytest.approx(var.tolist(), rel=1e-6)


def test_only_the_class_that_is_asked_for_learns() -> None:
    layer, (x, _) = randomized(), maps()
    layer(x, torch.ones(12, dtype=torch.int64)).square().sum().backward()
    for table in (layer.gain, layer.shift):
        assert table.weight.grad is not None
        assert (table.weight.grad.abs().sum(1) > 0).tolist() == [False, True, False]
