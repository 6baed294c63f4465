"""The large networks on random weights, of the right names and shapes, against a second way."""

from __future__ import annotations

import gantool_photos
import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
from gantool_photos import large
from torch_fidelity.feature_extractor_clip import CLIPVisual

from gantool import ConfigError

pytestmark = pytest.mark.filterwarnings("ignore")  # of TorchScript, an old format
CPU = torch.device("cpu")
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3), dtype=np.uint8)


def read(name, weights, pixels=PIXELS):
    made = gantool_photos.make_large(None, name=name, weights=weights, cache=None, device=CPU)
    return made.read(pixels)


@pytest.fixture(scope="module")
def clip_file(tmp_path_factory):
    """An archive as OpenAI's, whose image tower is tiny."""

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.visual = CLIPVisual(8, 32, 2, 64, 16).visual
            self.text_projection = torch.nn.Parameter(torch.zeros(4, 8))
            self.register_buffer("input_resolution", torch.tensor(32))

        def forward(self, x):
            return self.visual(x)

    file = tmp_path_factory.mktemp("clip") / "clip.pt"
    torch.jit.trace(Whole().eval(), torch.zeros(1, 3, 32, 32)).save(str(file))
    return file


def test_clip_is_read_from_its_archive(clip_file):
    features, logits = read("clip", clip_file)
    assert features.shape == (2, 8)
    assert logits is None
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711])
    flat = np.full((1, 20, 20, 3), 51, np.uint8)  # resizing leaves it as it is
    image = ((torch.full((3,), 0.2) - mean) / std).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    expected = torch.jit.load(clip_file)(image)
    torch.testing.assert_close(read("clip", clip_file, flat)[0], expected, rtol=1e-2, atol=1e-2)


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
    features, logits = read("dinov2", file)
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
    torch.testing.assert_close(read("dinov2", file, flat)[0], expected, rtol=1e-3, atol=1e-3)


def test_gray_images_are_read_too(clip_file):
    gray = PIXELS[..., :1]
    both = [read("clip", clip_file, pixels)[0] for pixels in (gray, gray.repeat(3, axis=3))]
    torch.testing.assert_close(*both)


@pytest.mark.parametrize(("name", "title"), [("clip", "CLIP"), ("dinov2", "DINOv2")])
@pytest.mark.parametrize("content", [b"", b"no weights", None])
def test_other_files_are_refused(name, title, content, tmp_path):
    file = tmp_path / "weights.pth"
    torch.save({"cls_token": torch.zeros(1, 1, 3)}, file)
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"does not hold the weights of {title}"):
        read(name, file)
