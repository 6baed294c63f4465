"""Optimizers without torch's compiler."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from gantool.gan.optimizers import without_compiler


@pytest.mark.parametrize(
    "kind, options",
    [
        (torch.optim.Adam, {"betas": (0.5, 0.999), "fused": True}),
        (torch.optim.RMSprop, {"momentum": 0.5}),
        (torch.optim.SGD, {"momentum": 0.9}),
    ],
)
def test_an_optimizer_without_the_compiler_is_torchs(
    kind: type[torch.optim.Optimizer], options: dict[str, Any]
) -> None:
    networks = [nn.Linear(3, 2) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    kinds: list[Any] = [kind, without_compiler(kind)]
    pair = [
        made(network.parameters(), lr=0.1, **options)
        for made, network in zip(kinds, networks, strict=True)
    ]
    x = torch.tensor([[1.0, -2.0, 0.5], [0.25, 1.0, 3.0]])
    for step in range(4):
        for optimizer, network in zip(pair, networks, strict=True):
            optimizer.zero_grad()
            network(x).square().sum().backward()
            optimizer.step()
        if step == 1:  # each goes on from the other's state
            states = [optimizer.state_dict() for optimizer in pair]
            for optimizer, state in zip(pair, reversed(states), strict=True):
                optimizer.load_state_dict(state)
    for ours, theirs in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.equal(ours, theirs)
    assert isinstance(pair[1], kind)
    assert torch.is_grad_enabled()
