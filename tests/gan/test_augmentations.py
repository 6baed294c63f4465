"""Augmentations against NumPy, and against what their papers say of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gantool import GAN, Batch, GANConfig, Shapes
from gantool.gan import augmentations
from gantool.sampling.generate import generate_samples


def pictures(n: int = 4, side: int = 8, channels: int = 3) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    return torch.rand(n, channels, side, side, generator=rng, dtype=torch.float64) * 2 - 1


def test_colors_by_hand() -> None:
    x = pictures(2)
    brightness, saturation, contrast = torch.tensor([[0.1, -0.2], [0.5, 2.0], [1.5, 0.5]]).double()
    made = augmentations.recolored(
        x, brightness=brightness, saturation=saturation, contrast=contrast
    )
    for i in range(2):
        image = x[i].numpy() + brightness[i].item()
        gray = image.mean(0, keepdims=True)
        image = (image - gray) * saturation[i].item() + gray
        image = (image - image.mean()) * contrast[i].item() + image.mean()
        np.testing.assert_allclose(made[i].numpy(), image, atol=1e-12)


def test_translation_by_hand() -> None:
    x = pictures(2)
    made = augmentations.translated(
        x, down=torch.tensor([2, -1]), right=torch.tensor([0, 3]), most=3
    )
    assert torch.equal(made[0, :, 2:], x[0, :, :-2])
    assert not made[0, :, :2].any()
    assert torch.equal(made[1, :, :-1, 3:], x[1, :, 1:, :-3])
    assert not made[1, :, -1].any()
    assert not made[1, :, :, :3].any()


def test_a_hole_is_zero_and_the_rest_is_as_it_was() -> None:
    x = pictures(2)
    corner = torch.tensor([1, -2])
    made = augmentations.cut_out(x, top=corner, left=corner, height=4, width=4)
    assert not made[0, :, 1:5, 1:5].any()
    assert not made[1, :, :2, :2].any()
    assert torch.equal(made[0, :, 5:], x[0, :, 5:])
    assert torch.equal(made[1, :, 2:], x[1, :, 2:])


def turned(angle: float) -> Tensor:
    cosine, sine = math.cos(angle), math.sin(angle)
    return torch.tensor([[[cosine, -sine, 0.0], [sine, cosine, 0.0]]], dtype=torch.float64)


def test_warps_by_hand() -> None:
    x = pictures(1)
    still = augmentations.warped(x, turned(0.0))
    torch.testing.assert_close(still, x)
    quarter = augmentations.warped(x, turned(math.pi / 2))
    torch.testing.assert_close(quarter, torch.rot90(x, 1, (2, 3)))
    mirror = torch.tensor([[[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]], dtype=torch.float64)
    torch.testing.assert_close(augmentations.warped(x, mirror), x.flip(3))
    # Between pixels it is bilinear, as PyTorch's own sampling with reflection.
    some = turned(0.3) * 1.2
    grid = nn.functional.affine_grid(some, list(x.shape), align_corners=False)
    expected = nn.functional.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    torch.testing.assert_close(
        augmentations.warped(x, some)[..., 2:6, 2:6], expected[..., 2:6, 2:6]
    )


def test_warps_can_be_differentiated_twice() -> None:
    x = pictures(1, side=4, channels=1).requires_grad_()
    assert torch.autograd.gradgradcheck(
        lambda images: augmentations.warped(images, turned(0.4)).square(), (x,)
    )


@pytest.mark.parametrize("name", ["diff", "ada"])
def test_each_keeps_the_shape_and_is_finite(name: str) -> None:
    make = {"diff": augmentations.make_diff, "ada": augmentations.make_ada}[name]
    augment = make(GANConfig(batch_size=4))
    if name == "ada":
        augment.p.fill_(1.0)
    for channels in (1, 3):
        x = pictures(64, 16, channels).float()
        made = augment(x)
        assert made.shape == x.shape
        assert torch.isfinite(made).all()
        assert not torch.equal(made, x)


def test_an_oblong_image_is_turned_without_shearing(monkeypatch: pytest.MonkeyPatch) -> None:
    maps: list[Tensor] = []
    monkeypatch.setattr(augmentations, "warped", lambda x, given: maps.append(given) or x)
    augment = augmentations.make_ada(GANConfig(batch_size=4))
    augment.p.fill_(1.0)
    augment(torch.zeros(500, 1, 8, 24))
    # From lengths that are 1 at the edges to pixels, and back: a similarity, A A' = s^2 I.
    pixels = torch.tensor([12.0, 4.0])
    linear = maps[0][:, :, :2] * pixels[:, None] / pixels
    product = linear @ linear.mT
    torch.testing.assert_close(product, product[:, :1, :1] * torch.eye(2), atol=1e-5, rtol=1e-5)


def test_alpha_keeps_its_values_while_colors_change() -> None:
    x = pictures(4, 8, 4)
    half = torch.full((4,), 0.5, dtype=torch.float64)
    made = augmentations.recolored(x, brightness=half, saturation=half, contrast=half)
    colors = augmentations.recolored(x[:, :3], brightness=half, saturation=half, contrast=half)
    assert torch.equal(made, torch.cat([colors, x[:, 3:]], dim=1))


def test_ada_follows_the_sign_of_d_on_real_images() -> None:
    augment = augmentations.make_ada(GANConfig(batch_size=10, ada_images=100))
    x = pictures().float()
    assert torch.equal(augment(x), x)  # p is 0 at first
    for sign, p in ((1.0, 0.1), (0.7, 0.2), (0.5, 0.1), (-1.0, 0.0), (-1.0, 0.0)):
        recorded = augment.after_step({"d_sign": torch.tensor(sign)})
        assert recorded["ada_p"].item() == pytest.approx(p)
    for _ in range(12):
        augment.after_step({"d_sign": torch.tensor(1.0)})
    assert augment.p.item() == 1.0
    assert augment.p.dtype is torch.float32  # MPS has no float64


@pytest.mark.parametrize(
    ("side", "shift", "hole"), [(17, 2, 9), (20, 3, 10), (28, 4, 14), (36, 5, 18)]
)
def test_shifts_and_holes_are_as_large_as_the_authors(
    monkeypatch: pytest.MonkeyPatch, side: int, shift: int, hole: int
) -> None:
    """An eighth and a half of a side, halves rounded up."""
    found = {}
    translated, cut_out = augmentations.translated, augmentations.cut_out

    def shifted(x: Tensor, **asked: Any) -> Tensor:
        found["shift"] = asked["most"]
        return translated(x, **asked)

    def cut(x: Tensor, **asked: Any) -> Tensor:
        found["hole"] = (asked["height"], asked["width"])
        return cut_out(x, **asked)

    monkeypatch.setattr(augmentations, "translated", shifted)
    monkeypatch.setattr(augmentations, "cut_out", cut)
    augmentations.make_diff(GANConfig())(pictures(side=side))
    assert found == {"shift": shift, "hole": (hole, hole)}


@pytest.mark.parametrize(
    ("options", "p"), [({"discriminator_steps": 5}, 0.5), ({"update": "extragradient"}, 0.2)]
)
def test_ada_counts_every_image_that_d_sees(options: dict[str, Any], p: float) -> None:
    augment = augmentations.make_ada(GANConfig(batch_size=10, ada_images=100, **options))
    assert augment.after_step({"d_sign": torch.tensor(1.0)})["ada_p"].item() == pytest.approx(p)


ONE = Shapes((8, 8), 1, classes=0)


class Plain(GAN[GANConfig]):
    def build(self, shapes: Shapes) -> None:
        self.generator = nn.Sequential(
            nn.Linear(4, shapes.values), nn.Tanh(), nn.Unflatten(1, (1, 8, 8))
        )
        self.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(shapes.values, 1))


def test_samples_are_never_augmented_and_d_always_sees_augmented_images() -> None:
    torch.manual_seed(0)
    augmented = Plain.create(GANConfig(augment="diff", nz=4), ONE)
    plain = Plain.create(GANConfig(nz=4), ONE)
    plain.load_state_dict(augmented.state_dict())
    z = torch.randn(6, 4)
    drawn, expected = (generate_samples(model, z, y=None) for model in (augmented, plain))
    np.testing.assert_array_equal(drawn, expected)
    x = pictures(6, 8, 1).float()
    assert not torch.equal(augmented.discriminate(x, None), plain.discriminate(x, None))
    assert torch.equal(augmented.judge(x, None), plain.discriminate(x, None))


@pytest.mark.parametrize("loss", ["least-squares", "wasserstein", "relativistic"])
def test_ada_asks_where_d_divides_real_from_fake_whatever_its_scale(loss: str) -> None:
    """Logits that do not tell real from fake at all, and all lie far above 0."""
    torch.manual_seed(0)
    gan = Plain.create(GANConfig(augment="ada", loss=loss, clip=0.0, nz=4, penalty="gp"), ONE)
    real = pictures(64, 8, 1).float()
    with torch.no_grad():
        gan.discriminator[1].bias.fill_(100.0)
    answer = gan.discriminator_loss(Batch(real=real, fake=real.flip(0)))
    assert abs(answer.extra["d_sign"].item()) < 0.5
    told = gan.discriminator_loss(Batch(real=real, fake=real - 9))  # told apart by their mean
    difference = (told.real_logits.mean() - told.fake_logits.mean()).item()
    assert told.extra["d_sign"].item() == pytest.approx(math.copysign(1, difference))


@pytest.mark.parametrize("loss", ["minimax", "non-saturating", "hinge"])
def test_ada_counts_from_0_where_the_objective_fixes_it(loss: str) -> None:
    gan = Plain.create(GANConfig(augment="ada", loss=loss, nz=4), ONE)
    with torch.no_grad():
        gan.discriminator[1].bias.fill_(100.0)
    real = pictures(8, 8, 1).float()
    assert gan.discriminator_loss(Batch(real=real, fake=real)).extra["d_sign"].item() == 1
