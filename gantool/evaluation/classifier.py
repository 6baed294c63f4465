"""The small network whose features judge digits and clothes, and the reading of its weights."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool.runs.checkpoints import weights_from_bytes

SIDE = 28
FEATURES = 32


class Classifier(nn.Module):
    """Three convolutions and two linear layers, 10 classes; about 240,000 parameters.

    It takes float [N, 1, 28, 28] in [0, 1], and gives the last 32 features before their ReLU,
    float [N, 32], and logits, float [N, classes]. After the ReLU, noise that excites nothing would
    lie at zero, in the midst of real images.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(1, 32, stride=1),
            *_convolution(32, 64, stride=2),
            *_convolution(64, 96, stride=2),
            nn.Flatten(),
            nn.Linear(96 * 7 * 7, FEATURES, bias=False),
            nn.BatchNorm1d(FEATURES),
        )
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(FEATURES, classes))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features and logits of images."""
        features = self.body(images)
        return features, self.head(features)


def _convolution(inputs: int, outputs: int, stride: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def to_input(pixels: Tensor) -> Tensor:
    """Grey images uint8 [N, 1, H, W] as the network takes them: float [N, 1, 28, 28] in [0, 1]."""
    images = pixels.float().div(255)
    if images.shape[-2:] != (SIDE, SIDE):
        images = F.interpolate(
            images, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False
        )
    return images


def load(name: str) -> tuple[Classifier, str, dict[str, Any]]:
    """A shipped network in evaluation mode, the SHA-256 of its file, and the file's metadata."""
    content = (
        resources.files("gantool.evaluation") / "weights" / f"{name}.safetensors"
    ).read_bytes()
    tensors, about = weights_from_bytes(content)
    network = Classifier(len(about["classes"]))
    network.load_state_dict(tensors)
    return network.eval().requires_grad_(False), hashlib.sha256(content).hexdigest(), about


@torch.no_grad()
def accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Share of images, float [N, 1, 28, 28], that the network reads as their labels int64 [N]."""
    network.eval()
    right = sum(
        int((network(x)[1].argmax(1) == y).sum())
        for x, y in zip(images.split(500), labels.split(500), strict=True)
    )
    return right / len(labels)
