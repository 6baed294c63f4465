"""The tutorial's DCGAN loop, written plainly: what a reader of the tutorial runs today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.utils import make_grid

from gantool.gan.base import GAN, Model


class Tutorial:
    """The tutorial's networks and loop: both networks as given, BCE on sigmoid outputs.

    Every parameter collects gradients in both turns.
    """

    def __init__(self, networks: Model[Any]) -> None:
        assert isinstance(networks, GAN)
        self.g, self.d = networks.generator, networks.discriminator
        self.nz = networks.latent.dimension
        self.device = next(self.g.parameters()).device
        self.opt_d = torch.optim.Adam(self.d.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.opt_g = torch.optim.Adam(self.g.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.fixed = torch.randn(64, self.nz, device=self.device)
        self.figures: list[tuple[float, ...]] = []
        self.lines: list[str] = []
        self.grids: list[Tensor] = []

    def _answer(self, images: Tensor) -> Tensor:
        return torch.sigmoid(self.d(images).view(-1))

    def epoch(self, loader: DataLoader[tuple[Tensor, int]]) -> None:
        """Pass over the images once.

        There is a line every 50 steps, and a grid of the fixed latents at the end.
        """
        for number, (real, _) in enumerate(loader):
            figures = self.step(real)
            self.figures.append(figures)
            if number % 50 == 0:
                self.lines.append(" ".join(f"{value:.4f}" for value in figures))
        with torch.no_grad():
            self.grids.append(make_grid(self.g(self.fixed), padding=2, normalize=True))

    def step(self, real: Tensor) -> tuple[float, ...]:
        """Take one step; the five metrics that the tutorial prints."""
        real = real.to(self.device)
        ones, zeros = (fill(len(real), device=self.device) for fill in (torch.ones, torch.zeros))
        self.d.zero_grad()
        out = self._answer(real)
        error_real = F.binary_cross_entropy(out, ones)
        error_real.backward()
        d_x = out.mean().item()
        fake = self.g(torch.randn(len(real), self.nz, device=self.device))
        out = self._answer(fake.detach())
        error_fake = F.binary_cross_entropy(out, zeros)
        error_fake.backward()
        d_g_z1 = out.mean().item()
        self.opt_d.step()
        self.g.zero_grad()
        out = self._answer(fake)
        error_g = F.binary_cross_entropy(out, ones)
        error_g.backward()
        self.opt_g.step()
        return (error_real + error_fake).item(), error_g.item(), d_x, d_g_z1, out.mean().item()


def write_jpegs(folder: Path, n: int, size: tuple[int, int]) -> None:
    """Write n smooth coloured pictures of (width, height).

    They lie in the one sub-folder that torchvision wants.
    """
    rng = np.random.default_rng(0)
    (folder / "all").mkdir(parents=True)
    base = Image.fromarray(rng.integers(0, 256, size=(27, 22, 3), dtype=np.uint8)).resize(size)
    for i in range(n):
        base.rotate(i % 360).save(folder / "all" / f"{i}.jpg", quality=90)


def images_of(folder: Path, side: int) -> ImageFolder:
    """A folder of JPEGs through the tutorial's transforms, one image at a time."""
    steps = [transforms.Resize(side), transforms.CenterCrop(side), transforms.ToTensor()]
    return ImageFolder(
        str(folder), transforms.Compose([*steps, transforms.Normalize((0.5,) * 3, (0.5,) * 3)])
    )


def loader_of(folder: Path, side: int, batch_size: int) -> DataLoader[tuple[Tensor, int]]:
    """The tutorial's DataLoader: shuffled, two workers."""
    return DataLoader(images_of(folder, side), batch_size=batch_size, shuffle=True, num_workers=2)
