from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from gantool_outsiders.vae import VAEConfig
from gantool_outsiders.vae.model import VAE, divergence
from support import picture, run_cli
from torch.distributions import Bernoulli, Normal, kl_divergence

from gantool import Batch, ConfigError, Shapes
from gantool.testing import check_model

IMAGES = Shapes((16, 12), 1, classes=0)


def make(shapes=IMAGES, **options):
    torch.manual_seed(0)
    return VAE.create(VAEConfig(nz=3, **{"width": 4, **options}), shapes).double()


def real(shapes=IMAGES, n=5):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(n, *shapes.sample, generator=generator, dtype=torch.float64) * 2 - 1


def test_the_model_keeps_gantools_contract():
    check_model("vae", sizes=(16, (17, 24)), channels=(1,), classes=(0,), width=4)


def test_so_do_the_authors_networks():
    check_model("vae", sizes=(16,), channels=(1,), classes=(0,), backbone="mlp")


def test_the_divergence_is_that_of_gaussians():
    mean, log_variance = torch.randn(2, 7, 3, dtype=torch.float64)
    posterior = Normal(mean, (log_variance / 2).exp())
    prior = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    expected = kl_divergence(posterior, prior).sum(1)
    torch.testing.assert_close(divergence(mean, log_variance), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("backbone", ["conv", "mlp"])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_loss_is_the_negative_bound(backbone, likelihood):
    vae, x = make(backbone=backbone, likelihood=likelihood, pixel_std=0.3), real()
    torch.manual_seed(2)
    losses = vae.negative_bound(Batch(real=x))
    torch.manual_seed(2)
    mean, log_variance = vae.encoder(x)[:, :3], vae.encoder(x)[:, 3:]
    z = mean + torch.randn(5, 3, dtype=torch.float64) * torch.sqrt(torch.exp(log_variance))
    drawn = vae.generator(z)
    if likelihood == "bernoulli":
        share, seen = (drawn + 1) / 2, (x + 1) / 2
        log_p = (seen * share.log() + (1 - seen) * (1 - share).log()).sum((1, 2, 3))
    else:
        log_p = Normal(drawn, 0.3).log_prob(x).sum((1, 2, 3))
    kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1)
    assert losses.total.item() == pytest.approx((kl - log_p).mean().item(), rel=1e-9)
    assert losses.extra["kl"].item() == pytest.approx(kl.mean().item(), rel=1e-9)


def test_of_whole_pixels_bernoullis_surprise_is_that_of_the_distribution():
    vae, z = make(), torch.randn(4, 3, dtype=torch.float64)
    x = (real(n=4) > 0).double() * 2 - 1
    share = (vae.generate(z, None) + 1) / 2
    expected = -Bernoulli(probs=share).log_prob((x + 1) / 2).sum((1, 2, 3))
    torch.testing.assert_close(vae.surprise(x, z), expected, rtol=1e-9, atol=0)


def test_learned_it_reaches_the_entropy_of_the_best_gaussian():
    """Points on a short line, seen with unit noise: no direction is worth a latent of its own."""
    shapes = Shapes.of_points()
    vae = make(shapes, backbone="mlp", likelihood="gaussian", pixel_std=1.0, width=8)
    x = real(shapes, n=500)
    x[:, 1] = x[:, 0]
    adam = torch.optim.Adam(vae.parameters(), lr=1e-2)
    for _ in range(200):
        adam.zero_grad()
        loss = vae.negative_bound(Batch(real=x)).total
        loss.backward()
        adam.step()
    best = math.log(2 * math.pi) + x.square().sum(1).mean().item() / 2
    assert loss.item() == pytest.approx(best, abs=0.03)


def test_latents_of_real_images_are_the_posteriors_means():
    vae = make().eval()
    latents = vae.encode(real(), None)
    assert np.array_equal(latents.detach(), vae.encoder(real()).detach()[:, :3])


@pytest.mark.parametrize("options", [{}, {"backbone": "mlp"}, {"likelihood": "gaussian"}])
def test_what_points_cannot_have_is_refused(options):
    with pytest.raises(ConfigError, match="points have --backbone mlp"):
        make(Shapes.of_points(), **options)


def test_reconstructions_of_points_are_refused_in_words(tmp_path):
    done = run_cli("run", "vae", "--data", "ring", "--steps", "2", "--name", "x", cwd=tmp_path)
    assert done.code == 0, done.err
    done = run_cli("reconstruct", "experiments/x", cwd=tmp_path)
    assert (done.code, "a run on points" in done.err) == (2, True)


@pytest.mark.slow
def test_without_test_images_nothing_is_reconstructed(tmp_path):
    for i in range(3):
        picture(tmp_path / "few" / f"{i}.png", size=(16, 16), seed=i)
    words = ("--data", "few", "--steps", "2", "--no-evaluate", "--name", "x")
    done = run_cli("run", "vae", *words, cwd=tmp_path)
    assert done.code == 0, done.err
    done = run_cli("reconstruct", "experiments/x", cwd=tmp_path)
    assert (done.code, "the data of x have no test images" in done.err) == (2, True)
