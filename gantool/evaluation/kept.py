"""Readings and scores of images that never change, kept on disk beside the prepared data."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from
from safetensors.torch import save as safetensors_bytes

from gantool.display import OnProgress
from gantool.evaluation.extractors import Extractor, Reading
from gantool.runs.files import write_bytes

References = dict[str, dict[str, float | None]]  # of "real" and "noise", values by score
_FOLDER, _REFERENCES = "features", "references"
_DOCUMENT: TypeAdapter[References] = TypeAdapter(References)


def read_or_recall(
    extractor: Extractor, pixels: npt.NDArray[np.uint8], *, beside: Path, progress: OnProgress
) -> Reading:
    """Features and logits of images uint8 [N, H, W, C], as `Extractor.read` gives them.

    They are read from disk where the same extractor has read the same pixels on such a device, else
    written there; a place that cannot be written costs the time only.

    Args:
        extractor: the network.
        pixels: the images.
        beside: folder of a preparation; equal images of another one share what was read.
        progress: told of images read.
    """
    file = beside.parent / _FOLDER / f"{extractor.name}-{_key(extractor, pixels)}.safetensors"
    with contextlib.suppress(OSError, SafetensorError, KeyError):
        found = tensors_from(file.read_bytes())
        return found["features"], found.get("logits")
    features, logits = extractor.read(pixels, progress)
    tensors = {"features": features} if logits is None else {"features": features, "logits": logits}
    with contextlib.suppress(OSError):
        file.parent.mkdir(exist_ok=True)
        write_bytes(file, safetensors_bytes(tensors))
    return features, logits


def measure_or_recall(
    name: str, about: Mapping[str, Any], *, beside: Path, measure: Callable[[], References]
) -> References:
    """The scores that real images and noise reach, to the last bit as they were measured first.

    What cannot be measured, of which nothing is said, is not kept; nor what cannot be written.

    Args:
        name: of the scores, for the file.
        about: all that the values depend on, as JSON has it.
        beside: folder of a preparation.
        measure: called where nothing is kept.
    """
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]
    file = beside.parent / _REFERENCES / f"{name}-{key}.json"
    with contextlib.suppress(OSError, ValueError):
        return _DOCUMENT.validate_json(file.read_bytes())
    found = measure()
    if all(found.values()):
        with contextlib.suppress(OSError):
            file.parent.mkdir(exist_ok=True)
            write_bytes(file, _DOCUMENT.dump_json(found))
    return found


def _key(extractor: Extractor, pixels: npt.NDArray[Any]) -> str:
    """All that features depend on: the pixels, the network and, by rounding, the device."""
    about = [extractor.name, extractor.sha256, extractor.device.type, str(pixels.shape)]
    digest = hashlib.sha256("\n".join(about).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()[:32]
