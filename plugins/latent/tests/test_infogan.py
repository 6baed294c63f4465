from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from gantool_latent.infogan import SPEC, InfoGANConfig
from gantool_latent.infogan.model import InfoGAN
from support import run_cli
from torch.distributions import Categorical, Normal

from gantool import Batch, ConfigError, Shapes
from gantool.gan.base import parameters_of
from gantool.testing import check_model

SHAPES = Shapes((8, 12), 1, classes=0)


def make(shapes=SHAPES, **options):
    torch.manual_seed(0)
    small = {"ngf": 3, "ndf": 3, "nz": 4, "categories": 3}
    return InfoGAN.create(InfoGANConfig(**{**small, **options}), shapes).double()


def batch_of(gan, n=6):
    generator = torch.Generator().manual_seed(1)
    real = torch.rand(n, *gan.shapes.sample, generator=generator, dtype=torch.float64) * 2 - 1
    z = gan.sample_latent(n, generator).double()
    return Batch(real=real, z=z, fake=gan.generate(z, None))


def test_the_latent_is_the_papers():
    latent = InfoGAN(InfoGANConfig(), Shapes((28, 28), 1, classes=0)).latent
    assert [(n, p.prior, p.dimension) for n, p in latent.parts.items()] == [
        ("noise", "normal", 62),
        ("category", "categorical", 10),
        ("style", "uniform", 2),
    ]
    assert (latent.parts["style"].low, latent.parts["style"].high) == (-1, 1)


def test_other_latents_are_of_the_same_prior_and_independent():
    gan = make()
    z = gan.sample_latent(400, torch.Generator().manual_seed(3))
    torch.manual_seed(5)
    first, second = gan.other_latents(z), gan.other_latents(z)
    torch.manual_seed(5)
    assert torch.equal(gan.other_latents(z), first)  # of PyTorch's own state, which runs keep
    for a, b in ((z, first), (first, second)):
        parts = [gan.latent.split(x) for x in (a, b)]
        assert all(bool((part["category"].sum(1) == 1).all()) for part in parts)
        noises = torch.corrcoef(torch.stack([part["noise"].flatten() for part in parts]))
        assert noises[0, 1].abs() < 0.1  # 1,600 pairs: four standard errors


def test_the_game_is_the_papers():
    """Equation 6 in its non-saturating form: D plays V alone, G and Q play V - lambda L_I."""
    gan = make(category_weight=0.7, style_weight=0.2)
    batch = batch_of(gan)
    d_of = lambda x: gan.discriminator(x).flatten().sigmoid()  # noqa: E731
    d = gan.discriminator_loss(replace(batch, fake=batch.fake.detach()))
    value = d_of(batch.real).log().mean() + (1 - d_of(batch.fake)).log().mean()
    assert d.total.item() == pytest.approx(-value.item(), rel=1e-9)
    g = gan.generator_loss(batch)
    answer = gan.q(gan.discriminator[:-1](batch.fake))
    category = Categorical(logits=answer[:, :3]).log_prob(batch.z[:, 4:7].argmax(1))
    style = Normal(answer[:, 3:5], torch.exp(answer[:, 5:] / 2)).log_prob(batch.z[:, 7:]).sum(1)
    expected = -d_of(batch.fake).log().mean() - 0.7 * category.mean() - 0.2 * style.mean()
    assert g.total.item() == pytest.approx(expected.item(), rel=1e-9)
    assert g.extra["category"].item() == pytest.approx(-category.mean().item(), rel=1e-9)
    assert g.extra["style"].item() == pytest.approx(-style.mean().item(), rel=1e-9)


def test_q_moves_with_the_generator_and_its_trunk_with_the_discriminator():
    gan = make()
    parameters = parameters_of(gan)
    assert set(gan.q.parameters()) <= set(parameters["generator"])
    assert set(parameters["discriminator"]) == set(gan.discriminator.parameters())
    slopes = torch.autograd.grad(
        gan.generator_loss(batch_of(gan)).extra["category"],
        [gan.discriminator[0].weight, gan.generator[1].weight, gan.q[1].weight],
    )
    assert all(slope.abs().sum() > 0 for slope in slopes)


def test_q_recovers_a_planted_code():
    """Samples that show their code: only Q learns, and reads both parts of it."""
    shapes, gan = SHAPES, make(ndf=8, styles=1, category_weight=1.0, style_weight=1.0).float()
    generator = torch.Generator().manual_seed(2)
    patterns = torch.randn(4, *shapes.sample, generator=generator)

    def planted(n):
        z = gan.sample_latent(n, generator)
        parts = gan.latent.split(z)
        shown = torch.cat([parts["category"], parts["style"]], dim=1) @ patterns.flatten(1)
        return Batch(z=z, fake=shown.view(n, *shapes.sample))

    before = [parameter.clone() for parameter in gan.discriminator.parameters()]
    optimizer = torch.optim.Adam(gan.q.parameters(), lr=1e-2)
    for _ in range(120):
        optimizer.zero_grad()
        gan.generator_loss(planted(48)).total.backward()
        optimizer.step()
    gan.eval()
    batch = planted(200)
    answer = gan.q(gan.discriminate(batch.fake, None)[1]).detach()
    codes = gan.latent.split(batch.z)
    assert (answer[:, :3].argmax(1) == codes["category"].argmax(1)).float().mean() > 0.95
    style = torch.stack([answer[:, 3], codes["style"][:, 0]])
    assert torch.corrcoef(style)[0, 1] > 0.9
    assert all(map(torch.equal, before, gan.discriminator.parameters()))


def test_the_model_keeps_gantools_contract():
    check_model("infogan", sizes=(16, (17, 24)), channels=(1,), classes=(0,), ngf=2, ndf=2)


def test_points_have_perceptrons_without_batchnorm():
    with pytest.raises(ConfigError, match="no BatchNorm"):
        make(Shapes.of_points(), discriminator_norm="batch")


def test_the_preset_is_the_authors_optimizer():
    config = InfoGANConfig(**SPEC.presets["paper"])
    assert (config.lr, config.discriminator_lr) == (1e-3, 2e-4)
    assert (config.category_weight, config.style_weight) == (1.0, 0.1)


def test_samples_are_asked_for_by_code(tmp_path):
    words = ("--steps", "3", "--name", "x", "--ngf", "2", "--ndf", "2", "--no-evaluate")
    done = run_cli("run", "infogan", *words, cwd=tmp_path)
    assert done.code == 0, done.err
    codes = ("--code", "category=3", "--code", "style.1=all")
    done = run_cli("sample", "experiments/x", *codes, cwd=tmp_path)
    assert done.code == 0, done.err
    assert (tmp_path / done.out.strip()).is_file()
    done = run_cli("reconstruct", "experiments/x", cwd=tmp_path)
    assert (done.code, "infogan, which has no encoder" in done.err) == (2, True)
