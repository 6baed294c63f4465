from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from gantool.gan.layers import Resample


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((8, 8), (16, 16)),
        ((16, 16), (8, 8)),
        ((7, 4), (14, 4)),
        ((33, 17), (17, 9)),
        ((5, 5), (5, 5)),
    ],
)
def test_it_is_bilinear_interpolation_without_aliases(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, *before)
    expected = F.interpolate(x, size=after, mode="bilinear", antialias=True)
    assert torch.allclose(Resample(before, after)(x), expected, atol=1e-5)


def test_halving_is_the_filter_1_3_3_1() -> None:
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 3] = 8.0
    assert Resample((8, 8), (4, 8))(x)[0, 0, :, 0].tolist() == [0.0, 3.0, 1.0, 0.0]
    assert Resample((8, 8), (16, 8))(x)[0, 0, 4:10, 0].tolist() == [0.0, 2.0, 6.0, 6.0, 2.0, 0.0]
