"""Samples as they are shown and scored."""

from __future__ import annotations

import torch

from gantool import Shapes
from gantool.models.dcgan import Config
from gantool.models.dcgan.model import DCGAN
from gantool.sampling.generate import generate_samples


def test_samples_are_drawn_in_evaluation_mode() -> None:
    """A latent's image does not depend on the others of its batch, and BatchNorm learns nothing."""
    torch.manual_seed(0)
    gan = DCGAN.create(Config(nz=8, ngf=4, ndf=4), Shapes((16, 16), 1, classes=0)).train()
    for norm in gan.generator.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
    before = {name: value.clone() for name, value in gan.state_dict().items()}
    z = torch.randn(6, 8)

    whole = generate_samples(gan, z, y=None)

    alone = [generate_samples(gan, z[i : i + 1], y=None)[0] for i in range(6)]
    for i in range(6):
        assert abs(whole[i].astype(int) - alone[i].astype(int)).max() <= 1
    assert gan.training
    assert all(torch.equal(before[name], value) for name, value in gan.state_dict().items())
