"""The networks whose features images are compared by."""

from __future__ import annotations

import hashlib
import io
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gantool.data.prepared import Prepared
from gantool.display import OnProgress
from gantool.errors import ConfigError
from gantool.evaluation import classifier
from gantool.plugins.registry import Registry

Reading = tuple[Tensor, Tensor | None]  # features, and logits where it is a classifier
# Images at a time: what so few leave between layers stays in a CPU's cache, and in its heap.
_CHUNK, _CHUNK_OF_CPU = 500, 50
_GRAY = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow turns RGB into gray


@dataclass(frozen=True, slots=True)
class Extractor:
    """A network that turns images into features.

    Attributes:
        name: of the extractor.
        sha256: of its weights' file.
        classes: the classes that its logits stand for; empty where it is no classifier.
        chunk: images at a time.
        network: takes uint8 [N, C, H, W] on `device`; gives features [N, D] and logits [N, ...,
            classes] or None.
        device: the device that it computes on.
        kept: whether it is so slow that what it reads in real images is kept on disk.
    """

    name: str
    sha256: str
    classes: tuple[str, ...]
    chunk: int
    network: Callable[[Tensor], Reading]
    device: torch.device
    kept: bool = False

    @property
    def protocol(self) -> Mapping[str, Any]:
        """The extractor as a score's protocol names it."""
        return {"extractor": self.name, "extractor_sha256": self.sha256}

    @torch.no_grad()
    def read(
        self,
        pixels: npt.NDArray[np.uint8],
        progress: OnProgress = lambda done, total: None,
    ) -> Reading:
        """Features and logits (or None) of images uint8 [N, H, W, C], on the CPU.

        Features are float32 [N, D], logits [N, ..., classes]. `progress` is told of images read.
        """
        parts = []
        for start in range(0, len(pixels), self.chunk):
            images = torch.tensor(pixels[start : start + self.chunk]).permute(0, 3, 1, 2)
            features, logits = self.network(images.to(self.device))
            parts.append((features.float().cpu(), None if logits is None else logits.float().cpu()))
            progress(min(start + self.chunk, len(pixels)), len(pixels))
        answers = [logits for _, logits in parts if logits is not None]
        return torch.cat([features for features, _ in parts]), torch.cat(
            answers
        ) if answers else None


def choose(
    name: str,
    data: Prepared,
    *,
    registry: Registry,
    usual: str,
    weights: Path | None,
    cache: Path,
    device: torch.device,
) -> Extractor:
    """The extractor of a name; `auto` is the one that suits the data.

    Args:
        name: `auto`, or the name of a registered extractor.
        data: the images to be judged.
        registry: where extractors are registered.
        usual: the data set's own choice.
        weights: file of the network's weights, or None.
        cache: folder that receives downloaded weights.
        device: the device to compute on.

    Raises:
        ConfigError: no such extractor, or the weights given are none, or needed, or not.
        ExtractorMissingError: its weights are neither here nor can they be had, or the plugin that
            brings the usual one is not installed.
    """
    check_choice(name, weights, registry=registry, data=data)
    if name == "auto" and usual not in registry.extractors:
        raise ExtractorMissingError(
            f"{data.name} is judged by the extractor {usual!r}, which is not installed. Install "
            f"the plugin gantool-{usual}, or choose another --extractor: "
            f"{', '.join(registry.extractors)}."
        )
    spec = registry.piece("extractor", usual if name == "auto" else name)
    made: Extractor = spec.make(data, weights=weights, cache=cache, device=device)
    return made


def usual_extractor(data: Prepared, weights: Path | None) -> str:
    """The extractor that suits images whose data set names none.

    A file of weights, if one was given, is that of the only one that may need it.
    """
    return "inception" if data.channels == 1 or weights is not None else "photos"


def check_choice(
    name: str, weights: Path | None, *, registry: Registry, data: Prepared | None = None
) -> None:
    """Raise `ConfigError` if there is no such extractor, or weights lack or have no use.

    Or if it was trained on images of the data that are now held out. Nothing is loaded.
    """
    if data is not None and data.split_seed is not None:
        _check_unseen(name, data, registry=registry)
    takes = "optional" if name == "auto" else registry.piece("extractor", name).weights
    if weights is None and takes == "required":
        raise ConfigError(
            f"the extractor {name!r} does not bring its weights.",
            "Fetch their file where there is a network (docs/scores.md says from where), and give "
            "it with --weights FILE.",
        )
    if weights is not None and takes == "none":
        raise ConfigError(f"the extractor {name!r} brings its own weights.", "Leave --weights out.")
    if weights is not None and not weights.is_file():
        raise ConfigError(f"--weights {weights}: no such file.")


