from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from gantool_conditional.acgan import SPEC, ACGANConfig
from gantool_conditional.acgan.model import ACGAN
from torch import nn

from gantool import Batch, ConfigError, Shapes
from gantool.testing import check_model

SHAPES = Shapes((8, 12), 1, classes=3)
REAL, FAKE = torch.tensor([0, 2, 1, 1]), torch.tensor([2, 2, 0, 1])


def make(shapes=SHAPES, **options):
    torch.manual_seed(0)
    small = {"ngf": 3, "ndf": 3, "nz": 4, "discriminator_norm": "auto"}
    return ACGAN.create(ACGANConfig(**{**small, **options}), shapes).double()


def batch_of(gan):
    generator = torch.Generator().manual_seed(1)
    real, z = (torch.randn(n, 4, generator=generator, dtype=torch.float64) for n in (96, 4))
    real = real.T.reshape(4, 1, 8, 12).clamp(-1, 1)
    fake = gan.generate(z, FAKE)
    return Batch(real=real, real_labels=REAL, z=z, fake=fake, fake_labels=FAKE)


def mean_log(probabilities, chosen):
    return torch.log(probabilities[torch.arange(len(chosen)), chosen]).mean()


@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_the_game_is_the_papers(weight):
    """Section 3: D maximises L_S + L_C, G maximises L_C - L_S (here in its non-saturating form)."""
    gan = make(class_weight=weight)
    batch = batch_of(gan)
    detached = replace(batch, fake=batch.fake.detach())
    of_real, of_fake = (gan.discriminator(x).flatten(1) for x in (batch.real, batch.fake))
    source_real, source_fake = (x[:, 0].sigmoid() for x in (of_real, of_fake))
    class_real = mean_log(of_real[:, 1:].softmax(1), REAL)
    class_fake = mean_log(of_fake[:, 1:].softmax(1), FAKE)
    l_s = source_real.log().mean() + (1 - source_fake).log().mean()
    d = gan.discriminator_loss(detached)
    assert d.total.item() == pytest.approx(
        (-l_s - weight * (class_real + class_fake)).item(), rel=1e-9
    )
    assert d.extra["class_d"].item() == pytest.approx(-(class_real + class_fake).item(), rel=1e-9)
    g = gan.generator_loss(batch)
    expected = -source_fake.log().mean() - weight * class_fake
    assert g.total.item() == pytest.approx(expected.item(), rel=1e-9)
    torch.testing.assert_close(d.real_logits, of_real[:, 0])
    torch.testing.assert_close(g.fake_logits, of_fake[:, 0])


def test_d_is_asked_once_of_each_batch():
    gan, asked = make(penalty="r1", loss="relativistic"), []
    gan.discriminator.register_forward_hook(lambda *_: asked.append(1))
    batch = batch_of(gan)
    losses = gan.discriminator_loss(replace(batch, fake=batch.fake.detach()))
    assert len(asked) == 2 and losses.extra["penalty"] > 0
    gan.generator_loss(batch)
    assert len(asked) == 4


def test_both_heads_share_the_trunk():
    gan = make()
    last = [m for m in gan.discriminator.modules() if isinstance(m, nn.Conv2d)][-1]
    assert last.out_channels == 1 + 3
    before, x = [], torch.randn(2, 1, 8, 12, dtype=torch.float64)
    source, classes = gan.discriminate(x, None)
    for answer in (source, classes):
        (slope,) = torch.autograd.grad(
            answer.square().sum(), gan.discriminator[0].weight, retain_graph=True
        )
        before.append(slope.abs().sum().item())
    assert min(before) > 0


def test_d_learns_classes_that_can_be_told():
    """Images of three patterns: a few steps of D's loss, and it names them."""
    gan = make(discriminator_norm="none", ndf=8).float()
    labels = torch.arange(30) % 3
    real = torch.randn(3, 1, 8, 12, generator=torch.Generator().manual_seed(4))[labels]
    fake = torch.zeros(30, 1, 8, 12)
    optimizer = torch.optim.Adam(gan.discriminator.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        batch = Batch(real=real, real_labels=labels, fake=fake, fake_labels=labels * 0 + 1)
        gan.discriminator_loss(batch).total.backward()
        optimizer.step()
    named = gan.judge(real, None)[1]
    assert torch.equal(named.argmax(1), labels)
    assert F.cross_entropy(named, labels) < 0.1


def test_the_models_keep_gantools_contract():
    check_model("acgan", sizes=(16, (17, 24)), channels=(1,), classes=(3,), ngf=2, ndf=2)


def test_points_have_perceptrons_without_batchnorm():
    gan = make(Shapes.of_points(3))
    assert gan.discriminator[0].weight.shape == (12, 2)
    assert gan.discriminator[-1].weight.shape == (4, 12)
    with pytest.raises(ConfigError, match="no BatchNorm"):
        make(Shapes.of_points(3), discriminator_norm="batch")


def test_the_preset_is_the_authors_optimizer():
    config = ACGANConfig(**SPEC.presets["paper"])
    assert (config.lr, config.beta1, config.beta2, config.batch_size) == (2e-4, 0.5, 0.999, 100)


def test_a_pack_has_one_class():
    gan = make(pack=2)
    answer = torch.randn(2, 3, dtype=torch.float64)
    labels = torch.tensor([1, 1, 2, 2])
    found = gan._unnamed(answer, labels)
    assert found.item() == pytest.approx(-mean_log(answer.softmax(1), labels[::2]).item())
    x = torch.randn(4, 1, 8, 12, dtype=torch.float64)
    source, classes = gan.discriminate(x, labels)
    assert (source.shape, classes.shape) == ((2,), (2, 3))
