"""The data sets that gantool brings, registered by the same hook as anyone's."""

from __future__ import annotations

from collections.abc import Callable

from gantool.hookspecs import hookimpl
from gantool.spec import DatasetSpec


@hookimpl
def register_datasets(register: Callable[[DatasetSpec], None]) -> None:
    """Register mnist5k, its stacks, and torchvision's data sets."""
    embedded = "gantool.data.embedded"
    register(
        DatasetSpec("mnist5k", "5,000 handwritten digits, embedded", f"{embedded}:Mnist5k", 5_000, 28, 1, 10, "digits")
    )
    register(
        DatasetSpec(
            *("stacked-mnist", "three digits of mnist5k as three channels: 1,000 modes", f"{embedded}:StackedMnist"),
            *(50_000, 28, 3, 1_000),
            extractor="stacked-digits",
        )
    )
    sets = "gantool.data.torchvision_sets"
    register(DatasetSpec("mnist", "handwritten digits", f"{sets}:Mnist", 70_000, 28, 1, 10, "digits"))
    register(DatasetSpec("fashion-mnist", "clothes", f"{sets}:FashionMnist", 70_000, 28, 1, 10, "clothes"))
    register(DatasetSpec("kmnist", "cursive Japanese characters", f"{sets}:KMnist", 70_000, 28, 1, 10))
    register(DatasetSpec("cifar10", "small photographs of ten kinds", f"{sets}:Cifar10", 60_000, 32, 3, 10))
    register(DatasetSpec("celeba", "faces of celebrities", f"{sets}:CelebA", 202_599, 64, 3, 0))
