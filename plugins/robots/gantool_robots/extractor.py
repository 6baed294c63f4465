"""The extractor `robots`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from gantool.data.prepared import Prepared
from gantool.evaluation.extractors import Extractor
from gantool_robots.network import load, to_input
from gantool_robots.truth import ROBOTS


def robots(data: Prepared, *, weights: Path | None, cache: Path, device: torch.device) -> Extractor:
    """The network that reads robots: features, and logits where the data is made of robots."""
    network, sha256 = load()
    network = network.to(device).to(memory_format=torch.channels_last)
    known = data.factor_values == ROBOTS.values and data.channels == 3

    def read(images: Tensor) -> tuple[Tensor, Tensor | None]:
        features, logits = network(to_input(images))
        return features, logits if known else None

    return Extractor("robots", sha256, classes=(), chunk=500, network=read, device=device)
