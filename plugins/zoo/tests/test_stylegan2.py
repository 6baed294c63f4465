from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from gantool_zoo.stylegan2 import PAPER, StyleGAN2Config
from gantool_zoo.stylegan2.model import StyleGAN2
from support import run_cli

from gantool import Batch, ConfigError, Progress, Shapes
from gantool.data.batches import Batches
from gantool.data.prepared import ImageSplit
from gantool.testing import check_model
from gantool.training.trainer import Trainer

SMALL = {"nz": 6, "ngf": 4, "ndf": 4, "mapping_layers": 2}


def made(**options):
    torch.manual_seed(0)
    config = StyleGAN2Config(**{**SMALL, **options})
    return StyleGAN2.create(config, Shapes((16, 16), 1, classes=0)).double()


def images(n):
    return torch.rand(n, 1, 16, 16, dtype=torch.float64) * 2 - 1


def test_it_keeps_gantools_contract():
    check_model("stylegan2", sizes=(16, (16, 24)), channels=(3,), classes=(0,), **SMALL)


def test_the_game_is_non_saturating():
    model, real, fake = made(), images(4), images(4)
    r, f = model.discriminator(real).flatten(), model.discriminator(fake).flatten()
    d = -(torch.sigmoid(r).log() + (1 - torch.sigmoid(f)).log()).mean().item()
    batch = Batch(real=real, fake=fake)
    assert model.discriminator_loss(batch).total.item() == pytest.approx(d, abs=1e-9)
    g = -torch.sigmoid(f).log().mean().item()
    assert model.generator_loss(batch).total.item() == pytest.approx(g, abs=1e-9)


def test_r1_is_as_many_times_stronger_as_it_is_rare():
    model, real = made(r1_weight=3, r1_every=5), images(4)
    x = real.clone().requires_grad_()
    (slope,) = torch.autograd.grad(model.discriminator(x).sum(), x)
    expected = 5 * 3 / 2 * sum(float(s.square().sum()) for s in slope) / 4
    found = model.r1(Batch(real=real)).total
    assert found.item() == pytest.approx(expected, abs=1e-9)


def test_path_length_is_that_of_the_jacobian():
    model = made(path_weight=3, path_every=5)
    network, z = model.generator, torch.randn(4, 6, dtype=torch.float64)
    model.path_mean.fill_(0.2)
    torch.manual_seed(7)
    losses = model.path_length(Batch(z=z))
    torch.manual_seed(7)
    styles = network.styles(z[:2])
    directions = torch.randn_like(network.draw(styles)) / 16  # the square root of the pixels
    lengths = []
    for style, y in zip(styles.detach(), directions, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda s: network.draw(s[None])[0], style)
        products = torch.einsum("chw,chwld->ld", y, jacobian)
        lengths.append(products.square().sum(1).mean().sqrt().item())
    mean = 0.99 * 0.2 + 0.01 * sum(lengths) / 2
    expected = 3 * 5 * sum((length - mean) ** 2 for length in lengths) / 2
    assert losses.total.item() == pytest.approx(expected, abs=1e-9)
    assert losses.extra["path_length"].item() == pytest.approx(sum(lengths) / 2, abs=1e-9)
    losses.total.backward()
    assert all(p.grad is not None for p in network.mapping.parameters())


