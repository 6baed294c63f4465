from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from gantool_conditional.projection import SPEC, ProjectionConfig
from gantool_conditional.projection.model import Projection
from torch import nn

from gantool import Batch, Shapes
from gantool.gan.layers import ConditionalBatchNorm2d
from gantool.testing import check_model

SHAPES = Shapes((16, 12), 1, classes=3)
REAL, FAKE = torch.tensor([0, 2, 1, 1]), torch.tensor([2, 2, 0, 1])


def make(**options):
    torch.manual_seed(0)
    small = {"ngf": 3, "ndf": 4, "nz": 4, **options}
    return Projection.create(ProjectionConfig(**small), SHAPES).double()


def batch_of(gan):
    generator = torch.Generator().manual_seed(1)
    real = torch.rand(4, 1, 16, 12, generator=generator, dtype=torch.float64) * 2 - 1
    z = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    fake = gan.generate(z, FAKE)
    return Batch(real=real, real_labels=REAL, z=z, fake=fake, fake_labels=FAKE)


def by_hand(gan, x, y):
    """Equation 3: the inner product of the class's vector and the features, and psi of these."""
    d = gan.discriminator
    phi = d.trunk(x)
    logits = [features @ d.v.weight[label] for features, label in zip(phi, y, strict=True)]
    return torch.stack(logits) + phi @ d.psi.weight[0] + d.psi.bias


def test_the_game_is_the_papers():
    gan = make(spectral_norm=False)
    batch = batch_of(gan)
    real, fake = by_hand(gan, batch.real, REAL), by_hand(gan, batch.fake, FAKE)
    d = gan.discriminator_loss(replace(batch, fake=batch.fake.detach()))
    hinge = torch.clamp(1 - real, min=0).mean() + torch.clamp(1 + fake, min=0).mean()
    assert d.total.item() == pytest.approx(hinge.item(), rel=1e-9)
    assert gan.generator_loss(batch).total.item() == pytest.approx(-fake.mean().item(), rel=1e-9)


def test_every_layer_of_the_discriminator_has_spectral_norm_one():
    gan = make()
    x = torch.randn(2, 1, 16, 12, dtype=torch.float64)
    for _ in range(100):
        gan.discriminate(x, REAL[:2])
    layers = [m for m in gan.discriminator.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    assert gan.discriminator.v in layers and gan.discriminator.psi in layers
    for layer in layers:
        norm = torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2).item()
        assert norm == pytest.approx(1, abs=0.02)
    assert not any("parametrizations" in name for name, _ in gan.generator.named_parameters())


def test_the_generators_blocks_know_the_class_and_their_convolutions_do_not():
    gan = make()
    norms = [m for m in gan.generator.modules() if isinstance(m, ConditionalBatchNorm2d)]
    assert len(norms) == 2 * len(gan.generator.blocks)
    z = torch.randn(1, 4, dtype=torch.float64).expand(3, -1)
    alike = gan.generate(z, torch.arange(3))
    torch.testing.assert_close(alike, alike[:1].expand_as(alike))  # until something is learned
    nn.init.normal_(norms[0].gain.weight)
    drawn = gan.generate(z, torch.arange(3))
    assert len(torch.unique(drawn.flatten(1), dim=0)) == 3


def test_the_model_keeps_gantools_contract():
    sizes = {"sizes": (16, (17, 24)), "channels": (1,), "classes": (3,)}
    check_model("projection", **sizes, ngf=2, ndf=2)


def test_the_preset_is_the_authors_game():
    config = ProjectionConfig(**SPEC.presets["paper"])
    assert (config.loss, config.spectral_norm, config.discriminator_steps) == ("hinge", True, 5)
    assert (config.lr, config.beta1, config.beta2, config.batch_size) == (2e-4, 0.0, 0.9, 64)
