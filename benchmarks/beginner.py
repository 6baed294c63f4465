"""The beginners' MLP loop, written plainly: a DataLoader over single images, BCE, a grid every 100 batches."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.utils import save_image

_CLASSES = 10
_BATCH = 128
_GRID_EVERY = 100


class Pictures(Dataset[tuple[Tensor, int]]):
    """Images in memory, each turned into a PIL image and through the usual transforms when it is asked for."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[i, :, :, 0])), int(self.labels[i])


def _hidden(inputs: int, outputs: int, *, norm: bool) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), *([nn.BatchNorm1d(outputs)] if norm else []), nn.LeakyReLU(0.2)]


class Beginner:
    """The vanilla or conditional GAN of fully connected layers, and its loop over one epoch."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, *, conditional: bool) -> None:
        extra = _CLASSES if conditional else 0
        self.conditional = conditional
        self.data = Pictures(images, labels)
        self.g = nn.Sequential(
            *_hidden(100 + extra, 256, norm=True),
            *_hidden(256, 512, norm=True),
            *_hidden(512, 1024, norm=True),
            nn.Linear(1024, 784),
            nn.Tanh(),
        )
        self.d = nn.Sequential(
            *_hidden(784 + extra, 512, norm=False), *_hidden(512, 256, norm=False), nn.Linear(256, 1), nn.Sigmoid()
        )
        self.opt_g = torch.optim.Adam(self.g.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.opt_d = torch.optim.Adam(self.d.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def _with(self, x: Tensor, labels: Tensor) -> Tensor:
        if not self.conditional:
            return x
        return torch.cat([x, torch.nn.functional.one_hot(labels, _CLASSES).float()], dim=1)

    def epoch(self) -> list[float]:
        """One pass over the images, as both losses of every batch."""
        loss = nn.BCELoss()
        fixed, asked = torch.randn(25, 100), torch.arange(25) % _CLASSES
        losses = []
        with tempfile.TemporaryDirectory() as folder:
            loader = DataLoader(self.data, batch_size=_BATCH, shuffle=True, drop_last=True)
            for number, (real, labels) in enumerate(loader):
                ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
                self.opt_d.zero_grad()
                real_loss = loss(self.d(self._with(real.flatten(1), labels)), ones)
                drawn = torch.randint(_CLASSES, (len(real),))
                fake = self.g(self._with(torch.randn(len(real), 100), drawn))
                fake_loss = loss(self.d(self._with(fake.detach(), drawn)), zeros)
                (real_loss + fake_loss).backward()
                self.opt_d.step()
                self.opt_g.zero_grad()
                drawn = torch.randint(_CLASSES, (len(real),))
                fake = self.g(self._with(torch.randn(len(real), 100), drawn))
                g_loss = loss(self.d(self._with(fake, drawn)), ones)
                g_loss.backward()
                self.opt_g.step()
                losses += [(real_loss + fake_loss).item(), g_loss.item()]
                if number % _GRID_EVERY == 0:
                    with torch.no_grad():
                        self.g.eval()
                        grid = self.g(self._with(fixed, asked)).view(-1, 1, 28, 28)
                        self.g.train()
                    save_image(grid, Path(folder) / f"{number}.jpg", nrow=5, normalize=True)
        return losses
