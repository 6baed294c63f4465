"""The networks of the conditional GAN; each sees the label as a one-hot vector."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool import GAN, ConfigError, Latent, Shapes
from gantool.gan.layers import Maxout, Scale, perceptron
from gantool.models.dcgan import model as dcgan

_WIDTH = 128  # of the hidden layers for points in the plane


class TwoInputs(nn.Module):
    """Two branches, joined.

    It takes [N, first + second], runs each part through its own layers, and concatenates the
    outputs.
    """

    def __init__(self, first: int, left: nn.Module, right: nn.Module) -> None:
        super().__init__()
        self.first, self.left, self.right = first, left, right

    def forward(self, joined: Tensor) -> Tensor:
        """Both branches' outputs, side by side."""
        return torch.cat(
            [self.left(joined[:, : self.first]), self.right(joined[:, self.first :])], dim=1
        )


class CGAN(GAN):
    """Mirza and Osindero 2014, equation 2: the game of 2014 with D(x|y) and G(z|y)."""

    conditional = True

    def build(self, shapes: Shapes) -> None:
        """The backbone that the configuration names; for points a perceptron."""
        if shapes.kind == "points":
            self._build_for_points(shapes, self.config.nz, shapes.classes)
            return
        getattr(self, f"_build_{self.config.backbone}")(shapes, self.config.nz, shapes.classes)

    def _build_for_points(self, shapes: Shapes, nz: int, classes: int) -> None:
        if self.config.backbone != "mlp":
            raise ConfigError(
                f"--backbone {self.config.backbone} is for images; points have the perceptron's.",
                "Leave it out.",
            )
        self.generator = perceptron(nz + classes, shapes.values, width=_WIDTH)
        self.discriminator = perceptron(self.judged.values + classes, 1, width=_WIDTH)

    def _build_mlp(self, shapes: Shapes, nz: int, classes: int) -> None:
        hidden = [
            layer
            for a, b in ((nz + classes, 256), (256, 512), (512, 1024))
            for layer in (nn.Linear(a, b), nn.BatchNorm1d(b), nn.LeakyReLU(0.2))
        ]
        self.generator = nn.Sequential(
            *hidden, nn.Linear(1024, shapes.values), nn.Tanh(), _image(shapes)
        )
        self.discriminator = nn.Sequential(
            nn.Linear(self.judged.values + classes, 512),
            nn.LeakyReLU(0.2),
            nn.Linear(512, 256),
            nn.LeakyReLU(0.2),
            nn.Linear(256, 1),
        )

    def _build_paper(self, shapes: Shapes, nz: int, classes: int) -> None:
        self.generator = nn.Sequential(
            TwoInputs(
                nz,
                nn.Sequential(nn.Linear(nz, 200), nn.ReLU(), nn.Dropout(0.5)),
                right=nn.Sequential(nn.Linear(classes, 1000), nn.ReLU(), nn.Dropout(0.5)),
            ),
            nn.Linear(1200, 1200),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(1200, shapes.values),
            nn.Sigmoid(),
            Scale(2, -1),
            _image(shapes),
        )
        self.discriminator = nn.Sequential(
            TwoInputs(
                self.judged.values,
                nn.Sequential(
                    Scale(0.5, 0.5), Maxout(self.judged.values, 240, pieces=5), nn.Dropout(0.5)
                ),
                right=nn.Sequential(Maxout(classes, 50, pieces=5), nn.Dropout(0.5)),
            ),
            Maxout(290, 240, pieces=4),
            nn.Dropout(0.5),
            nn.Linear(240, 1),
        )

    def _build_dcgan(self, shapes: Shapes, nz: int, classes: int) -> None:
        seen = replace(self.judged, channels=self.judged.channels + classes)
        batch_norm = not dcgan.treats_images_apart(self.config)
        self.generator = dcgan.generator(shapes, nz + classes, ngf=self.config.width)
        self.discriminator = dcgan.discriminator(seen, self.config.width, batch_norm=batch_norm)

    def initialize(self, train_data) -> None:
        """The first weights: DCGAN's for backbone dcgan, the 2014 authors' for backbone paper.

        The authors' are those of their code; backbone mlp keeps PyTorch's.
        """
        if self.config.backbone == "dcgan":
            self.generator.apply(dcgan.initialize_weights)
            if not dcgan.treats_images_apart(self.config):
                self.discriminator.apply(dcgan.initialize_weights)
        if self.config.backbone == "paper":
            for network, bound in ((self.generator, 0.05), (self.discriminator, 0.005)):
                for layer in network.modules():
                    if isinstance(layer, nn.Linear):
                        nn.init.uniform_(layer.weight, -bound, bound)
                        nn.init.zeros_(layer.bias)

    @property
    def latent(self) -> Latent:
        """Uniform latents fill the unit hypercube, as the authors' did."""
        return Latent(self.config.latent, self.config.nz, low=0.0, high=1.0)

    def generate(self, z: Tensor, y: Tensor) -> Tensor:
        """Samples of the classes y."""
        return self.generator(torch.cat([z, self._one_hot(y, z)], dim=1))

    def judge(self, x: Tensor, y: Tensor) -> Tensor:
        """Logits that x is a real sample of class y."""
        label = self._one_hot(y, x)
        if self.config.backbone == "dcgan":
            maps = label[:, :, None, None].expand(-1, -1, *x.shape[2:])
            return self.discriminator(torch.cat([x, maps], dim=1)).flatten()
        return self.discriminator(torch.cat([x.flatten(1), label], dim=1)).flatten()

    def _one_hot(self, y: Tensor, like: Tensor) -> Tensor:
        return F.one_hot(y, self.shapes.classes).to(like.dtype)


def _image(shapes: Shapes) -> nn.Unflatten:
    return nn.Unflatten(1, shapes.sample)
