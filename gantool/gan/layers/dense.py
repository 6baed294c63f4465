"""Dense layers: maxout, scaling, and perceptrons for points in the plane."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


class Maxout(nn.Module):
    """The largest of `pieces` affine maps, for each unit (Goodfellow et al. 2013, equation 1).

    It takes float [N, inputs] to [N, units].
    """

    def __init__(self, inputs: int, units: int, pieces: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, units * pieces)
        self.units = units
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """The maxima."""
        pieces: Tensor = self.linear(x).unflatten(1, (self.units, self.pieces))
        return pieces.amax(2)


class Scale(nn.Module):
    """x * factor + offset: from one range of pixel values to another."""

    def __init__(self, factor: float, offset: float) -> None:
        super().__init__()
        self.factor = factor
        self.offset = offset

    def forward(self, x: Tensor) -> Tensor:
        """The scaled values, same shape."""
        return x * self.factor + self.offset


def perceptron(
    inputs: int,
    outputs: int,
    *,
    width: int,
    hidden: int = 3,
    activation: Callable[[], nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """Hidden layers of one width with an activation after each, and a linear map at the end.

    It takes float [N, inputs] to [N, outputs], in no bounds.
    """
    layers: list[nn.Module] = []
    for number in range(hidden):
        layers += [nn.Linear(inputs if number == 0 else width, width), activation()]
    return nn.Sequential(*layers, nn.Linear(width if hidden else inputs, outputs))
