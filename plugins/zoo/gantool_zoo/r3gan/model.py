"""R3GAN's schedule."""

from __future__ import annotations

from gantool import Progress, Settings
from gantool.gan.schedules import cosine
from gantool_zoo.networks import PlainNetworks


class R3GAN(PlainNetworks):
    """R3GAN (Huang et al. 2024): relativistic pairing, with R1 and R2 on every step.

    Learning rate, beta2 and gamma have schedules over the whole run.
    """

    def settings(self, progress: Progress) -> Settings:
        """Learning rate, beta2 and gamma at this share of the run."""
        config, share = self.config, progress.step / progress.total_steps
        decline = cosine(1, config.final_lr / config.lr, share=share)
        betas = (config.beta1, cosine(config.beta2, config.final_beta2, share=share))
        weight = cosine(config.penalty_weight or 1.0, config.final_penalty_weight, share=share)
        players = {}
        for player, common in super().settings(progress).players.items():
            rate = common.get("lr", self.learning_rate(player))
            players[player] = {**common, "lr": rate * decline, "betas": betas}
        return Settings(players=players, penalty_weight=weight)