def _check_unseen(name: str, data: Prepared, *, registry: Registry) -> None:
    spec = registry.datasets.get(data.name)
    used = spec.extractor if name == "auto" and spec is not None else name
    known = registry.extractors.get(used)
    if known is not None and data.name in known.trained_on:
        raise ConfigError(
            f"--split-seed {data.split_seed}: the extractor {used!r} was trained on the images of "
            f"{data.name} that its own splits train with, and must not judge by them.",
            "Leave it out, or choose an --extractor that never saw them (photos, inception).",
        )


class ExtractorMissingError(Exception):
    """An extractor's weights are not here; the message says how to get them."""


def _small(name: str, *, stacked: bool = False) -> Callable[..., Extractor]:
    def make(
        data: Prepared, *, weights: Path | None, cache: Path, device: torch.device
    ) -> Extractor:
        if stacked and data.channels != 3:
            raise ConfigError(
                f"extractor 'stacked-digits' reads 3 channels; {data.name} has {data.channels}."
            )
        network, sha256, about = classifier.load(name)
        network = network.to(device).to(memory_format=torch.channels_last)

        def read(images: Tensor) -> Reading:
            return network(classifier.to_input(_gray(images)))  # type: ignore[no-any-return]

        def read_stack(images: Tensor) -> Reading:
            features, logits = network(classifier.to_input(images.flatten(0, 1).unsqueeze(1)))
            return features.unflatten(0, (-1, 3)).flatten(1), logits.unflatten(0, (-1, 3))

        classes = tuple(about["classes"])
        known = stacked or tuple(data.classes) == classes

        def read_features(images: Tensor) -> Reading:
            return read(images)[0], None

        if stacked:
            reading = read_stack
        elif known:
            reading = read
        else:
            reading = read_features
        return Extractor(
            name=f"stacked-{name}" if stacked else name,
            sha256=sha256,
            classes=classes if known else (),
            chunk=_CHUNK_OF_CPU if device.type == "cpu" else _CHUNK,
            network=reading,
            device=device,
        )

    return make


def _gray(images: Tensor) -> Tensor:
    """One channel [N, 1, H, W] of one or three."""
    if images.shape[1] == 1:
        return images
    weights = torch.tensor(_GRAY, device=images.device).view(1, 3, 1, 1)
    return (images * weights).sum(1, keepdim=True)


def inception(
    data: Prepared, *, weights: Path | None, cache: Path, device: torch.device
) -> Extractor:
    """InceptionV3 as the FID has it, from weights that were given or downloaded."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    file = weights or _downloaded(cache)
    try:
        content = file.read_bytes()
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        # The library unpickles whatever it is given, without restriction: it is given what was
        # just read with one.
        copy = io.BytesIO()
        torch.save(state, copy)
        copy.seek(0)
        network = FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048"], feature_extractor_weights_path=copy
        )
    except Exception as error:  # torch raises many kinds for a file that is not one of its own
        raise ConfigError(
            f"{file} does not hold the weights of InceptionV3: {str(error).splitlines()[0]}",
            "Give the file that torch-fidelity distributes "
            "(weights-inception-2015-12-05-6726825d.pth).",
        ) from None
    return large("inception", network, content=content, device=device)


def large(
    name: str, network: torch.nn.Module, *, content: bytes, device: torch.device
) -> Extractor:
    """The extractor of a network that a file of weights was read into.

    Args:
        name: that scores give it.
        network: from uint8 [N, 3, H, W] to a tuple of its features [N, D], as torch-fidelity's.
        content: of the file.
        device: the device to compute on.
    """
    network = network.to(device)

    def read(images: Tensor) -> Reading:
        (features,) = network(images.expand(-1, 3, -1, -1))
        return features, None

    sha256 = hashlib.sha256(content).hexdigest()
    return Extractor(name, sha256, classes=(), chunk=50, network=read, device=device, kept=True)


def _downloaded(cache: Path) -> Path:
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    name: str = URL_INCEPTION_V3.rpartition("/")[2]
    file = cache / "weights" / name
    if file.is_file():
        return file
    before = socket.getdefaulttimeout()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        socket.setdefaulttimeout(20)
        torch.hub.download_url_to_file(
            URL_INCEPTION_V3, str(file), file.stem.rpartition("-")[2], progress=False
        )
    except (OSError, RuntimeError) as error:
        raise ExtractorMissingError(
            f"InceptionV3's weights are not here and cannot be downloaded ({error}). "
            f"Fetch {URL_INCEPTION_V3} where there is a network, and give it with "
            f"--weights or put it at {file}; or choose another --extractor."
        ) from None
    finally:
        socket.setdefaulttimeout(before)
    return file


digits = _small("digits")
clothes = _small("clothes")
stacked_digits = _small("digits", stacked=True)
