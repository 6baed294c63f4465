"""Images of any height and width, and with alpha: every model, and all that is done with a run."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from safetensors.numpy import load_file
from support import Cli, distribution

import gantool
from gantool.display import Display
from gantool.plugins.registry import load_registry
from gantool.sampling.animation import animate
from gantool.sampling.server import application, describe
from gantool.training.run import resume

CONVOLUTIONS = ["--ngf", "4", "--ndf", "4"]
# The perceptrons' size grows with the pixels: theirs are fewer.
MODELS = {
    "dcgan": ("48x64", CONVOLUTIONS),
    "wgan-gp": ("48x64", CONVOLUTIONS),
    "r3gan": ("48x64", CONVOLUTIONS),
    "vanilla": ("9x12", []),
    "cgan": ("48x64", ["--width", "4"]),
    "cgan-mlp": ("9x12", ["--backbone", "mlp"]),
}
QUICK = ["--steps", "3", "--batch-size", "8", "--nz", "8", "--threads", "1"]
SCORED = ["--evaluate", "--evaluation-samples", "16", "--extractor", "digits"]


@pytest.fixture(scope="session")
def cut_outs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Discs and boxes on clear ground, 120 pictures of several shapes in two classes."""
    folder = tmp_path_factory.mktemp("cut-outs")
    rng = np.random.default_rng(0)
    for i in range(120):
        width, height = (int(side) for side in rng.integers(50, 100, 2))
        image = Image.new("RGBA", (width, height), (0, 0, 0, 0))
        draw = ImageDraw.Draw(image)
        shape = draw.ellipse if i % 2 else draw.rectangle
        shape(
            (width // 5, height // 5, width // 2, height // 2), fill=(*rng.integers(0, 200, 3), 255)
        )
        (folder / ("discs" if i % 2 else "boxes")).mkdir(exist_ok=True)
        image.save(folder / ("discs" if i % 2 else "boxes") / f"{i}.png")
    return folder


@pytest.mark.parametrize("case", MODELS)
def test_an_oblong_run_with_alpha(case: str, cut_outs: Path, tmp_path: Path, cli: Cli) -> None:
    model, (size, options) = case.split("-mlp")[0], MODELS[case]
    height, width = map(int, size.split("x"))
    shaped = ["--image-size", size, "--channels", "4", "--fit", "pad", "--flip"]
    where = ["--data", cut_outs, "--name", "r"]
    done = cli("run", model, *where, *shaped, *QUICK, *options, *SCORED, "--json")
    assert done.code == 0, done.err
    record = done.json
    assert (record["data"]["image_size"], record["data"]["channels"]) == (size, 4)
    assert [record["config"][key] for key in ("image_size", "fit", "flip")] == [size, "pad", True]
    run = gantool.open(tmp_path / "experiments" / "r")
    scores = {score.metric: score for score in run.scores}
    for name in ("kernel-distance", "memorised"):
        assert scores[name].value is not None
        assert scores[name].protocol["image_size"] == size
    real = np.asarray(Image.open(run.path / "real.png"))
    columns = 2 if run.record.model == "cgan" else 8
    assert real.shape == (8 * (height + 2) + 2, columns * (width + 2) + 2, 3)
    assert real[2, [2, 2 + min(height, width) // 8]].tolist() == [[255] * 3, [204] * 3]

    # All that is drawn from it.
    done = cli("sample", run.path, "-n", "3", "--separate", "--output", tmp_path / "few")
    assert done.code == 0, done.err
    with Image.open(tmp_path / "few" / "00000002.png") as image:
        assert (image.mode, image.size) == ("RGBA", (width, height))
    z, y = run.sampler.choose(3, 0)
    np.testing.assert_array_equal(image_of(tmp_path / "few"), run.sampler.draw(z, y)[2])
    assert run.sampler.draw(z, y).shape == (3, height, width, 4)
    assert run.samples(4).size == (2 * (width + 2) + 2, 2 * (height + 2) + 2)
    assert run.sheet().mode == "RGB"
    assert run.arithmetic("mean(0,1) - 2").mode == "RGB"
    line = run.sampler.interpolate("0", "3", steps=4)
    assert line.shape == (4, height, width, 4)
    assert run.sampler.frames(line)[0].size == (256, 256 * height // width)
    with Image.open(animate([run.folder], tmp_path / "a.gif")) as animation:
        assert animation.n_frames > 1
    cell = describe(run.sampler)["cells"][0].partition(",")[2]
    with Image.open(io.BytesIO(base64.b64decode(cell))) as image:
        assert (image.mode, image.size) == ("RGB", (width, height))
    assert application(run.sampler).routes
    assert load_file(run.export()).keys()


def image_of(folder: Path) -> np.ndarray:
    return np.asarray(Image.open(folder / "00000002.png"))


def test_the_exported_model_draws_oblong_images_with_alpha(
    cut_outs: Path, tmp_path: Path, cli: Cli
) -> None:
    import onnxruntime

    arguments = ["--data", cut_outs, "--image-size", "12x20", "--channels", "4", "--name", "x"]
    assert cli("run", "dcgan", *arguments, *QUICK, *CONVOLUTIONS).code == 0
    run = gantool.open(tmp_path / "experiments" / "x")
    session = onnxruntime.InferenceSession(run.export("onnx"), providers=["CPUExecutionProvider"])
    (found,) = session.run(["images"], {"z": np.zeros((3, 8), np.float32)})
    assert found.shape == (3, 4, 12, 20)
    about = json.loads(session.get_modelmeta().custom_metadata_map["gantool"])
    assert about["image"] == {"size": "12x20", "channels": 4, "range": [-1, 1]}


def test_mirroring_goes_on_as_it_would_have(cut_outs: Path, tmp_path: Path) -> None:
    def trained(name: str, *, steps: int, flip: bool = True) -> Path:
        options = {"image_size": "8x12", "batch_size": 8, "ngf": 4, "ndf": 4, "threads": 1}
        run = gantool.train(
            "dcgan",
            name=name,
            experiments_dir=tmp_path,
            progress=False,
            data=str(cut_outs),
            evaluate=False,
            steps=steps,
            flip=flip,
            **options,
        )
        return run.path

    whole, plain, part = (
        trained("whole", steps=4),
        trained("plain", steps=4, flip=False),
        trained("part", steps=2),
    )
    resume(part, load_registry(), display=Display(), epochs=None, steps=4, force=False)
    weights, same, other = (
        load_file(path / "generator.safetensors") for path in (whole, part, plain)
    )
    assert all(np.array_equal(weights[key], same[key]) for key in weights)
    assert not all(np.array_equal(weights[key], other[key]) for key in weights)


SQUARE_MODEL = """
import gantool
from torch import nn


class Config(gantool.GANConfig):
    pass


class Square(gantool.GAN[Config]):
    def build(self, shapes):
        side = shapes.image_size
        image = nn.Unflatten(1, (shapes.channels, side, side))
        self.generator = nn.Sequential(nn.Linear(self.config.nz, shapes.values), nn.Tanh(), image)
        self.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(shapes.values, 1))


@gantool.hookimpl
def register_models(register):
    register(gantool.ModelSpec(
        "square", "square images", config=Config, implementation="plugin_square:Square"
    ))
"""


def test_a_model_of_squares_refuses_other_shapes_in_words(
    cut_outs: Path, tmp_path: Path, cli: Cli
) -> None:
    (tmp_path / "site").mkdir()
    distribution(tmp_path / "site", "square", SQUARE_MODEL)
    env = {"PYTHONPATH": str(tmp_path / "site")}
    where = ["--data", cut_outs, *QUICK]
    done = cli("run", "square", *where, "--image-size", "12x8", env=env)
    assert done.code == 2
    assert "this model draws square images only, not 12 x 8.\nGive --image-size 12" in done.err
    assert cli("run", "square", *where, "--image-size", "12", "--name", "s", env=env).code == 0
    assert [path.name for path in (tmp_path / "experiments").iterdir()] == ["s"]
