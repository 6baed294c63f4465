"""The authors' model, against numbers from the paper and its published configuration."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from gantool_vanilla import PACGAN, PAPER, Config
from gantool_vanilla.model import Vanilla
from support import run_cli
from torch import nn

from gantool import ConfigError, Progress, Shapes
from gantool.data.points.plane import PointSplit
from gantool.testing import check_model


class Data:
    """Training images as a model's `initialize` gets them."""

    images = np.random.default_rng(0).integers(0, 256, size=(50, 28, 28, 1), dtype=np.uint8)
    labels = None


Data.images[:, 0, 0] = 0


def paper(**options):
    torch.manual_seed(0)
    return Vanilla.create(
        Config(**{**PAPER, **options}), Shapes((28, 28), 1, classes=0), train_data=Data
    )


def test_the_model_keeps_gantools_contract():
    check_model("vanilla", sizes=(16, 28, (8, 12)), classes=(0,), nz=8)


def test_the_papers_preset_keeps_it_too():
    options = {key: value for key, value in PAPER.items() if key not in ("batch_size", "steps")}
    check_model("vanilla", sizes=(16,), channels=(1,), classes=(0,), **options)


def test_the_papers_layers():
    gan = paper()
    assert (
        sum(p.numel() for p in gan.generator.parameters()) == 101 * 1200 + 1201 * 1200 + 1201 * 784
    )
    assert sum(p.numel() for p in gan.discriminator.parameters()) == 785 * 1200 + 241 * 1200 + 241
    assert [m.p for m in gan.discriminator.modules() if isinstance(m, nn.Dropout)] == [
        0.2,
        0.5,
        0.5,
    ]
    for network, bound in ((gan.generator, 0.05), (gan.discriminator, 0.005)):
        for layer in (m for m in network.modules() if isinstance(m, nn.Linear)):
            assert layer.weight.abs().max() <= bound
            assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.1)


def test_the_output_bias_gives_each_pixel_its_mean():
    gan = paper()
    last = [m for m in gan.generator.modules() if isinstance(m, nn.Linear)][-1]
    mean = Data.images.astype(float).mean(0).ravel() / 255
    np.testing.assert_allclose(
        torch.sigmoid(last.bias.detach().double()), mean.clip(1e-7, 1), atol=1e-6
    )


def test_maxout_and_pixels_by_hand():
    gan = paper().eval()
    x = torch.rand(3, 1, 28, 28) * 2 - 1
    hidden = ((x + 1) / 2).flatten(1).double()
    for layer in [m for m in gan.discriminator.modules() if isinstance(m, nn.Linear)][:2]:
        pieces = hidden @ layer.weight.detach().double().T + layer.bias.detach().double()
        hidden = torch.stack(
            [pieces[:, 5 * unit : 5 * unit + 5].max(1).values for unit in range(240)], dim=1
        )
    last = [m for m in gan.discriminator.modules() if isinstance(m, nn.Linear)][-1]
    expected = hidden @ last.weight.detach().double().T + last.bias.detach().double()
    torch.testing.assert_close(
        gan.discriminate(x, None).double(), expected.flatten(), atol=1e-5, rtol=1e-4
    )


def test_uniform_latents_have_unit_variance_between_the_roots_of_3():
    z = paper().sample_latent(20_000, torch.Generator().manual_seed(0))
    assert z.abs().max() <= math.sqrt(3)
    assert z.var().item() == pytest.approx(1, abs=0.01)


def test_schedules():
    gan = paper()

    def at(step, epoch):
        players = gan.settings(Progress(step, 10**6, epoch=epoch, images=0)).players
        assert players["generator"] == players["discriminator"]
        return players["generator"]["lr"], players["generator"]["momentum"]

    assert at(0, 0) == (0.1, 0.5)
    assert at(1, 1)[0] == pytest.approx(0.1 / 1.000004)
    assert at(1000, 125.5) == (pytest.approx(0.1 / 1.000004**1000), pytest.approx(0.6))
    assert at(10**7, 300) == (1e-6, 0.7)
    modern = Vanilla.create(Config(), Shapes((28, 28), 1, classes=0))
    assert modern.settings(Progress(5, 10, epoch=1, images=0)).players["generator"] == {}


