"""The tutorial's DCGAN step, written plainly: what a reader of the tutorial runs today."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset
from torchvision import transforms


class Tutorial:
    """Both networks as given, BCE on sigmoid outputs, every parameter collecting gradients in both turns."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module, nz: int) -> None:
        self.g, self.d, self.nz = generator, discriminator, nz
        self.opt_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.opt_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def _answer(self, images: Tensor) -> Tensor:
        return torch.sigmoid(self.d(images).view(-1))

    def step(self, real: Tensor) -> tuple[float, ...]:
        """One step, with the five figures that the tutorial prints."""
        ones, zeros = torch.ones(len(real)), torch.zeros(len(real))
        self.d.zero_grad()
        out = self._answer(real)
        error_real = F.binary_cross_entropy(out, ones)
        error_real.backward()
        d_x = out.mean().item()
        fake = self.g(torch.randn(len(real), self.nz))
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


class Jpegs(Dataset[Tensor]):
    """A folder of JPEGs through the tutorial's transforms, one image at a time."""

    def __init__(self, folder: str, side: int = 64) -> None:
        self.files = sorted(Path(folder).glob("*.jpg"))
        self.transform = transforms.Compose(
            [
                transforms.Resize(side),
                transforms.CenterCrop(side),
                transforms.ToTensor(),
                transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
            ]
        )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> Tensor:
        with Image.open(self.files[i]) as image:
            return self.transform(image.convert("RGB"))
