"""The data sets that gantool brings, registered by the same hook as anyone's."""

from __future__ import annotations

from collections.abc import Callable

from gantool.hookspecs import hookimpl
from gantool.spec import DatasetSpec


@hookimpl
def register_datasets(register: Callable[[DatasetSpec], None]) -> None:
    """Register mnist5k and torchvision's data sets."""
    register(
        DatasetSpec("mnist5k", "5,000 handwritten digits, embedded", "gantool.data.embedded:Mnist5k", 5_000, 28, 1, 10)
    )
    sets = "gantool.data.torchvision_sets"
    register(DatasetSpec("mnist", "handwritten digits", f"{sets}:Mnist", 70_000, 28, 1, 10))
    register(DatasetSpec("fashion-mnist", "clothes", f"{sets}:FashionMnist", 70_000, 28, 1, 10))
    register(DatasetSpec("kmnist", "cursive Japanese characters", f"{sets}:KMnist", 70_000, 28, 1, 10))
    register(DatasetSpec("cifar10", "small photographs of ten kinds", f"{sets}:Cifar10", 60_000, 32, 3, 10))
    register(DatasetSpec("celeba", "faces of celebrities", f"{sets}:CelebA", 202_599, 64, 3, 0))
