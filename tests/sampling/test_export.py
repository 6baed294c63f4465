"""Generators for other programs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from support import Cli


@pytest.fixture(params=["finished_run", "conditional_run"])
def any_run(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


def inputs_of(run: Path, n: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    import gantool as names

    gan = names.open(run).sampler.model
    z = torch.randn(n, gan.latent.dimension, generator=torch.Generator().manual_seed(0))
    return z, torch.arange(n) % 10 if gan.conditional else None


def drawn(run: Path, z: torch.Tensor, y: torch.Tensor | None) -> np.ndarray:
    import gantool as names

    with torch.no_grad():
        return names.open(run).sampler.model.generate(z, y).numpy()


@pytest.mark.slow
def test_the_exported_program_draws_the_same(any_run: Path, tmp_path: Path, cli: Cli) -> None:
    done = cli("export", any_run, "--format", "pt2", "--output", tmp_path / "x.pt2")
    assert done.code == 0, done.err
    extra = {"gantool.json": ""}
    program = torch.export.load(tmp_path / "x.pt2", extra_files=extra).module()
    z, y = inputs_of(any_run, 5)
    found = program(z) if y is None else program(z, y)
    np.testing.assert_allclose(found.detach().numpy(), drawn(any_run, z, y), atol=1e-5)
    assert json.loads(extra["gantool.json"])["latent"]["dimension"] == z.shape[1]


def test_the_onnx_model_draws_the_same(any_run: Path, tmp_path: Path, cli: Cli) -> None:
    import onnxruntime

    done = cli("export", any_run, "--format", "onnx", "--output", tmp_path / "x.onnx")
    assert done.code == 0, done.err
    session = onnxruntime.InferenceSession(tmp_path / "x.onnx", providers=["CPUExecutionProvider"])
    for n in (1, 7):
        z, y = inputs_of(any_run, n)
        given = {"z": z.numpy()} if y is None else {"z": z.numpy(), "y": y.numpy()}
        (found,) = session.run(["images"], given)
        np.testing.assert_allclose(found, drawn(any_run, z, y), atol=1e-4)
    about = json.loads(session.get_modelmeta().custom_metadata_map["gantool"])
    assert about["latent"].keys() >= {"prior", "dimension"}
    assert about["image"] == {"size": 28, "channels": 1, "range": [-1, 1]}


def test_exported_weights_say_what_they_are(any_run: Path, tmp_path: Path, cli: Cli) -> None:
    done = cli("export", any_run, "--output", tmp_path / "x.safetensors")
    assert done.code == 0, done.err
    with safe_open(tmp_path / "x.safetensors", "pt") as file:
        about = json.loads(file.metadata()["gantool"])
    assert about["model"] in ("dcgan", "cgan")
    assert about["latent"]["dimension"] > 0
