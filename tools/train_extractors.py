"""Make the networks that gantool ships for scores: `python tools/train_extractors.py digits`.

`digits` learns from the training split of mnist5k, `clothes` from that of Fashion-MNIST. The
validation split chooses among epochs, the test split is looked at once, and what it said is written
into the file.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool.data.load import open_source
from gantool.data.prepared import Prepared, Split
from gantool.data.preparing import data_folder, prepare
from gantool.data.sets.catalog import register_datasets
from gantool.evaluation.classifier import Classifier, accuracy, to_input
from gantool.plugins.spec import DatasetSpec, ReaderSpec
from gantool.runs.checkpoints import weights_to_bytes
from gantool.runs.files import write_bytes

DATA = {"digits": "mnist5k", "clothes": "fashion-mnist"}
EPOCHS = {"digits": 30, "clothes": 16}
WEIGHTS = Path(__file__).parent.parent / "gantool" / "evaluation" / "weights"
_BATCH = 64
Network = TypeVar("Network", bound=nn.Module)  # takes what Classifier takes, and gives its kind


def main() -> None:
    """Train one network and write its weights."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python tools/train_extractors.py")
    parser.add_argument("name", choices=sorted(DATA))
    parser.add_argument(
        "--output", type=Path, help="file to write; the one in the package unless given"
    )
    parser.add_argument("--data-dir", type=Path, help="folder that holds the data set")
    parser.add_argument("--epochs", type=int, help="passes over the training images")
    arguments = parser.parse_args()
    output = arguments.output or WEIGHTS / f"{arguments.name}.safetensors"
    data = _data(DATA[arguments.name], arguments.data_dir)
    torch.manual_seed(0)
    network, validated, epoch = train(
        Classifier(len(data.classes)), data, epochs=arguments.epochs or EPOCHS[arguments.name]
    )
    tested = accuracy(network, *_tensors(data.splits["test"]))
    about = {
        "data": data.name,
        "fingerprint": data.fingerprint,
        "classes": list(data.classes),
        "epoch": epoch,
        "validation_accuracy": round(validated, 4),
        "test_accuracy": round(tested, 4),
    }
    write_bytes(output, weights_to_bytes(network, about))
    print(f"{output}: test accuracy {tested:.2%}, validation {validated:.2%} (epoch {epoch})")


def train(network: Network, data: Prepared, *, epochs: int) -> tuple[Network, float, int]:
    """The network after the epoch that reads the validation split best, its accuracy, the epoch.

    Training has cross-entropy with label smoothing 0.05, Adam with a one-cycle learning rate to
    3e-3, and batches of 64. Every image is shifted, turned, scaled and sheared a little each time,
    and never mirrored, for a mirrored digit is another sign.
    """
    images, labels = _tensors(data.train)
    held_out = _tensors(data.splits["validation"])
    steps = len(images) // _BATCH
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * steps)
    best, validated, best_epoch = network, -1.0, 0
    for epoch in range(1, epochs + 1):
        network.train()
        order = torch.randperm(len(images))
        for chosen in order[: steps * _BATCH].split(_BATCH):
            _, logits = network(_moved(images[chosen]))
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(logits, labels[chosen], label_smoothing=0.05).backward()
            optimizer.step()
            schedule.step()
        now = accuracy(network, *held_out)
        print(f"epoch {epoch}: validation accuracy {now:.2%}", flush=True)
        if now >= validated:
            best, validated, best_epoch = copy.deepcopy(network), now, epoch
    return best.eval(), validated, best_epoch


def _moved(images: Tensor) -> Tensor:
    """Each image under a small random affine map of its own.

    A map shifts by up to 2 pixels, turns by 12 degrees, scales by 12%, and shears by 0.15.
    """
    n = len(images)
    angle = (torch.rand(n) - 0.5) * 0.42
    scale = 1 + (torch.rand(n) - 0.5) * 0.24
    shear = (torch.rand(n) - 0.5) * 0.3
    maps = torch.zeros(n, 2, 3)
    maps[:, 0, 0] = scale * angle.cos()
    maps[:, 0, 1] = -scale * angle.sin() + shear
    maps[:, 1, 0] = scale * angle.sin()
    maps[:, 1, 1] = scale * angle.cos()
    maps[:, :, 2] = (torch.rand(n, 2) - 0.5) * (8 / 28)
    where = F.affine_grid(maps, list(images.shape), align_corners=False)
    return F.grid_sample(images, where, align_corners=False)


def _tensors(split: Split) -> tuple[Tensor, Tensor]:
    assert split.labels is not None
    return to_input(torch.tensor(split.values).permute(0, 3, 1, 2)), torch.tensor(split.labels)


def _data(name: str, data_dir: Path | None) -> Prepared:
    specs: dict[str, DatasetSpec | ReaderSpec] = {}
    register_datasets(lambda spec: specs.update({spec.name: spec}))
    spec = specs[name]
    assert isinstance(spec, DatasetSpec)
    source = open_source(spec, data_dir)
    return prepare(source, name, size=(28, 28), channels=1, cache=data_folder(data_dir))


if __name__ == "__main__":
    main()
