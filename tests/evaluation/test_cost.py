"""The cost of drawing: multiply-adds by torch's counter, and that counting changes nothing."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gantool.evaluation.cost import cost_of_drawing, multiply_adds
from gantool.evaluation.evaluate import draw_samples
from gantool.gan.base import Model
from gantool.gan.shapes import Shapes
from gantool.plugins.registry import load_registry
from gantool.plugins.spec import load_implementation
from gantool.training import arithmetic

CPU = torch.device("cpu")


def made(name: str, **options: Any) -> Model[Any]:
    spec = load_registry().model(name)
    model: Model[Any] = load_implementation(spec.implementation).create(
        spec.config(**options), Shapes((28, 28), channels=1, classes=10)
    )
    return model


def counted(model: Model[Any]) -> int | None:
    return multiply_adds(partial(draw_samples, model, 1), model)


def test_products_convolutions_and_attention_count() -> None:
    none = nn.Identity()
    a, b = torch.zeros(3, 5), torch.zeros(5, 7)
    assert multiply_adds(lambda: a @ b, none) == 3 * 5 * 7
    image, kernel = torch.zeros(1, 2, 8, 8), torch.zeros(4, 2, 3, 3)
    assert multiply_adds(lambda: F.conv2d(image, kernel), none) == 6 * 6 * 4 * 2 * 9
    q = torch.zeros(1, 1, 10, 4)
    with torch.no_grad():
        assert (
            multiply_adds(lambda: F.scaled_dot_product_attention(q, q, q), none) == 2 * 10 * 10 * 4
        )
    assert multiply_adds(lambda: F.relu(image + 1), none) == 0


@pytest.mark.parametrize("name", ["dcgan", "vanilla", "cgan"])
def test_torch_counts_what_the_layers_hooks_count(name: str) -> None:
    model = made(name)
    assert counted(model) == arithmetic.multiply_adds(model) > 0


@pytest.mark.parametrize("name", sorted(load_registry().models))
def test_every_model_can_be_counted(name: str) -> None:
    """Those with parametrized layers too, whose parameters enter modules."""
    assert (counted(made(name)) or 0) > 0


def test_every_pass_of_a_sample_counts() -> None:
    one, twenty = (counted(made("flow", sampling_steps=steps)) for steps in (1, 20))
    assert one and twenty == 20 * one


def test_counting_leaves_networks_modes_and_random_state_as_they_were() -> None:
    model = made("dcgan", ngf=4)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    learned = [parameter.requires_grad for parameter in model.parameters()]
    modes = [module.training for module in model.modules()]
    random = torch.get_rng_state()
    counted(model)
    assert torch.equal(torch.get_rng_state(), random)
    assert [module.training for module in model.modules()] == modes
    assert [parameter.requires_grad for parameter in model.parameters()] == learned
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_what_cannot_be_counted_is_unknown() -> None:
    def fails() -> None:
        raise RuntimeError("no such operation under a dispatch mode")

    cost = cost_of_drawing(fails, nn.Identity(), samples=100, seconds=0.5, device=CPU)
    assert cost["multiply_adds"] is None
    assert cost["samples_per_second"] == 200
    assert (cost["device"], cost["threads"]) == ("cpu", torch.get_num_threads())
