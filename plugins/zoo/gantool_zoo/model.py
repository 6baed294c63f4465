"""Networks for games that treat samples apart, and R3GAN's schedule on them."""

from __future__ import annotations

from gantool import ConfigError, Progress, Settings, Shapes
from gantool.gan.layers import perceptron
from gantool.gan.schedules import cosine
from gantool.models.dcgan.model import DCGAN


class WGANGP(DCGAN):
    """WGAN-GP (Gulrajani et al. 2017, Algorithm 1).

    The game is the configuration's; here are its first weights, and the networks for points.
    """

    def build(self, shapes: Shapes) -> None:
        """DCGAN's networks for images; for points perceptrons of 4 ngf and 4 ndf units a layer."""
        if shapes.kind == "images":
            super().build(shapes)
            return
        if self._batch_norm():
            raise ConfigError(
                "--discriminator-norm: points have no BatchNorm in D.", "Leave it at auto."
            )
        config = self.config
        self.generator = perceptron(config.nz, shapes.values, width=4 * config.ngf)
        self.discriminator = perceptron(shapes.values, 1, width=4 * config.ndf)

    def initialize(self, train_data) -> None:
        """Keep PyTorch's weights in both networks.

        DCGAN's small ones train slowly where D has no BatchNorm.
        """


class R3GAN(WGANGP):
    """R3GAN (Huang et al. 2024): relativistic pairing, with R1 and R2 on every step.

    Learning rate, beta2 and gamma have schedules over the whole run.
    """

    def settings(self, progress: Progress) -> Settings:
        """Learning rate, beta2 and gamma at this share of the run."""
        config, share = self.config, progress.step / progress.total_steps
        decline = cosine(1, config.final_lr / config.lr, share=share)
        betas = (config.beta1, cosine(config.beta2, config.final_beta2, share=share))
        weight = cosine(config.penalty_weight or 1.0, config.final_penalty_weight, share=share)
        players = {
            player: {"lr": self.learning_rate(player) * decline, "betas": betas}
            for player in self.players()
        }
        return Settings(players=players, penalty_weight=weight)
