"""A run's word on bf16, and the multiply-adds that it is judged by."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gantool.gan.base import Model
from gantool.gan.shapes import Shapes
from gantool.machine.device import bf16_instructions
from gantool.plugins.registry import load_registry
from gantool.plugins.spec import load_implementation
from gantool.training.arithmetic import advice, multiply_adds

CPU = torch.device("cpu")


def made(name: str, **options: Any) -> Model[Any]:
    spec = load_registry().models[name]
    shapes = Shapes((28, 28), channels=1, classes=10)
    model: Model[Any] = load_implementation(spec.implementation).create(
        spec.config(**options), shapes
    )
    return model


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)


@pytest.mark.parametrize(
    ("found", "there"),
    [
        ({"avx2": True}, False),
        ({"avx2": True, "avx512_bf16": True}, True),
        ({"bf16": True}, True),
        ({"amx_tile": True}, True),
    ],
)
def test_a_cpu_has_bf16_instructions_or_not(
    found: dict[str, bool], there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    assert bf16_instructions(CPU) is there
    assert bf16_instructions(torch.device("cuda")) is None


def test_each_weight_counts_once_at_each_place() -> None:
    dcgan = made("dcgan", nz=10, ngf=4)  # 1 x 1 to 4 x 4, 7 x 7, 14 x 14 and 28 x 28
    layers = (10 * 16 * 16 * 1, 16 * 8 * 9 * 16, 8 * 4 * 16 * 49, 4 * 1 * 16 * 196)
    assert multiply_adds(dcgan) == sum(layers)
    vanilla = made("vanilla")
    weights = sum(p.numel() for p in vanilla.generator.parameters() if p.dim() == 2)
    assert multiply_adds(vanilla) == weights


def test_counting_leaves_everything_as_it_was() -> None:
    model = made("dcgan", ngf=4)
    model.discriminator.eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    random = torch.get_rng_state()
    multiply_adds(model)
    assert torch.equal(torch.get_rng_state(), random)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.usefixtures("able")
def test_bf16_is_recommended_where_the_networks_are_large_and_nobody_decided() -> None:
    default = {"precision": "default"}
    small, large = made("dcgan", ngf=16), made("dcgan")

    def said(model: Model[Any], sources: dict[str, str]) -> str | None:
        return advice(model, CPU, batch_size=16, sources=sources)

    assert "save about a third" in (said(large, default) or "")
    assert said(large, {"precision": "flag"}) is None
    assert said(small, default) is None
    assert said(made("dcgan", precision="bf16"), default) is None
    assert said(made("dcgan", compile=True), default) is None


def test_without_instructions_it_is_said_to_be_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True}, raising=False)
    found = {
        precision: advice(
            made("dcgan", precision=precision), CPU, batch_size=16, sources={"precision": "default"}
        )
        for precision in ("fp32", "bf16")
    }
    assert found["fp32"] is None
    assert "slower here" in (found["bf16"] or "")
