from __future__ import annotations

import torch

from gantool.gan.layers import ResidualGenerator, ResidualTrunk, SelfAttention
from gantool.gan.shapes import Shapes


def test_it_begins_as_the_identity() -> None:
    torch.manual_seed(0)
    layer, x = SelfAttention(16), torch.randn(2, 16, 5, 3)
    assert torch.equal(layer(x), x)
    layer(x).sum().backward()
    assert layer.gamma.grad is not None and layer.gamma.grad.abs() > 0


def test_it_is_the_softmax_of_f_g_applied_to_h() -> None:
    torch.manual_seed(0)
    layer, x = SelfAttention(16).double(), torch.randn(2, 16, 5, 3, dtype=torch.float64)
    torch.nn.init.constant_(layer.gamma, 0.7)
    f, g, h = (
        torch.einsum("kc,nchw->nkhw", m.weight[:, :, 0, 0], x).reshape(2, 2, 15)
        for m in (layer.f, layer.g, layer.h)
    )
    scores = torch.einsum("nki,nkj->nij", f, g).exp()
    attention = scores / scores.sum(1, keepdim=True)  # over the places i that are looked at
    o = torch.einsum("ck,nki,nij->ncj", layer.v.weight[:, :, 0, 0], h, attention)
    assert torch.allclose(layer(x), x + 0.7 * o.reshape(x.shape), rtol=0, atol=1e-12)


def test_it_can_be_differentiated_twice() -> None:
    torch.manual_seed(0)
    layer = SelfAttention(8).double()
    torch.nn.init.ones_(layer.gamma)
    x = torch.randn(1, 8, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(layer, (x,))


def test_networks_look_at_the_middle_size() -> None:
    seen: list[int] = []
    for size, middle in ((16, 8), (28, 14), (32, 16), (64, 16)):
        seen.clear()
        shapes = Shapes((size, size), 1, classes=0)
        networks = (
            ResidualGenerator(shapes, nz=4, width=8, attention=True),
            ResidualTrunk(shapes, width=8, attention=True),
        )
        for network in networks:
            (layer,) = (m for m in network.modules() if isinstance(m, SelfAttention))
            layer.register_forward_hook(lambda *call: seen.append(call[1][0].shape[-1]))
        networks[1](networks[0](torch.zeros(2, 4)))
        assert seen == [middle, middle]
