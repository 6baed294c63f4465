"""The features against a second forward pass, their sense of damage, and whole commands."""

from __future__ import annotations

import io
import json
import shutil
from importlib import resources

import gantool_photos
import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
from gantool_photos import extractor, large
from PIL import Image, ImageDraw, ImageFilter
from support import SMALL, run_cli
from torch_fidelity.feature_extractor_clip import CLIPVisual

from gantool import ConfigError, GantoolError
from gantool.evaluation.metrics.distances import kernel_distance, overlap
from gantool.runs.files import read_json_lines
from gantool.runs.folder import RunFolder

STAGES = (  # Tan and Le 2019, table 1: kernel, stride, expansion, blocks
    (3, 1, 1, 1),
    (3, 2, 6, 2),
    (5, 2, 6, 2),
    (3, 2, 6, 3),
    (5, 1, 6, 3),
    (5, 2, 6, 4),
    (3, 1, 6, 1),
)
CPU = torch.device("cpu")
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3), dtype=np.uint8)
OLD_FORMAT = pytest.mark.filterwarnings("ignore")  # TorchScript warns of its end


def photos(name="photos"):
    return gantool_photos.make(
        None, name=name, side=gantool_photos.SIDES[name], weights=None, cache=None, device=CPU
    )


def drawing(seed, side=64):
    """A few colored shapes on a colored ground."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (side, side), tuple(rng.integers(0, 256, 3)))
    for _ in range(6):
        left, top = rng.integers(0, side * 3 // 4, 2)
        box = (left, top, *(np.array([left, top]) + rng.integers(side // 8, side // 2, 2)))
        draw = ImageDraw.Draw(image)
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape([int(value) for value in box], fill=tuple(rng.integers(0, 256, 3)))
    return image


def drawings(n, seed=0):
    return np.stack([np.asarray(drawing(1000 * seed + i)) for i in range(n)])


class Plain:
    """The network as one reads it in the paper, on the file's own names."""

    def __init__(self):
        package, file = extractor.WEIGHTS
        content = (resources.files(package) / file).read_bytes()
        self.state = torch.load(io.BytesIO(content), weights_only=True)

    def convolve(self, x, *, key, norm, stride=1, groups=1, bend=True):
        weight = self.state[f"{key}.weight"]
        # TensorFlow's "same": what is odd is padded at the bottom and on the right.
        over = [max((-(-n // stride) - 1) * stride + weight.shape[-1] - n, 0) for n in x.shape[-2:]]
        (up, down), (left, right) = ((n // 2, n - n // 2) for n in over)
        x = F.conv2d(F.pad(x, (left, right, up, down)), weight, stride=stride, groups=groups)
        mean, var, gain, shift = (
            self.state[f"{norm}.{part}"].view(1, -1, 1, 1)
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        x = (x - mean) / (var + 1e-3).sqrt() * gain + shift
        return x.clamp(0, 6) if bend else x

    def block(self, x, *, name, stride, expansion):
        before = x
        if expansion > 1:
            x = self.convolve(x, key=f"{name}._expand_conv", norm=f"{name}._bn0")
        x = self.convolve(
            x,
            key=f"{name}._depthwise_conv",
            norm=f"{name}._bn1",
            stride=stride,
            groups=x.shape[1],
        )
        x = self.convolve(x, key=f"{name}._project_conv", norm=f"{name}._bn2", bend=False)
        return x + before if x.shape == before.shape and stride == 1 else x

    def __call__(self, x):
        x = self.convolve(x, key="_conv_stem", norm="_bn0", stride=2)
        number, features = 0, []
        for kernel, stride, expansion, blocks in STAGES:
            mean = variance = 0
            for i in range(blocks):
                name = f"_blocks.{number}"
                assert self.state[f"{name}._depthwise_conv.weight"].shape[-1] == kernel
                x = self.block(x, name=name, stride=1 if i else stride, expansion=expansion)
                mean = mean + self.state[f"{name}._bn2.bias"]
                variance = variance + self.state[f"{name}._bn2.weight"] ** 2
                number += 1
            features.append((x.mean((2, 3)) - mean) / variance.sqrt())
        total = sum(stage.shape[1] for stage in features)
        return torch.cat([s * (total / len(STAGES) / s.shape[1]) ** 0.5 for s in features], 1)


@pytest.mark.parametrize("name", ["photos", "photos-128"])
def test_the_features_are_the_papers_network_on_the_files_weights(name):
    side = gantool_photos.SIDES[name]
    images = np.stack([np.asarray(drawing(i, side)) for i in range(2)])
    found, logits = photos(name).read(images)
    x = (torch.tensor(images).permute(0, 3, 1, 2).float() - 127) / 128
    torch.testing.assert_close(found, Plain()(x), rtol=1e-3, atol=1e-4)
    assert found.shape == (2, 784)
    assert logits is None


def test_gray_images_are_read_as_three_equal_channels_and_any_size_is_resized():
    gray = np.asarray(drawing(0).convert("L"))[None, :, :, None]
    read = photos().read
    torch.testing.assert_close(read(gray)[0], read(np.repeat(gray, 3, axis=3))[0])
    small = extractor.to_input(torch.full((1, 1, 28, 28), 255, dtype=torch.uint8), side=64)
    torch.testing.assert_close(small, torch.ones(1, 3, 64, 64))
    large = np.asarray(drawing(0, 128))[None]
    half = np.asarray(drawing(0, 128).resize((64, 64), Image.Resampling.BILINEAR))[None]
    apart = (read(large)[0] - read(half)[0]).norm()  # Pillow rounds to whole values
    assert apart < 0.1 * read(half)[0].norm()


def test_the_kernel_distance_grows_with_blur_and_with_noise():
    real, samples = drawings(60), drawings(60, seed=1)
    read = photos().read

    def distance(images):
        return kernel_distance(read(images)[0], read_real, subset_size=60)[0]

    def blurred(radius):
        filtered = (Image.fromarray(x).filter(ImageFilter.BoxBlur(radius)) for x in samples)
        return np.stack([np.asarray(image) for image in filtered])

    def noisy(deviation):
        noise = np.random.default_rng(0).normal(0, deviation, samples.shape)
        return np.clip(samples + noise, 0, 255).astype(np.uint8)

    read_real = read(real)[0]
    alike = distance(samples)
    for damage in ([blurred(1), blurred(3)], [noisy(5), noisy(20)]):
        weak, strong = map(distance, damage)
        assert abs(alike) < weak < strong


def test_noise_is_neither_precise_nor_dense():
    read = photos().read
    real = read(drawings(60))[0]
    noise = np.random.default_rng(0).integers(0, 256, (60, 64, 64, 3), dtype=np.uint8)
    features = read(noise)[0]
    assert overlap(features, real) == (0, 0, 0, 0)


def test_other_weights_are_refused(monkeypatch):
    monkeypatch.setattr(extractor, "WEIGHTS", ("gantool_photos", "__init__.py"))
    with pytest.raises(GantoolError, match="are damaged") as refused:
        photos()
    assert "pip install --force-reinstall" in refused.value.remedy


def read_large(name, weights, pixels=PIXELS):
    made = gantool_photos.make_large(None, name=name, weights=weights, cache=None, device=CPU)
    return made.read(pixels)


def write_clip(file):
    """Write an archive as OpenAI's, whose image tower is tiny."""

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.visual = CLIPVisual(8, 32, 2, 64, 16).visual
            self.text_projection = torch.nn.Parameter(torch.zeros(4, 8))
            self.register_buffer("input_resolution", torch.tensor(32))

        def forward(self, x):
            return self.visual(x)

    torch.jit.trace(Whole().eval(), torch.zeros(1, 3, 32, 32)).save(str(file))
    return file


@pytest.fixture(scope="module")
def clip_file(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.pt")


@OLD_FORMAT
def test_clip_is_read_from_its_archive(clip_file):
    features, logits = read_large("clip", clip_file)
    assert features.shape == (2, 8)
    assert logits is None
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711])
    flat = np.full((1, 20, 20, 3), 51, np.uint8)  # resizing leaves it as it is
    image = ((torch.full((3,), 0.2) - mean) / std).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    expected = torch.jit.load(clip_file)(image)
    torch.testing.assert_close(
        read_large("clip", clip_file, flat)[0], expected, rtol=1e-2, atol=1e-2
    )


@pytest.fixture(scope="module")
def dino(tmp_path_factory):
    """The small network at the size that it learned, and its state as the authors name it."""
    torch.manual_seed(0)
    body = timm.create_model("vit_small_patch14_dinov2", img_size=518, num_classes=0).eval()
    file = tmp_path_factory.mktemp("dino") / "dino.pth"
    torch.save({**body.state_dict(), "mask_token": torch.zeros(1, 384)}, file)
    return body, file


def test_dinov2_is_read_from_the_authors_file(dino):
    body, file = dino
    features, logits = read_large("dinov2", file)
    assert features.shape == (2, 384)
    assert logits is None
    state = large._resized(body.pos_embed)
    grid = body.pos_embed[:, 1:].unflatten(1, (37, 37)).permute(0, 3, 1, 2)
    smaller = F.interpolate(grid, scale_factor=16.1 / 37, mode="bicubic")
    torch.testing.assert_close(state[:, 1:].mT.unflatten(2, (16, 16)), smaller)
    flat = np.full((1, 20, 20, 3), 51, np.uint8)  # resizing leaves it as it is
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = ((torch.full((3,), 0.2) - mean) / std).view(1, 3, 1, 1).expand(1, 3, 224, 224)
    tokens = body.patch_embed.proj(x).flatten(2).mT
    tokens = torch.cat([body.cls_token, tokens], dim=1) + state
    expected = body.norm(body.blocks(tokens))[:, 0]
    torch.testing.assert_close(read_large("dinov2", file, flat)[0], expected, rtol=1e-3, atol=1e-3)


@OLD_FORMAT
def test_clip_reads_gray_images_too(clip_file):
    gray = PIXELS[..., :1]
    both = [read_large("clip", clip_file, pixels)[0] for pixels in (gray, gray.repeat(3, axis=3))]
    torch.testing.assert_close(*both)


@OLD_FORMAT
@pytest.mark.parametrize(("name", "title"), [("clip", "CLIP"), ("dinov2", "DINOv2")])
@pytest.mark.parametrize("content", [b"", b"no weights", None])
def test_files_of_other_weights_are_refused(name, title, content, tmp_path):
    file = tmp_path / "weights.pth"
    torch.save({"cls_token": torch.zeros(1, 1, 3)}, file)
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"does not hold the weights of {title}"):
        read_large(name, file)


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A short run on a folder of 240 drawings, scored by what `auto` takes."""
    where = tmp_path_factory.mktemp("scored")
    (where / "shapes").mkdir()
    for i in range(240):
        drawing(i, 32).save(where / "shapes" / f"{i}.png")
    env = {"GANTOOL_DATA_DIR": str(where / "data")}
    options = ["--steps", "2", "--name", "a", "--evaluate", "--evaluation-samples", "50"]
    done = run_cli("run", "dcgan", "--data", "shapes", *options, *SMALL, cwd=where, env=env)
    assert done.code == 0, done.err
    return where, env, done


def test_a_folder_of_pictures_is_scored_without_a_download(scored):
    where, _, done = scored
    scores = {score.metric: score for score in RunFolder(where / "experiments" / "a").scores()}
    kernel = scores["kernel-distance"]
    assert kernel.protocol["extractor"] == "photos"
    assert kernel.protocol["extractor_sha256"] == extractor.SHA256
    assert kernel.real < kernel.value
    assert kernel.real < kernel.noise
    for name in ("precision", "recall", "density", "coverage"):
        assert scores[name].value is not None
    assert "modes-covered" not in scores
    fewer = "test images cannot say how 784 features vary together"
    assert fewer in scores["frechet-distance"].reason
    assert (done.out + done.err).count(fewer) == 1
    page = (where / "experiments" / "a" / "report.html").read_text()
    assert page.count(f"{fewer}.") == 1


def test_what_was_read_in_real_images_is_kept(scored):
    where, env, _ = scored
    files = {file: file.stat().st_mtime_ns for file in where.glob("data/prepared/features/*")}
    assert len(files) == 3  # training and test images, and noise
    scores = RunFolder(where / "experiments" / "a").scores_file
    before = list(read_json_lines(scores))
    done = run_cli("evaluate", "experiments/a", "--json", cwd=where, env=env)
    assert done.code == 0, done.err
    assert files == {
        file: file.stat().st_mtime_ns for file in where.glob("data/prepared/features/*")
    }
    assert list(read_json_lines(scores)) == before


@OLD_FORMAT
def test_a_run_is_scored_by_a_network_from_a_file_too(scored):
    where, env, _ = scored
    chosen = ["--extractor", "clip", "--weights", write_clip(where / "clip.pt")]
    done = run_cli(
        *("evaluate", "experiments/a", "--metric", "kernel-distance", "--json", *chosen),
        cwd=where,
        env=env,
    )
    assert done.code == 0, done.err
    (score,) = done.json[0]["scores"]
    assert score["protocol"]["extractor"] == "clip"
    assert None not in (score["value"], score["real"], score["noise"])


def test_weights_that_lack_are_said_before_training(scored):
    where, env, _ = scored
    options = ["--data", "shapes", "--name", "b", "--extractor", "clip", *SMALL]
    done = run_cli("run", "dcgan", *options, cwd=where, env=env)
    assert done.code == 2
    assert "'clip' does not bring its weights" in done.err
    assert not (where / "experiments" / "b").exists()


def test_the_file_of_a_run_is_that_of_its_extractor_only(scored):
    where, env, _ = scored
    shutil.copytree(where / "experiments" / "a", where / "experiments" / "c")
    file = where / "experiments" / "c" / "run.json"
    record = json.loads(file.read_text())
    record["config"] |= {"extractor": "clip", "weights": "gone.pt"}
    file.write_text(json.dumps(record))
    scoring = ["evaluate", "experiments/c", "--metric", "kernel-distance"]
    done = run_cli(*scoring, cwd=where, env=env)
    assert done.code == 2
    assert "--weights gone.pt: no such file" in done.err
    done = run_cli(*scoring, "--extractor", "photos", cwd=where, env=env)
    assert done.code == 0, done.err