def test_the_lazy_turns_in_the_loop():
    model = made(batch_size=4, steps=9, epochs=None, lr=2.5e-3)
    split = ImageSplit(np.random.default_rng(0).integers(0, 256, (8, 16, 16, 1), np.uint8), None)
    batches = Batches(split, batch_size=4, seed=1, device=torch.device("cpu"))
    rng = torch.Generator().manual_seed(1)
    trainer = Trainer(model, batches, total_steps=9, rng=rng)
    metrics, mean = [], 0.0
    for _ in range(9):
        metrics.append(trainer.step())
        if "path_length" in metrics[-1]:
            mean += 0.01 * (float(metrics[-1]["path_length"]) - mean)
        assert float(model.path_mean) == pytest.approx(mean)
    assert [i for i, found in enumerate(metrics) if "r1" in found] == [0]
    assert [i for i, found in enumerate(metrics) if "path_penalty" in found] == [0, 4, 8]
    assert trainer.draws.images == 9 * 4  # R1 looks at the images of the step again
    for player, c in (("discriminator", 16 / 17), ("generator", 4 / 5)):
        first, *mapping = trainer.optimizers[player].param_groups
        assert first["lr"] == pytest.approx(2.5e-3 * c)
        assert first["betas"] == pytest.approx((0.0, 0.99**c))
        assert [group["lr"] for group in mapping] == [
            pytest.approx(2.5e-5 * c) for _ in range(player == "generator")
        ]
    slow = trainer.optimizers["generator"].param_groups[1]["params"]
    assert {*slow} == {*model.generator.mapping.parameters()}


def test_without_lazy_turns_the_settings_are_the_options():
    model = made(r1_weight=0, path_weight=0, discriminator_lr=1e-3, lr=2.5e-3)
    progress = Progress(0, 10, epoch=0, images=0)
    assert [turn.name for turn in model.turns(progress)] == ["", ""]
    players = model.settings(progress).players
    assert players["discriminator"] == {"lr": 1e-3, "betas": (0.0, 0.99)}
    assert players["generator"] == {"lr": 2.5e-3, "betas": (0.0, 0.99)}


def test_a_latent_has_one_image_outside_of_training():
    model = made().eval()
    with torch.no_grad():
        for name, parameter in model.generator.named_parameters():
            if name.endswith("strength"):
                parameter.fill_(1.0)
    z = torch.randn(3, 6, dtype=torch.float64)
    assert torch.equal(model.generate(z, None), model.generate(z, None))
    assert torch.allclose(model.generate(z, None)[1:2], model.generate(z[1:2], None))
    model.train()
    assert not torch.equal(model.generate(z, None), model.generate(z, None))


def test_penalties_are_not_to_be_compiled():
    with pytest.raises(ConfigError, match="no second derivatives"):
        made(compile=True)
    made(compile=True, r1_weight=0.0, path_weight=0.0)


def test_the_preset_is_the_papers():
    config = StyleGAN2Config(**PAPER)
    assert (config.nz, config.mapping_layers, config.style_mixing) == (512, 8, 0.9)
    assert (config.lr, config.beta1, config.beta2, config.loss) == (2e-3, 0, 0.99, "non-saturating")
    assert (config.r1_weight, config.r1_every) == (10, 16)
    assert (config.path_weight, config.path_every) == (2, 4)
    half_life = 10_000 / config.batch_size  # steps
    assert math.isclose(config.ema**half_life, 0.5, rel_tol=0.01)
    assert config.ema_rampup is None


def test_samples_can_be_truncated(tmp_path):
    def cli(*arguments):
        done = run_cli(*arguments, cwd=tmp_path)
        assert done.code == 0, done.err
        return done

    options = ["--ngf", "4", "--ndf", "4", "--nz", "8", "--threads", "1"]
    cli("run", "stylegan2", "--steps", "2", "--batch-size", "4", "--name", "s", *options)
    drawn = {}
    for name, psi in (("plain", None), ("own", 1), ("half", 0.5), ("mean", 0)):
        given = [] if psi is None else [f"--truncation={psi}"]
        file = tmp_path / f"{name}.npz"
        cli("sample", "experiments/s", "-n", 2, "--format", "npz", *given, "--output", file)
        drawn[name] = np.load(file)["images"]
    assert (drawn["plain"] == drawn["own"]).all()
    assert (drawn["plain"] != drawn["half"]).any()
    assert (drawn["plain"][0] != drawn["plain"][1]).any()
    assert (drawn["mean"][0] == drawn["mean"][1]).all()
    assert "truncation0.7" in cli("sample", "experiments/s", "--truncation", "0.7").out
