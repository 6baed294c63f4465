"""The network that reads a robot's factors, and the reading of its weights."""

from __future__ import annotations

import hashlib
from importlib import resources
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from gantool.runs.checkpoints import weights_from_bytes
from gantool_robots.truth import ROBOTS

SIDE = 64
FEATURES = 64
HEADS = len(ROBOTS.values)
NONE = max(ROBOTS.values.values())  # the answer of a head that sees nothing of its factor


class Reader(nn.Module):
    """Four convolutions, a linear layer, and a head a factor; about 117,000 parameters.

    It takes float [N, 3, 64, 64] in [0, 1], and gives the 64 features before their ReLU, float
    [N, 64], and logits, float [N, 6, 11]: of ten values, and of none.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 16, 32, 48, 64)
        convolutions = [
            layer
            for inputs, outputs in pairwise(widths)
            for layer in (
                nn.Conv2d(inputs, outputs, kernel_size=3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            )
        ]
        last = SIDE // 2 ** (len(widths) - 1)
        self.body = nn.Sequential(
            *convolutions,
            nn.Flatten(),
            nn.Linear(widths[-1] * last**2, FEATURES, bias=False),
            nn.BatchNorm1d(FEATURES),
        )
        self.heads = nn.Sequential(
            nn.ReLU(), nn.Linear(FEATURES, HEADS * (NONE + 1)), nn.Unflatten(1, (HEADS, NONE + 1))
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features and logits of images."""
        features = self.body(images)
        return features, self.heads(features)


def to_input(pixels: Tensor) -> Tensor:
    """Images uint8 [N, C, H, W] as the network takes them: float [N, 3, 64, 64] in [0, 1]."""
    images = pixels.float().div(255)
    if images.shape[-2:] != (SIDE, SIDE):
        images = F.interpolate(
            images, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False
        )
    return images.expand(-1, 3, -1, -1)


def load() -> tuple[Reader, str]:
    """The shipped network in evaluation mode, and the SHA-256 of its file."""
    content = (resources.files("gantool_robots") / "robots.safetensors").read_bytes()
    tensors, _ = weights_from_bytes(content)
    network = Reader()
    network.load_state_dict(tensors)
    return network.eval().requires_grad_(False), hashlib.sha256(content).hexdigest()
