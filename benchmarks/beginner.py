"""The beginners' MLP loop, written plainly.

It has a DataLoader over MNIST, binary cross-entropy, TensorBoard, and a grid every 100 batches.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from torchvision import transforms
from torchvision.datasets import MNIST
from torchvision.utils import make_grid, save_image

_CLASSES = 10
_BATCH = 128
_GRID_EVERY = 100


def _write_mnist(root: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write images and labels as the IDX files that torchvision's MNIST reads.

    Both splits are the same.
    """
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split in ("train", "t10k"):
        n, height, width, _ = images.shape
        (raw / f"{split}-images-idx3-ubyte").write_bytes(
            struct.pack(">4I", 2051, n, height, width) + images.tobytes()
        )
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(
            struct.pack(">2I", 2049, n) + labels.astype("u1").tobytes()
        )


def _hidden(inputs: int, outputs: int, *, norm: bool) -> list[nn.Module]:
    return [
        nn.Linear(inputs, outputs),
        *([nn.BatchNorm1d(outputs)] if norm else []),
        nn.LeakyReLU(0.2),
    ]


class Beginner:
    """The vanilla or conditional GAN of fully connected layers, and its loop over one epoch."""

    def __init__(
        self,
        folder: Path,
        images: np.ndarray,
        labels: np.ndarray,
        *,
        conditional: bool,
        device: torch.device,
    ) -> None:
        extra = _CLASSES if conditional else 0
        self.folder = folder
        self.device = device
        self.conditional = conditional
        _write_mnist(folder, images, labels=labels)
        transform = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]
        )
        self.loader = DataLoader(
            MNIST(str(folder), transform=transform), _BATCH, shuffle=True, drop_last=True
        )
        self.writer = SummaryWriter(str(folder / "tensorboard"))
        self.g = nn.Sequential(
            *_hidden(100 + extra, 256, norm=True),
            *_hidden(256, 512, norm=True),
            *_hidden(512, 1024, norm=True),
            nn.Linear(1024, 784),
            nn.Tanh(),
        ).to(device)
        self.d = nn.Sequential(
            *_hidden(784 + extra, 512, norm=False),
            *_hidden(512, 256, norm=False),
            nn.Linear(256, 1),
            nn.Sigmoid(),
        ).to(device)
        self.opt_g = torch.optim.Adam(self.g.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.opt_d = torch.optim.Adam(self.d.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.fixed = torch.randn(25, 100, device=device)
        self.asked = torch.arange(25, device=device) % _CLASSES

    def epoch(self) -> None:
        """Pass over the images once.

        Both losses of every batch go to TensorBoard, the grids there and to disk.
        """
        for number, (real, labels) in enumerate(self.loader):
            loss_d, loss_g = self.step(real, labels)
            self.writer.add_scalar("losses/d", loss_d, number)
            self.writer.add_scalar("losses/g", loss_g, number)
            if number % _GRID_EVERY == 0:
                with torch.no_grad():
                    self.g.eval()
                    images = self.g(self._with(self.fixed, self.asked)).view(-1, 1, 28, 28)
                    self.g.train()
                save_image(images, self.folder / f"{number}.jpg", nrow=5, normalize=True)
                self.writer.add_image("grid", make_grid(images, nrow=5, normalize=True), number)

    def step(self, real: Tensor, labels: Tensor) -> tuple[float, float]:
        """Both updates, each on fakes of its own."""
        loss = nn.BCELoss()
        n, device = len(real), self.device
        real, labels = real.to(device), labels.to(device)
        ones, zeros = torch.ones(n, 1, device=device), torch.zeros(n, 1, device=device)
        self.opt_d.zero_grad()
        real_loss = loss(self.d(self._with(real.flatten(1), labels)), ones)
        drawn = torch.randint(_CLASSES, (n,), device=device)
        fake = self.g(self._with(torch.randn(n, 100, device=device), drawn))
        fake_loss = loss(self.d(self._with(fake.detach(), drawn)), zeros)
        (real_loss + fake_loss).backward()
        self.opt_d.step()
        self.opt_g.zero_grad()
        drawn = torch.randint(_CLASSES, (n,), device=device)
        fake = self.g(self._with(torch.randn(n, 100, device=device), drawn))
        g_loss = loss(self.d(self._with(fake, drawn)), ones)
        g_loss.backward()
        self.opt_g.step()
        return (real_loss + fake_loss).item(), g_loss.item()

    def _with(self, x: Tensor, labels: Tensor) -> Tensor:
        if not self.conditional:
            return x
        return torch.cat([x, nn.functional.one_hot(labels, _CLASSES).float()], dim=1)