def test_the_loss_of_d_is_half_the_sum():
    from gantool import Batch

    gan = paper().eval()
    real, fake = torch.rand(4, 1, 28, 28), torch.rand(4, 1, 28, 28)
    losses = gan.discriminator_loss(
        Batch(real, None, z=torch.zeros(4, 100), fake=fake, fake_labels=None)
    )
    p, q = torch.sigmoid(losses.real_logits.detach()), torch.sigmoid(losses.fake_logits.detach())
    assert losses.total.item() == pytest.approx(
        0.5 * (-p.log().mean() - (1 - q).log().mean()).item(), rel=1e-5
    )


def test_modern_layers():
    gan = Vanilla.create(Config(), Shapes((28, 28), 1, classes=0))
    linear = [(m.in_features, m.out_features) for m in gan.generator if isinstance(m, nn.Linear)]
    assert linear == [(100, 256), (256, 512), (512, 1024), (1024, 784)]
    linear = [
        (m.in_features, m.out_features) for m in gan.discriminator if isinstance(m, nn.Linear)
    ]
    assert linear == [(784, 512), (512, 256), (256, 1)]
    assert sum(isinstance(m, nn.BatchNorm1d) for m in gan.modules()) == 3


def test_without_the_plugin_a_run_says_what_to_install(tmp_path):
    words = ("run", "vanilla", "--steps", "1", "--name", "x")
    assert run_cli(*words, cwd=tmp_path).code == 0
    resumed = ("resume", "experiments/x", "--steps", "2")
    without = run_cli(*resumed, cwd=tmp_path, env={"GANTOOL_PLUGINS": "none"})
    assert without.code == 2
    assert "gantool-vanilla 0.1.0, which is not installed" in without.err
    assert "pip install gantool-vanilla" in without.err
    assert run_cli(*resumed, cwd=tmp_path).code == 0


def test_points_are_drawn_without_bounds_and_without_batch_norm():
    gan = Vanilla.create(Config(nz=2), Shapes.of_points(), train_data=None)
    assert not any(isinstance(m, (nn.BatchNorm1d, nn.Tanh)) for m in gan.modules())
    assert gan.generate(torch.full((3, 2), 1e4), None).abs().max() > 1
    assert gan.discriminate(torch.zeros(3, 2), None).shape == (3,)


def test_the_preset_pacgan_has_the_networks_of_its_experiments():
    config = Config(**PACGAN)
    gan = Vanilla.create(config, Shapes.of_points(), train_data=PointSplit(np.zeros((2, 2)), None))
    count = {name: sum(p.numel() for p in net.parameters()) for name, net in gan.named_children()}
    # Four layers of 400 without biases but with BatchNorm's two, and a linear map.
    assert count["generator"] == 2 * 400 + 3 * 400**2 + 4 * 2 * 400 + 2 * 400 + 2
    # Three layers of 200 maxout units of five pieces, and a linear map.
    assert count["discriminator"] == 5 * 200 * (3 + 201 + 201) + 201
    assert gan.generator[3].weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert (config.batch_size, config.lr, config.beta1) == (100, 1e-4, 0.8)
    check_model("vanilla", sizes=(), classes=(0,), networks="pacgan")


@pytest.mark.parametrize(
    "networks, shapes", [("paper", Shapes.of_points()), ("pacgan", Shapes((28, 28), 1, classes=0))]
)
def test_networks_of_another_kind_of_data_are_refused(networks, shapes):
    with pytest.raises(ConfigError, match=f"--networks {networks} is not for {shapes.kind}"):
        Vanilla.create(Config(networks=networks), shapes)
