from __future__ import annotations

import pytest
import torch
from gantool_zoo.lsgan import SPEC, LSGANConfig
from gantool_zoo.lsgan.model import LSGAN

from gantool import Batch, Shapes
from gantool.testing import check_model


def test_lsgan_keeps_gantools_contract():
    check_model("lsgan", sizes=(16, (8, 12)), channels=(1,), classes=(0,), ngf=4, ndf=4)


@pytest.mark.parametrize("preset", [None, "pearson"])
def test_the_losses_are_the_papers_equation_2(preset):
    """Mao et al. 2017; the preset has the labels of equation 8, the default those of equation 9."""
    torch.manual_seed(1)
    overlay = SPEC.presets[preset] if preset else {}
    a, b, c = {None: (0, 1, 1), "pearson": (-1, 1, 0)}[preset]
    gan = LSGAN.create(LSGANConfig(nz=2, ngf=2, ndf=2, **overlay), Shapes.of_points()).double()
    real, z = torch.randn(2, 6, 2, dtype=torch.float64)
    batch = Batch(real=real, fake=gan.generate(z, None))
    r, f = (gan.discriminator(x)[:, 0].tolist() for x in (real, batch.fake))
    d = sum((x - b) ** 2 for x in r) / 12 + sum((x - a) ** 2 for x in f) / 12
    g = sum((x - c) ** 2 for x in f) / 12
    assert gan.discriminator_loss(batch).total.item() == pytest.approx(d, abs=1e-9)
    assert gan.generator_loss(batch).total.item() == pytest.approx(g, abs=1e-9)
    assert gan.d_scale == "raw"
