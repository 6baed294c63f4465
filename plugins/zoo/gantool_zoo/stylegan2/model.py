"""StyleGAN2's networks and its lazy turns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from gantool import GAN, Batch, ConfigError, Losses, Progress, Settings, Shapes, Turn
from gantool.gan.game import in_full_precision
from gantool.gan.layers import Activated, MinibatchStd, ShrinkingBlock, StyleGenerator, equalized
from gantool.gan.penalties import zero_centered_gradient_penalty
from gantool.gan.shapes import maps
from gantool_zoo.stylegan2 import StyleGAN2Config

_PATH_DECAY = 0.99  # of the mean path length
_MAPPING_RATE = 0.01  # of the mapping network's learning rate


class StyleGAN2(GAN[StyleGAN2Config]):
    """StyleGAN2 (Karras et al. 2020) for small images; beyond the paper's, images end in tanh."""

    def prepare(self) -> None:
        """Refuse what has no second derivatives."""
        super().prepare()
        if self.config.compile and (self.config.r1_weight or self.config.path_weight):
            raise ConfigError(
                "--compile: torch.compile has no second derivatives, as the penalties need.",
                "Leave it out, or add --r1-weight 0 --path-weight 0.",
            )

    def build(self, shapes: Shapes) -> None:
        """Set both networks, for any size."""
        config, width, sizes = self.config, self.config.ndf, maps(shapes.size)
        self.generator = StyleGenerator(
            shapes,
            nz=config.nz,
            width=config.ngf,
            mapping_layers=config.mapping_layers,
            mixing=config.style_mixing,
        )
        self.discriminator = nn.Sequential(
            Activated(equalized(nn.Conv2d(shapes.channels, width, 1))),
            *(ShrinkingBlock(width, before=a, after=b) for a, b in pairwise(sizes)),
            MinibatchStd(),
            Activated(equalized(nn.Conv2d(width + 1, width, 3, padding=1))),
            nn.Flatten(),
            Activated(equalized(nn.Linear(width * math.prod(sizes[-1]), width))),
            equalized(nn.Linear(width, 1)),
        )
        self.register_buffer("path_mean", torch.zeros(()))

    def turns(self, progress: Progress) -> Sequence[Turn]:
        """The game's, and in some steps those of the two lazy penalties."""
        turns = [*super().turns(progress)]
        if self.config.r1_weight and progress.step % self.config.r1_every == 0:
            turns.append(Turn("discriminator", self.r1, real="same", latent="none", name="r1"))
        if self.config.path_weight and progress.step % self.config.path_every == 0:
            turns.append(
                Turn("generator", self.path_length, real="none", fake=False, name="path_penalty")
            )
        return turns

    def r1(self, batch: Batch) -> Losses:
        """R1, as many times as strong as its turn is rare."""
        real = batch.real.detach().requires_grad_()
        logits = self.discriminate(real, batch.real_labels)
        weight = self.config.r1_weight * self.config.r1_every
        return Losses(zero_centered_gradient_penalty(logits, real, weight=weight))

    def path_length(self, batch: Batch) -> Losses:
        """E (||J_w^T y|| - a)^2 over half of the latents (equation 4); a is the mean so far."""
        styles = self.generator.styles(batch.z[: max(1, len(batch.z) // 2)])
        images = self.generator.draw(styles)
        y = torch.randn_like(images) / math.sqrt(images[0, 0].numel())
        (slope,) = torch.autograd.grad((images * y).sum(), styles, create_graph=True)
        lengths = in_full_precision(slope).square().sum(2).mean(1).sqrt()
        mean = self.path_mean.lerp(lengths.detach().mean().to(self.path_mean), 1 - _PATH_DECAY)
        weight = self.config.path_weight * self.config.path_every
        return Losses(
            weight * (lengths - mean).square().mean(), extra={"path_length": lengths.mean()}
        )

    def after_step(self, metrics: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Follow the mean path length."""
        if "path_length" in metrics:
            self.path_mean.lerp_(metrics["path_length"].to(self.path_mean), 1 - _PATH_DECAY)
        return super().after_step(metrics)

    def settings(self, progress: Progress) -> Settings:
        """Adam's rate times c, its betas to the power of c, c = k / (k + 1) (appendix B).

        That is for a player with a lazy turn in one of k steps.
        """
        config, settings, players = self.config, super().settings(progress), {}
        lazy = {"discriminator": config.r1_weight and config.r1_every}
        lazy["generator"] = config.path_weight and config.path_every
        for player, k in lazy.items():
            c, given = k / (k + 1) if k else 1.0, settings.players[player]
            players[player] = {**given, "lr": given.get("lr", self.learning_rate(player)) * c}
            if config.optimizer == "adam":
                players[player]["betas"] = (config.beta1**c, config.beta2**c)
        return replace(settings, players=players)

    def make_optimizer(self, player, parameters):
        """The configured one; the mapping network's rate is a hundredth of the generator's."""
        slow = {*self.generator.mapping.parameters()} & {*parameters}
        groups = [{"params": [p for p in parameters if p not in slow]}]
        if slow:
            mapping = [p for p in parameters if p in slow]
            groups.append({"params": mapping, "lr_factor": _MAPPING_RATE})
        return super().make_optimizer(player, groups)

    def truncate(self, psi: float) -> None:
        """Draw with styles at `psi` of their distance from the mean one."""
        self.generator.psi = psi
