"""The velocity of flow matching, its loss and its solvers."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool import Latent, Losses, Model, Shapes, Turn
from gantool.gan.layers import WAVES, UNet, perceptron, waves


class Flow(Model):
    """Flow matching (Lipman et al. 2022) along straight lines: one player, one turn a step."""

    @property
    def latent(self) -> Latent:
        """Normal noise of the data's own shape, flattened."""
        return Latent("normal", self.shapes.values)

    def build(self, shapes: Shapes) -> None:
        """The velocity, which is all there is: a U-Net, for points a perceptron."""
        width = self.config.width
        self.generator = UNet(shapes, width=width) if shapes.kind == "images" else Plane(width)

    def players(self):
        """One player."""
        return {"flow": (self.generator,)}

    def turns(self, progress):
        """One turn a step, on real data and noise that is not made into samples."""
        return [Turn("flow", self.matching, fake=False)]

    def matching(self, batch):
        """E |v(x_t, t) - (x_1 - x_0)|^2, a mean over values too: equation 23 with sigma_min 0.

        x_0 is noise, x_1 data, x_t = (1 - t) x_0 + t x_1 and t uniform.
        """
        real, noise = batch.real, batch.z.view_as(batch.real)
        t = torch.rand(len(real), device=real.device, dtype=real.dtype)
        x = torch.lerp(noise, real, t.view(-1, *[1] * (real.ndim - 1)))
        return Losses(F.mse_loss(self.generator(x, t).to(real.dtype), real - noise))

    def generate(self, z, y):
        """Samples: noise carried from time 0 to 1."""
        x = self._carried(z.view(-1, *self.shapes.sample), 0, end=1)
        return x.clamp(-1, 1) if self.shapes.kind == "images" else x

    def encode(self, x, y):
        """The noise that samples come from: they are carried back."""
        return self._carried(x, 1, end=0).flatten(1)

    def _carried(self, x: Tensor, start: float, end: float) -> Tensor:
        times = torch.linspace(start, end, steps=self.config.sampling_steps + 1).to(x)
        return carried(self.generator, x, times=times, solver=self.config.solver)


class Plane(nn.Module):
    """A perceptron from points [N, 2] and times [N] to velocities [N, 2]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = perceptron(2 + WAVES, 2, width=width)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """The velocities."""
        return self.layers(torch.cat([x, waves(t)], dim=1))


def carried(velocity, x: Tensor, *, times: Tensor, solver: str) -> Tensor:
    """Samples x [N, ...] after dx/dt = velocity(x, t) through these times, a step between each two.

    Euler's step goes by the velocity at its beginning, Heun's by the mean of that and the velocity
    where Euler's ends.
    """
    for t, later in pairwise(times):
        way = velocity(x, t.expand(len(x)))
        if solver == "heun":
            way = (way + velocity(x + (later - t) * way, later.expand(len(x)))) / 2
        x = x + (later - t) * way
    return x
