"""Make the network that reads robots: `python plugins/robots/tools/train_extractor.py`.

It learns from the training split of `robots`. The validation split chooses among epochs, the test
split is looked at once, and what it said is written into the file.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from gantool_robots import network as network_file
from gantool_robots.data import SPLITS
from gantool_robots.network import NONE, SIDE, Reader, to_input
from gantool_robots.truth import ROBOTS, compose, draw, load_layers
from torch import Tensor

from gantool.data.splits import consecutive
from gantool.runs.checkpoints import weights_to_bytes
from gantool.runs.files import write_bytes

WEIGHTS = Path(network_file.__file__).parent / "robots.safetensors"
EPOCHS = 9
SIZES = (32, 64, 128, 256)  # that the test looks at
_BATCH = 128
_LEFT_OUT = 0.08  # share of parts
_NOTHING = 0.12  # share of images that are none of a robot
_ALONE = -100  # the target of a color that is not to be seen: no answer is wrong

Factors = npt.NDArray[np.int64]


def main() -> None:
    """Train the network and write its weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=WEIGHTS, help="file to write")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    arguments = parser.parse_args()
    factors = draw(ROBOTS, sum(SPLITS))
    splits = {name: factors[numbers] for name, numbers in consecutive(*SPLITS).items()}
    network, epoch = train(splits["train"], splits["validation"], epochs=arguments.epochs)
    tested = {size: right(network, splits["test"], image_size=size) for size in SIZES}
    about = {
        "data": ROBOTS.name,
        "drawings": ROBOTS.sha256,
        "epoch": epoch,
        "test_accuracy": {
            size: dict(zip(ROBOTS.values, shares.round(4).tolist(), strict=True))
            for size, shares in tested.items()
        },
    }
    write_bytes(arguments.output, weights_to_bytes(network, about))
    for size, shares in tested.items():
        print(f"{size} x {size}: each head at least {shares.min():.2%} of the test robots")


def train(training: Factors, validation: Factors, *, epochs: int) -> tuple[Reader, int]:
    """The network after the epoch that reads the validation split best, and that epoch.

    Training has cross-entropy over the heads, with label smoothing 0.02, Adam with a one-cycle
    learning rate to 3e-3, and batches of 128. Parts are left out, and images are reduced and
    enlarged again, moved by a pixel and given grain and blots, so that a head says "none" where
    nothing is.
    """
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = Reader()
    layers = load_layers(ROBOTS, SIDE)
    steps = len(training) // _BATCH
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * steps)
    best, validated, best_epoch = network, -1.0, 0
    for epoch in range(1, epochs + 1):
        network.train()
        began = time.monotonic()
        order = rng.permutation(len(training))
        for chosen in np.split(order[: steps * _BATCH], steps):
            drawn, wanted = _with_parts_left_out(training[chosen], rng)
            pixels = torch.tensor(compose(layers, drawn, image_size=SIDE)).permute(0, 3, 1, 2)
            images, targets = _spoiled(to_input(pixels), torch.tensor(wanted))
            _, logits = network(images)
            loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), label_smoothing=0.02)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
        sizes = (32, SIDE)
        now = min(right(network, validation, image_size=size).min() for size in sizes)
        print(
            f"epoch {epoch}: each head at least {now:.2%} of the validation robots, "
            f"{time.monotonic() - began:.0f} s",
            flush=True,
        )
        if now >= validated:
            best, validated, best_epoch = copy.deepcopy(network), float(now), epoch
    return best.eval(), best_epoch


@torch.no_grad()
def right(network: Reader, factors: Factors, *, image_size: int) -> npt.NDArray[np.float64]:
    """Share of robots whose value each head reads, float64 [6]."""
    network.eval()
    layers = load_layers(ROBOTS, image_size)
    found = []
    for few in np.array_split(factors, 20):
        pixels = torch.tensor(compose(layers, few, image_size=image_size)).permute(0, 3, 1, 2)
        found.append(network(to_input(pixels))[1].argmax(-1).numpy() == few)
    shares: npt.NDArray[np.float64] = np.concatenate(found).mean(axis=0)
    return shares


def _with_parts_left_out(factors: Factors, rng: np.random.Generator) -> tuple[Factors, Factors]:
    """Factors to draw and to read.

    A color is not to be read off where neither body nor face is.
    """
    out = rng.random(factors.shape) < _LEFT_OUT
    out[:, 0] = False
    drawn = np.where(out, NONE, factors)
    targets = drawn.copy()
    targets[out[:, 1] & out[:, 2], 0] = _ALONE
    return drawn, targets


def _spoiled(images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Images float [N, 3, S, S] as a generator may draw them, and what is to be read in them."""
    n = len(images)
    side = int(torch.randint(SIDE // 3, SIDE + 1, ()))
    blurred = F.interpolate(images, (side, side), mode="bilinear", antialias=True)
    blurred = F.interpolate(blurred, (SIDE, SIDE), mode="bilinear")
    images = torch.where(torch.rand(n, 1, 1, 1) < 0.5, blurred, images)
    shift = torch.randint(-1, 2, (2,)).tolist()
    images = images.roll(shift, (2, 3)) if torch.rand(()) < 0.3 else images
    nothing = torch.rand(n) < _NOTHING
    images[nothing] = _nothing(images[nothing])
    strength = (torch.rand(n, 1, 1, 1) * 1.5 - 0.5).clamp(min=0)  # a third stays clean
    images = images + strength * (0.15 * torch.randn_like(images) + 0.2 * _blots(n))
    return images.clamp(0, 1), torch.where(nothing[:, None], NONE, targets)


def _nothing(images: Tensor) -> Tensor:
    """Images that are none of a robot, made of robots: shuffled pixels, noise, and flat colors."""
    n, side = len(images), images.shape[-1]
    shuffled = images.flatten(2)[:, :, torch.randperm(side**2)].view_as(images)
    flat = torch.rand(n, 3, 1, 1).expand_as(images)
    colored = (flat + 0.5 * _blots(n)).clamp(0, 1)
    noise = colored + torch.rand(n, 1, 1, 1) * (torch.rand_like(images) - colored)
    kind = torch.randint(0, 3, (n, 1, 1, 1))
    return torch.where(kind == 0, shuffled, torch.where(kind == 1, colored, noise))


def _blots(n: int) -> Tensor:
    """Smooth noise of one coarseness, float [n, 3, S, S], of about unit variance."""
    cells = int(torch.randint(2, 25, ()))
    return F.interpolate(torch.randn(n, 3, cells, cells), (SIDE, SIDE), mode="bilinear")


if __name__ == "__main__":
    main()
