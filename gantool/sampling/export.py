"""A generator for other programs: safetensors, PyTorch's exported program, ONNX."""

from __future__ import annotations

import io
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gantool.errors import ConfigError, GantoolError
from gantool.gan.base import Model
from gantool.runs.checkpoints import weights_to_bytes
from gantool.runs.files import write_bytes
from gantool.sampling.sampler import Sampler

FORMATS = {"safetensors": ".safetensors", "pt2": ".pt2", "onnx": ".onnx"}


class Drawing(nn.Module):
    """The way from latents (and labels) to images or points, as a network by itself.

    It takes z, float32 [N, dimension], and for a conditional model also y, int64 [N]; it gives
    images, float32 [N, C, H, W] in [-1, 1], or points, float32 [N, 2] in lengths of the described
    scale.
    """

    def __init__(self, gan: Model[Any]) -> None:
        super().__init__()
        self.gan = gan

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images, or points."""
        return self.gan.generate(z, y)


def export(sampler: Sampler, kind: str, file: Path) -> Path:
    """Write the generator together with a description of its latents and samples.

    The description is JSON, under the key "gantool".

    Raises:
        ConfigError: no such format.
        GantoolError: the format's packages are missing, or the model cannot be exported so.
    """
    if kind not in FORMATS:
        raise ConfigError(f"no format {kind!r}.", f"Formats: {', '.join(FORMATS)}.")
    about = sampler.describe()
    if kind == "safetensors":
        content = weights_to_bytes(sampler.model.generator, about)
    else:
        content = {"pt2": _pt2, "onnx": _onnx}[kind](sampler, json.dumps(about, sort_keys=True))
    file.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(file, content)
    return file


def _pt2(sampler: Sampler, about: str) -> bytes:
    buffer = io.BytesIO()
    torch.export.save(_program(sampler), buffer, extra_files={"gantool.json": about})
    return buffer.getvalue()


def _onnx(sampler: Sampler, about: str) -> bytes:
    try:
        import onnx
        import onnxscript  # noqa: F401  (the exporter needs it)
    except ImportError:
        raise GantoolError(
            "exporting to ONNX needs two more packages.", "pip install 'gantool[onnx]'"
        ) from None
    names = ["z", "y"] if sampler.model.conditional else ["z"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)
            made = torch.onnx.export(
                _program(sampler),
                input_names=names,
                output_names=[sampler.model.shapes.kind],
                dynamo=True,
                verbose=False,
            )
    except Exception as error:
        raise GantoolError(f"{sampler.record.model} cannot be exported to ONNX: {error}") from error
    assert made is not None
    model = made.model_proto
    entry = model.metadata_props.add()
    entry.key, entry.value = "gantool", about
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _program(sampler: Sampler) -> Any:
    """The generator traced for any number of latents."""
    gan = sampler.model.eval().cpu()
    z = sampler.sample_grid.latents[:2]
    inputs = (z, torch.zeros(2, dtype=torch.int64)) if gan.conditional else (z,)
    batch = torch.export.Dim("n", min=1)
    try:
        return torch.export.export(
            Drawing(gan), inputs, dynamic_shapes=tuple({0: batch} for _ in inputs)
        )
    except Exception as error:  # torch raises many kinds for what it cannot trace
        raise GantoolError(
            f"{sampler.record.model} cannot be exported: {str(error).splitlines()[0]}",
            "Its generator does what PyTorch cannot trace; --format safetensors always works.",
        ) from error
