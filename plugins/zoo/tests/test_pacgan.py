from __future__ import annotations

import pytest
from gantool_zoo.pacgan import PacGANConfig
from gantool_zoo.pacgan.model import PacGAN
from torch import nn

from gantool import Shapes
from gantool.models.dcgan import Config
from gantool.models.dcgan.model import DCGAN
from gantool.testing import check_model


def test_pacgan_keeps_gantools_contract():
    check_model("pacgan", sizes=(16, (8, 12)), channels=(1,), classes=(0,), ngf=4, ndf=4)


def test_pacgan_is_dcgan_but_for_the_first_layer_of_d():
    own = PacGAN.create(PacGANConfig(ngf=4, ndf=4), Shapes((28, 28), 1, classes=0))
    plain = DCGAN.create(Config(ngf=4, ndf=4), Shapes((28, 28), 1, classes=0))
    shapes = [{name: tuple(p.shape) for name, p in gan.named_parameters()} for gan in (own, plain)]
    different = {name for name in shapes[1] if shapes[0][name] != shapes[1][name]}
    assert different == {"discriminator.0.weight"}
    assert own.discriminator[0].in_channels == 2
    assert own.objective.__class__ is plain.objective.__class__


@pytest.mark.parametrize("pack", [1, 3])
def test_on_points_d_sees_all_values_of_a_pack(pack):
    gan = PacGAN.create(PacGANConfig(pack=pack, batch_size=6), Shapes.of_points())
    first = next(m for m in gan.discriminator.modules() if isinstance(m, nn.Linear))
    assert first.in_features == 2 * pack
