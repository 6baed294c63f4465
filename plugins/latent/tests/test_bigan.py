from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from gantool_latent.bigan import SPEC, BiGANConfig
from gantool_latent.bigan.model import BiGAN
from PIL import Image
from pydantic import ValidationError
from support import run_cli

import gantool
from gantool import Batch, ConfigError, Shapes
from gantool.config import TrainConfig
from gantool.data.load import load
from gantool.gan.base import parameters_of
from gantool.plugins.registry import load_registry
from gantool.testing import check_model

SHAPES = Shapes((8, 12), 1, classes=0)


def make(shapes=SHAPES, **options):
    torch.manual_seed(0)
    return BiGAN.create(BiGANConfig(**{"ngf": 3, "ndf": 3, "nz": 4, **options}), shapes).double()


def batch_of(gan, n=6):
    generator = torch.Generator().manual_seed(1)
    real = torch.rand(n, *gan.shapes.sample, generator=generator, dtype=torch.float64) * 2 - 1
    z = gan.sample_latent(n, generator).double()
    return Batch(real=real, z=z, fake=gan.generate(z, None))


@pytest.mark.parametrize("shapes", [SHAPES, Shapes.of_points()])
def test_the_game_is_the_papers(shapes):
    """Equation 3 for D; G and E have its inverse, with the labels exchanged."""
    gan = make(shapes)
    batch = batch_of(gan)
    pairs = [(batch.real, gan.encoder(batch.real)), (batch.fake, batch.z)]
    real, fake = (gan.discriminator(x, z).sigmoid() for x, z in pairs)
    d = gan.discriminator_loss(replace(batch, fake=batch.fake.detach()))
    value = real.log().mean() + (1 - fake).log().mean()
    assert d.total.item() == pytest.approx(-value.item(), rel=1e-9)
    g = gan.generator_loss(batch)
    inverse = -(fake.log().mean() + (1 - real).log().mean())
    assert g.total.item() == pytest.approx(inverse.item(), rel=1e-9)


def test_minimax_is_the_zero_sum_game():
    gan = make(loss="minimax")
    batch = batch_of(gan)
    d = gan.discriminator_loss(replace(batch, fake=batch.fake.detach())).total
    assert gan.generator_loss(batch).total.item() == -d.item()


@pytest.mark.parametrize(("latent", "deviation"), [("normal", 1.0), ("uniform", 3**-0.5)])
def test_codes_are_as_large_as_latents_from_the_first_step_on(latent, deviation):
    gan = make(latent=latent)
    gan.initialize(load(TrainConfig(), load_registry()).splits["train"])
    codes = gan.encoder(batch_of(gan).real)
    assert codes.std(0, unbiased=False).mean().item() == pytest.approx(deviation, rel=0.1)


def test_a_pair_is_judged_by_both_of_its_parts():
    gan = make().eval()
    batch = batch_of(gan)
    logits = gan.fake_logits(batch)
    assert not torch.allclose(logits, gan.fake_logits(replace(batch, z=batch.z.flip(0))))
    assert not torch.allclose(logits, gan.fake_logits(replace(batch, fake=batch.fake.flip(0))))
    by_hand = gan.discriminator.joint(
        torch.cat(
            [gan.discriminator.seen(batch.fake).flatten(1), gan.discriminator.told(batch.z)], dim=1
        )
    )
    torch.testing.assert_close(logits, by_hand[:, 0])


def test_generator_and_encoder_move_in_one_turn():
    gan = make()
    parameters = parameters_of(gan)
    assert set(parameters) == {"discriminator", "generator"}
    own = set(gan.generator.parameters()) | set(gan.encoder.parameters())
    assert set(parameters["generator"]) == own
    slopes = torch.autograd.grad(gan.generator_loss(batch_of(gan)).total, list(own))
    assert all(slope.abs().sum() > 0 for slope in slopes)
    assert gan.keeps == ("generator", "encoder")


def test_penalties_and_augmentations_are_refused():
    for option in ({"penalty": "r1"}, {"augment": "diff"}, {"pack": 2}):
        with pytest.raises(ValidationError):
            BiGANConfig(**option)


def test_the_model_keeps_gantools_contract():
    check_model("bigan", sizes=(16, (17, 24)), channels=(1,), classes=(0,), ngf=2, ndf=2)


def test_points_have_perceptrons_without_batchnorm():
    with pytest.raises(ConfigError, match="no BatchNorm"):
        make(Shapes.of_points(), discriminator_norm="batch")


def test_the_preset_has_the_authors_latents():
    config = BiGANConfig(**SPEC.presets["paper"])
    assert (config.latent, config.nz, config.lr, config.beta1) == ("uniform", 50, 2e-4, 0.5)
    assert config.update == "simultaneous"


def test_real_images_are_drawn_beside_their_reconstructions(tmp_path):
    words = ("--steps", "3", "--name", "x", "--ngf", "2", "--ndf", "2", "--no-evaluate")
    assert run_cli("run", "bigan", *words, cwd=tmp_path).code == 0
    run = "experiments/x"
    done = run_cli("reconstruct", run, "-n", "10", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    found = done.json
    assert (found["split"], found["images"], found["shown"], found["step"]) == ("test", 500, 10, 3)
    width, height = Image.open(tmp_path / found["picture"]).size
    assert width > 8 * 28 and height > 4 * 28

    model = gantool.open(tmp_path / run).sampler.model
    real = np.array(load(TrainConfig(), load_registry()).splits["test"].values)
    x = torch.from_numpy(real).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        again = model.generator(model.encoder(x))
    expected = (again - x).square().mean().item()
    assert found["mean_squared_error"] == pytest.approx(expected, rel=1e-4)
    mean = (x - x.mean(0)).square().mean().item()
    assert found["mean_squared_error_of_mean_image"] == pytest.approx(mean, rel=1e-4)
