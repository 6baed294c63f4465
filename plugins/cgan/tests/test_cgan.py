from __future__ import annotations

import pytest
import torch
from gantool_cgan import PAPER, POINTS, Config
from gantool_cgan.model import CGAN
from support import run_cli
from torch import nn

from gantool import ConfigError, Shapes
from gantool.testing import check_model


def make(**options):
    torch.manual_seed(0)
    return CGAN.create(Config(**options), Shapes((28, 28), 1, classes=10)).eval()


@pytest.mark.parametrize("backbone", ["mlp", "paper", "dcgan"])
def test_the_model_keeps_gantools_contract(backbone):
    check_model("cgan", sizes=(16, (8, 12)), backbone=backbone, width=4)


@pytest.mark.parametrize("backbone", ["mlp", "paper", "dcgan"])
def test_the_label_changes_both_answers(backbone):
    gan = make(backbone=backbone)
    z = torch.randn(1, 100).expand(10, -1)
    images = gan.generate(z, torch.arange(10))
    assert len(torch.unique(images.flatten(1), dim=0)) == 10
    logits = gan.discriminate(images[:1].expand(10, -1, -1, -1), torch.arange(10))
    assert len(torch.unique(logits)) == 10


@pytest.mark.parametrize("backbone", ["mlp", "paper", "dcgan"])
def test_a_sample_is_drawn_and_judged_by_its_own_label(backbone):
    """As it is alone, whatever labels the rest of the batch has."""
    gan = make(backbone=backbone)
    z, y = torch.randn(6, 100), torch.tensor([3, 1, 4, 1, 5, 9])
    images = gan.generate(z, y)
    logits = gan.discriminate(images, y)
    for i in range(6):
        alone = gan.generate(z[i : i + 1], y[i : i + 1])
        torch.testing.assert_close(alone, images[i : i + 1], atol=1e-5, rtol=1e-4)
        logit = gan.discriminate(images[i : i + 1], y[i : i + 1])
        torch.testing.assert_close(logit, logits[i : i + 1], atol=1e-5, rtol=1e-4)


def test_the_papers_layers():
    gan = make(**PAPER)
    linear = [
        (m.in_features, m.out_features) for m in gan.generator.modules() if isinstance(m, nn.Linear)
    ]
    assert linear == [(100, 200), (10, 1000), (1200, 1200), (1200, 784)]
    linear = [
        (m.in_features, m.out_features)
        for m in gan.discriminator.modules()
        if isinstance(m, nn.Linear)
    ]
    assert linear == [(784, 240 * 5), (10, 50 * 5), (290, 240 * 4), (240, 1)]
    assert {m.p for m in gan.modules() if isinstance(m, nn.Dropout)} == {0.5}
    z = gan.sample_latent(1000, torch.Generator().manual_seed(0))
    assert 0 <= z.min() < 0.01
    assert 0.99 < z.max() <= 1


def test_one_hot_labels_join_latents_and_images():
    gan = make(backbone="mlp")
    assert gan.generator[0].in_features == 110
    assert gan.discriminator[0].in_features == 794
    conv = make()
    assert conv.discriminator[0].in_channels == 11


def test_data_without_labels_is_an_error_that_says_what_to_do(tmp_path):
    from PIL import Image

    for i in range(20):
        Image.new("L", (16, 16), color=i).save(tmp_path / f"{i}.png")
    done = run_cli("run", "cgan", "--data", tmp_path, "--image-size", "16", cwd=tmp_path)
    assert done.code == 2
    assert "cgan needs labels" in done.err
    assert "sub-folder" in done.err
    assert not (tmp_path / "experiments").exists()


def test_the_models_batch_size_yields_to_little_data(tmp_path):
    from PIL import Image

    for i in range(20):
        (tmp_path / "few" / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        Image.new("L", (16, 16), color=10 * i).save(tmp_path / "few" / "ab"[i % 2] / f"{i}.png")
    done = run_cli("run", "cgan", "--data", "./few", "--dry-run", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    plan = done.json
    assert plan["config"]["batch_size"] == min(16, plan["data"]["splits"]["train"])
    assert plan["sources"]["batch_size"] == "data"


def test_the_sheet_has_a_column_a_class_and_one_latent_a_row():
    from gantool.sampling.grid import plan_sample_grid

    sample_grid = plan_sample_grid(make())
    assert (sample_grid.rows, sample_grid.columns) == (8, 10)
    assert sample_grid.labels.reshape(8, 10).tolist() == [list(range(10))] * 8
    rows = sample_grid.latents.reshape(8, 10, -1)
    assert torch.equal(rows, rows[:, :1].expand(-1, 10, -1))
    assert len(torch.unique(rows[:, 0], dim=0)) == 8


def test_both_networks_see_the_label_of_a_point():
    torch.manual_seed(0)
    gan = CGAN.create(Config(**POINTS, epochs=None), Shapes.of_points(3))
    z, x = torch.zeros(3, gan.latent.dimension), torch.zeros(3, 2)
    drawn = gan.generate(z, torch.arange(3))
    assert drawn.shape == (3, 2) and len(torch.unique(drawn, dim=0)) == 3
    assert len(torch.unique(gan.discriminate(x, torch.arange(3)))) == 3
    with pytest.raises(ConfigError, match="--backbone paper is for images"):
        CGAN.create(Config(backbone="paper"), Shapes.of_points(3))
